"""Functions with parameters, and functions that return floats."""

from decimal import Decimal

import numpy as np


def types(data, **parameters):
    raise ValueError(" ".join(f"{k}={v!r}:{type(v).__name__}" for k, v in parameters.items()))


def same(data, value):
    return [value]


def changes(data, **parameters):
    value = parameters.pop("value")
    parameters["other"] = value
    return [value]


class Float(float):
    """A float whose `__float__` returns another value."""

    def __float__(self):
        return 7.0


class HasFloat:
    def __float__(self):
        return 1.5


KINDS = {
    "float": float, "subclass": Float, "float64": np.float64, "float32": np.float32,
    "float16": np.float16, "int": int, "bool": bool, "str": str, "None": lambda _: None,
    "int64": np.int64, "complex": complex, "Decimal": Decimal, "has_float": lambda _: HasFloat(),
}


def gives(data, kind):
    if kind == "array":
        return np.array([0.5, 1.5], np.float32)
    if kind == "one more":
        return iter([0.5, 1.5, 2.5])
    if kind == "text":
        return "1.5"
    return 0.5, KINDS[kind](1.5)
