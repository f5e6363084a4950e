"""Your own functions: a list of floats in; the indices of some of them out, or other floats."""


def spikes(data):
    """Yield the indices of the values more than three times as large as both their neighbours."""
    if len(data) < 3:
        raise ValueError(f"{len(data)} values are too few: a spike has two neighbours")
    for index in range(1, len(data) - 1):
        if data[index] > 3 * max(data[index - 1], data[index + 1]):
            yield index


def moving_average(data, width=3):
    """Yield the mean of each `width` values in a row: floats, for `transform`."""
    for end in range(width, len(data) + 1):
        yield sum(data[end - width : end]) / width
