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
msgspec, ujson, gmpy2, hiredis, frozendict, lz4 = map(
    package, ("msgspec", "ujson", "gmpy2", "hiredis", "frozendict", "lz4.frame"))

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


if msgspec:
    DECODER = msgspec.msgpack.Decoder(tuple[float, ...])
    ENCODED = msgspec.msgpack.encode([number + 0.5 for number in range(17)])


def tuple_of_seventeen(data):
    DECODER.decode(ENCODED)
    return []


def large_integer(data):
    ujson.loads("123456789012345678901234567890")
    return []


def constant_key(data):
    ujson.dumps({2345.5: 1})
    return []


def real_number(data):
    gmpy2.mpfr("1.5")
    return []


if hiredis:
    READER = hiredis.Reader()


def map_reply(data):
    READER.feed(b"%1\r\n+key\r\n$5\r\nvalue\r\n")
    READER.gets()
    return []


def hash_of_mapping(data):
    hash(frozendict.frozendict({1.5: 2.5}))
    return []


if lz4:
    BROKEN = lz4.compress(bytes(1000))[:-8] + b"12345678"


def broken_frame(data):
    try:
        lz4.decompress(BROKEN)
    except RuntimeError:
        pass
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
