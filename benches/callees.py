"""The functions that the peers call, as in the articles that this project follows."""

import threading
import time

import numpy as np


def one_liner(values):
    """Indices of the values more than 2 standard deviations from the mean: array in, array out."""
    return np.where(np.abs(values - values.mean()) > 2 * values.std())[0]


def article(data):
    """The function of the copying article: list in, list out."""
    return one_liner(np.fromiter(data, dtype=float)).tolist()


def plain(data):
    """The result that every way must return."""
    return one_liner(np.array(data)).tolist()


def sleeps(data):
    time.sleep(0.01)
    return []


eight = threading.Barrier(8)


def meets(data):
    eight.wait()
    return []
