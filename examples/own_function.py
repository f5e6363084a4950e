"""A function of one's own: a list of floats in, the indices of some of them out."""


def spikes(data):
    """Yield the indices of the values more than three times as large as both their neighbours."""
    if len(data) < 3:
        raise ValueError(f"{len(data)} values are too few: a spike has two neighbours")
    for index in range(1, len(data) - 1):
        if data[index] > 3 * max(data[index - 1], data[index + 1]):
            yield index
