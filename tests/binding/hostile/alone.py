"""Callees that change the process for good: each is called in its own process."""

import importlib
import sys


def without_numpy():
    """Make Python forget NumPy, so that the next import loads it again."""
    for name in list(sys.modules):
        if name.partition(".")[0] == "numpy":
            del sys.modules[name]


#> Ok: [1]
def imports_numpy_again(data):
    if not again:
        again.append(True)
        without_numpy()
        try:
            import numpy
        except ImportError:
            # NumPy raises this from 2.3 on. Older versions leak about 26,000 blocks each time, so this runs only once.
            pass
    return [1]


again = []


#> Ok: [1]
def reloads_numpy(data):
    importlib.reload(sys.modules["numpy"])
    return [1]


#> Ok: [1]
def forgets_all_modules(data):
    sys.modules.clear()
    return [1]


#> Call: ValueError: nothing is left
def forgets_all_modules_and_raises(data):
    sys.modules.clear()
    raise ValueError("nothing is left")


#> Ok: [1]
def empties_the_prelude(data):
    vars(sys.modules["_outliers_prelude"]).clear()
    print("not flushed")
    return [1]
