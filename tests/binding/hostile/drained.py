"""Callees whose result changes, fails or never ends while it is drained; and those that keep the list."""

import collections
import gc
import itertools
import sys
import types

import numpy as np


class Does:
    """An item with the value 0 that does something when the value is read."""

    def __init__(self, action): self.action = action

    def __index__(self):
        self.action()
        return 0


# Too many items.

#> TooManyItems: returned more items than the 3 values
def one_too_many(data): return range(len(data) + 1)

#> TooManyItems: returned more items than the 3 values
def counts_for_ever(data): return itertools.count()

#> TooManyItems: returned more items than the 3 values
def has_as_many_as_a_machine_word(data): return range(sys.maxsize)

#> TooManyItems: returned more items than the 3 values
def is_not_even_right_in_the_end(data): return [0, 1, 2, "3"]


class Next:
    """An iterator whose `__next__` calls these functions, one each time."""

    def __init__(self, *does): self.does = iter(does)
    def __iter__(self): return self
    def __next__(self): return next(self.does)()
    def __len__(self): raise ValueError("no length")
    def __length_hint__(self): return -1


class GetsItem:
    """An iterable that has only `__getitem__`, without an end."""

    def __getitem__(self, index): return index


class GetsOne:
    def __getitem__(self, index): return {0: 0}[index]


class NextIsGone:
    def __iter__(self): return self

    def __next__(self):
        del NextIsGone.__next__
        return 0


def raises(error): raise error


#> TooManyItems: returned more items than the 3 values
def gets_items_for_ever(data): return GetsItem()

#> Iteration: item 1 of the result: KeyError: 1
def gets_one_item(data): return GetsOne()

#> Ok: [5]
def length_raises(data): return Next(lambda: 5)

#> Iteration: item 0 of the result: ValueError: at once
def next_raises_at_once(data): return Next(lambda: raises(ValueError("at once")))

#> Iteration: item 1 of the result: ValueError: half-way
def next_raises_half_way(data): return Next(int, lambda: raises(ValueError("half-way")))

#> Iteration: item 3 of the result: ValueError: at the end
def next_raises_at_the_end(data): return Next(int, int, int, lambda: raises(ValueError("at the end")))

#> Iteration: item 1 of the result: SystemExit: 9
def next_exits(data): return Next(int, lambda: sys.exit(9))

#> Iteration: item 1 of the result: GeneratorExit
def next_closes_a_generator(data): return Next(int, lambda: raises(GeneratorExit))

#> OutOfMemory: out of memory
def next_starves(data): return Next(int, lambda: raises(MemoryError))

#> Item: item 1 of the result should be an int, but is NotImplementedType
def next_is_not_implemented(data): return Next(int, lambda: NotImplemented)

#> Ok: [0]
def next_stops_with_a_value(data): return Next(int, lambda: raises(StopIteration([1, 2])))

#> Iteration: item 1 of the result: RuntimeError: generator raised StopIteration
def generator_stops_inside(data):
    yield 0
    raise StopIteration


#> TooManyItems: returned more items than the 3 values
def generator_goes_on_when_closed(data):
    while True:
        try:
            yield 0
        except GeneratorExit:
            yield 1


#> TooManyItems: returned more items than the 3 values
def generator_raises_when_closed(data):
    try:
        yield from itertools.repeat(0)
    finally:
        raise ValueError("closed")


#> Iteration: item 1 of the result: ValueError: generator already executing
def generator_asks_itself(data):
    def generate():
        yield 0
        yield next(generator)

    generator = generate()
    return generator


#> Item: item 0 of the result should be an int, but is drained.NextIsGone
def next_vanishes(data):
    NextIsGone.__next__ = lambda self: self
    return NextIsGone()


# Changed while it is drained.

#> Ok: [0]
def clears_itself(data):
    result = [Does(lambda: result.clear()), 1, 2]
    return result


#> TooManyItems: returned more items than the 3 values
def grows_for_ever(data):
    result = [Does(lambda: result.append(result[0]))]
    return result


#> Ok: [0, 7, 7]
def replaces_what_is_to_come(data):
    result = [Does(lambda: result.__setitem__(slice(0, 3), [7, 7, 7])), 1, 2]
    return result


#> Ok: [0, 1]
def drops_its_own_iterator(data):
    kept[:] = [Next(lambda: kept.clear() or 0, lambda: 1)]
    return kept[0]


#> Iteration: item 1 of the result: RuntimeError: dictionary changed size during iteration
def a_dict_that_grows(data):
    result = {Does(lambda: result.__setitem__(5, 5)): 0, 1: 1}
    return result


#> Iteration: item 1 of the result: RuntimeError: Set changed size during iteration
def a_set_that_shrinks(data):
    result = {Does(lambda: result.clear())}
    return result


#> Iteration: item 1 of the result: RuntimeError: deque mutated during iteration
def a_deque_that_grows(data):
    result = collections.deque([Does(lambda: result.append(1)), 1])
    return result


#> Ok: [0]
def an_array_that_is_cut(data):
    # Without a closure: the collector cannot find a cycle through a NumPy array.
    kept[:] = [np.array([Does(lambda: kept[0].resize(1, refcheck=False)), 1, 2], dtype=object)]
    return kept[0]


#> Ok: [0, 1]
def collects_garbage_half_way(data): return [Does(gc.collect), 1]


# The list that was passed in.

kept = []


class Survives(list):
    """A result that resurrects itself when it is released."""

    def __del__(self): kept[:] = [self]


#> Ok: []
def keeps_the_list(data):
    kept[:] = [data]
    return []


#> Ok: [2, 0, 1]
def returns_the_list_changed(data):
    data[:] = [2, 0, 1]
    return data


#> TooManyItems: returned more items than the 3 values
def fills_the_list(data):
    data.extend(range(100_000))
    data[:3] = [0, 1, 2]
    return data


#> Item: item 0 of the result should be an int, but is list
def puts_the_list_into_itself(data):
    data[:] = [data]
    return data


#> Ok: [0]
def empties_the_list_while_it_is_drained(data):
    data[:] = [Does(data.clear), 1]
    return data


#> Ok: [1]
def result_outlives_itself(data): return Survives([1])


#> Ok: [1]
def finds_who_refers_to_the_list(data):
    kept[:] = gc.get_referrers(data)
    return [1]


class Module(types.ModuleType):
    def __iter__(self): return self

    def __next__(self):
        self.__class__ = types.ModuleType
        return 1


#> Iteration: item 1 of the result: TypeError: the object is no longer an iterator
def stops_being_an_iterator(data): return Module("m")
