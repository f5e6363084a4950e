"""Two functions without NumPy or pandas: one returns floats, the other returns indices."""

from statistics import median


def moving_average(data, window):
    """Return the mean of each value and up to `window` values on either side."""
    sums = [0.0]
    for value in data:
        sums.append(sums[-1] + value)
    ranges = [(max(i - window, 0), min(i + window + 1, len(data))) for i in range(len(data))]
    return [(sums[end] - sums[start]) / (end - start) for start, end in ranges]


def far_from_median(data, factor):
    """Yield the indices of the values more than `factor` median deviations from the median."""
    middle = median(data)
    limit = factor * median(abs(value - middle) for value in data)
    if limit == 0:
        raise ValueError("more than half of the values are the same")
    for index, value in enumerate(data):
        if abs(value - middle) > limit:
            yield index
