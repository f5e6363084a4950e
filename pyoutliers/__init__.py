"""Finds outliers in a list of floats, with NumPy.

>>> detect(gen_testdata())
[7, 113, 835]
"""

from __future__ import annotations

import random
import warnings
from functools import lru_cache
from math import frexp, inf, sqrt
from struct import Struct

import numpy as np

__all__ = ["detect", "gen_testdata"]

# Values converted at once: their tuple and bytes fit in the cache, while larger ones cost page faults.
CHUNK = 4096
# Between these standard deviations, no square that matters has lost bits or become infinite.
SMALLEST, LARGEST = 1e-100, 1e100
# Down to this limit, squares compare as the deviations do; the squares of smaller ones lose bits.
SMALLEST_LIMIT = 1e-150

# `np.sum` without its Python layer.
_sum = np.add.reduce
# `detect` scales or refuses the numbers that cause these warnings.
warnings.filterwarnings("ignore", "(overflow|invalid value) encountered", RuntimeWarning, f"{__name__}$")


def detect(data: list[float], threshold: float = 2) -> list[int]:
    """Return the indices, in order, of values more than `threshold` standard deviations from the mean.

    It uses the population standard deviation. The steps are those of `numpy.std`, and the result is the same to
    the last bit. Numbers whose squares would be too large or too small for a float are scaled first. A NaN or
    an infinity would hide every outlier, so it raises a ValueError with the index of the first. So does a
    threshold that is negative or not finite.
    """
    if not 0 <= threshold < inf:
        raise ValueError(f"threshold must be a finite number of 0 or more, not {threshold}")
    if not data:
        return []
    values, length = _to_array(data), len(data)
    mean = _sum(values) / length
    # In place for a large array: memory from the system costs more than the subtraction.
    squares = np.subtract(values, mean, out=values if length > CHUNK else None)
    squares *= squares
    deviation = sqrt(_sum(squares) / length)
    if not SMALLEST < deviation < LARGEST:
        return _detect_scaled(_to_array(data), threshold)
    limit = threshold * deviation
    if limit > SMALLEST_LIMIT:
        return (squares > limit * limit).nonzero()[0].tolist()
    return (np.abs(_to_array(data) - mean) > limit).nonzero()[0].tolist()


def _detect_scaled(values: np.ndarray, threshold: float) -> list[int]:
    """Do the same with the numbers scaled to at most 1 by a power of two, which changes no digit."""
    _refuse_non_finite(values)
    _, exponent = frexp(np.abs(values).max())
    values = np.ldexp(values, -exponent)
    deviations = np.abs(values - _sum(values) / len(values))
    limit = threshold * sqrt(_sum(deviations * deviations) / len(values))
    return (deviations > limit).nonzero()[0].tolist()


@lru_cache(maxsize=256)
def _packer(length: int):
    """Return a function that packs that many floats into bytes, in a third of the time of `np.fromiter`."""
    return Struct(f"{length}d").pack


def _to_array(data: list[float]) -> np.ndarray:
    length = len(data)
    if length <= CHUNK:
        return np.frombuffer(_packer(length)(*data))
    values = np.empty(length, float)  # without a type, NumPy 2.4 leaks a reference to its default type
    for start in range(0, length, CHUNK):
        part = data[start : start + CHUNK]
        values[start : start + CHUNK] = np.frombuffer(_packer(len(part))(*part))
    return values


def _refuse_non_finite(values: np.ndarray) -> None:
    """Raise a ValueError for the first value that is not finite, if there is one."""
    for index in np.flatnonzero(~np.isfinite(values))[:1].tolist():
        raise ValueError(f"the value at index {index} is not finite: {values[index]}")


def gen_testdata() -> list[float]:
    """Return 1,000 random floats between 0 and 1, except at 7, 113 and 835, which stand out."""
    data = [random.random() for _ in range(1000)]
    for index in (7, 113, 835):
        data[index] += 50
    return data
