"""Find the outliers of many series on a Dask cluster: each worker reads its own series, and sends back only indices.

    many_series.py [ADDRESS]    ADDRESS is a scheduler's, such as tcp://host:8786; without it, two workers start here
"""

import random
import sys

from dask.distributed import Client, as_completed
from pyoutliers import detect

SERIES = 10_000
VALUES = 1_000
PARTS = 100


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


def find(client, function, parts):
    """Return the sorted results of all parts, and the errors of the parts that failed.

    If a worker is lost, Dask repeats its parts on the other workers.
    """
    futures = {client.submit(function, part): part for part in parts}
    found, errors = [], []
    for future in as_completed(futures):
        error = future.exception()
        if error is None:
            found += future.result()
        else:
            errors.append(f"{futures[future]}: {type(error).__name__}: {error}")
    return sorted(found), sorted(errors)


def main(address=None):
    try:
        client = Client(address) if address else Client(n_workers=2, threads_per_worker=1, dashboard_address=None)
    except (OSError, ValueError) as error:
        return f"{address}: {error}"
    with client:
        workers = len(client.scheduler_info()["workers"])
        found, errors = find(client, far_out, [range(first, SERIES, PARTS) for first in range(PARTS)])
    print(f"{SERIES:,} series of {VALUES:,} values, on {workers} workers")
    for number, indices in found:
        print(f"series {number:5}: {indices}")
    for error in errors:
        print(error, file=sys.stderr)
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
