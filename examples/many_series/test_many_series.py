"""Tests of many_series.py: needs pytest, distributed and NumPy, and pyoutliers on the path."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import cloudpickle
import many_series
import pytest
from dask.distributed import Client

# So that workers get the functions of this file, which they cannot import.
cloudpickle.register_pickle_by_value(sys.modules[__name__])
cloudpickle.register_pickle_by_value(many_series)

PARTS = [range(first, 2_000, 10) for first in range(10)]


@pytest.fixture(scope="module")
def client():
    with Client(n_workers=2, threads_per_worker=1, dashboard_address=None) as client:
        yield client


@pytest.fixture(scope="module")
def expected():
    return many_series.far_out(range(2_000))


def test_the_cluster_finds_what_one_process_finds(client, expected):
    assert expected == [(0, [0]), (1_000, [1])]
    assert many_series.find(client, many_series.far_out, PARTS) == (expected, [])


def test_a_part_that_raises_is_an_error_and_the_others_are_found(client, expected):
    def raises(part):
        if 5 in part:
            raise LookupError("series 5 is missing")
        return many_series.far_out(part)

    errors = ["range(5, 2000, 10): LookupError: series 5 is missing"]
    assert many_series.find(client, raises, PARTS) == (expected, errors)


def test_a_lost_worker_loses_no_part(client, expected, tmp_path):
    lost = tmp_path / "lost"

    def dies_once(part):
        if 5 in part and not lost.exists():
            lost.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return many_series.far_out(part)

    assert many_series.find(client, dies_once, PARTS) == (expected, [])
    assert lost.exists()


def test_10_000_series_print_what_the_page_shows():
    directory = Path(__file__).parent
    printed = subprocess.check_output([sys.executable, directory / "many_series.py"], text=True)
    assert len(printed.splitlines()) == 11
    assert printed in (directory / "README.md").read_text()


def test_a_scheduler_that_does_not_answer_is_one_line():
    command = [sys.executable, many_series.__file__, "tcp://127.0.0.1:9"]
    environment = {**os.environ, "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "1s"}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert ended.stderr.startswith("tcp://127.0.0.1:9: Timed out") and ended.stderr.count("\n") == 1
