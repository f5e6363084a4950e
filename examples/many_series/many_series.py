"""Find the outliers of many series, on all cores: each process reads its own part and sends back indices."""

import os
import random
from concurrent.futures import ProcessPoolExecutor

from pyoutliers import detect

SERIES = 10_000
VALUES = 1_000


def read(number):
    """Return a series by its number. Your own code would read it from a file or a database."""
    values = random.Random(number)
    data = [values.gauss(20, 0.5) for _ in range(VALUES)]
    if number % 1_000 == 0:  # one series in a thousand has an extreme value
        data[number // 1_000] += 50
    return data


def far_out(numbers):
    """Return the number and the index of each series with exactly one outlier: an extreme value hides the others."""
    found = ((number, detect(read(number))) for number in numbers)
    return [(number, indices) for number, indices in found if len(indices) == 1]


def main():
    workers = os.cpu_count()
    parts = [range(first, SERIES, 8 * workers) for first in range(8 * workers)]
    with ProcessPoolExecutor(workers) as processes:
        found = sorted(sum(processes.map(far_out, parts), []))
    print(f"{SERIES:,} series of {VALUES:,} values, on {workers} workers")
    for number, indices in found:
        print(f"series {number:5}: {indices}")


if __name__ == "__main__":
    main()
