"""Functions for the soak, each with a leak of a released package: see `real-leaks`."""

import ctypes
import importlib
import sys


def package(name):
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


np, pl, orjson, geometry, ops = map(package, ("numpy", "polars", "orjson", "shapely.geometry", "shapely.ops"))
alchemy = package("sqlalchemy")

if np:
    ARRAY, OUT = np.arange(5), np.zeros(5, dtype=np.int32)
    NUMBER, DATE = np.int64(15), np.datetime64(10, "Y")
    DT = np.dtype([("field", "f8")])
    VALUES = np.zeros(3, dtype=DT)


def accumulate(data):
    np.add.accumulate(ARRAY, dtype=np.int32, out=OUT)
    return []


def text_of_scalar(data):
    str(NUMBER)
    return []


class Convertible:
    def __array__(self, dtype=None, copy=None):
        return VALUES.__array__(dtype=dtype, copy=copy)


THING = Convertible()


def array_protocol(data):
    np.array(THING)
    return []


def hash_of_date(data):
    hash(DATE)
    return []


def empty(data):
    np.empty(3)
    return []


if pl:
    pl.enable_string_cache()
calls = 0


def string_cache(data):
    global calls
    calls += 1
    pl.Series(["%0900d" % calls], dtype=pl.Categorical)
    return []


class Unknown:
    pass


UNKNOWN = Unknown()


def refuse(thing):
    raise TypeError("unknown")


def default_raises(data):
    try:
        orjson.dumps(UNKNOWN, default=refuse)
    except TypeError:
        pass
    return []


if geometry:
    LEFT = geometry.Polygon([(0, 0), (1, 0), (1, 1)])
    RIGHT = geometry.Polygon([(5, 5), (6, 5), (6, 6)])


def nearest(data):
    ops.nearest_points(LEFT, RIGHT)
    return []


if alchemy:
    ENGINE = alchemy.create_engine("sqlite://")
    SELECT = alchemy.text("select 1")


def select(data):
    with ENGINE.connect() as connection:
        connection.execute(SELECT)
    return []


KEPT = []


def kept_floats(data):
    KEPT.append(len(data) + 1e9)
    return []


release = ctypes.pythonapi.Py_DecRef
release.argtypes = [ctypes.py_object]
release.restype = None


def item_released(data):
    release(data[1])
    return []


def nothing(data):
    return []
