"""Find the outliers of many series, on all cores of this machine or of a cluster, by Dask."""

import random
import sys

import dask.bag
from distributed import Client

from pyoutliers import detect

SERIES = 10_000
VALUES = 1_000


def read(number):
    """Return a series by its number. Read yours here, from a file or a database, where it is needed."""
    values = random.Random(number)
    data = [values.gauss(20, 0.5) for _ in range(VALUES)]
    if number % 1_000 == 0:  # one in a thousand has a value that stands out far
        data[number // 1_000] += 50
    return data


def far_out(number):
    """Return the number and the index if one value stands so far out that no other does."""
    indices = detect(read(number))
    return (number, indices) if len(indices) == 1 else None


def main():
    # An address, such as tcp://scheduler:8786, is that of a cluster; without one, it is made here.
    with Client(*sys.argv[1:]) as client:
        workers = len(client.scheduler_info()["workers"])
        numbers = dask.bag.from_sequence(range(SERIES), npartitions=8 * workers)
        found = numbers.map(far_out).filter(bool).compute()
    print(f"{SERIES:,} series of {VALUES:,} values, on {workers} workers")
    for number, indices in found:
        print(f"series {number:5}: {indices}")


if __name__ == "__main__":
    main()
