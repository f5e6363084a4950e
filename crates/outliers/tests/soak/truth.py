"""Functions whose verdict is obvious: stores of fixed size, and growth without end."""

import array
import collections
import ctypes
import functools
import heapq
import io
import itertools
import os
import queue
import random
import threading
import time
import weakref

import numpy as np

libc = ctypes.CDLL(None)
libc.malloc.restype = libc.mmap.restype = ctypes.c_void_p
libc.free.argtypes = [ctypes.c_void_p]
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
take = ctypes.pythonapi.Py_IncRef
take.argtypes, take.restype = [ctypes.py_object], None
numbers = itertools.count(1)


class Node:
    def __init__(self, value):
        self.value = value
        self.next = self.other = None


# Stores of fixed size, which are full or fill soon.

window = collections.deque(maxlen=20_000)
ordered = collections.OrderedDict()
plain = {}
pool = [object() for _ in range(1000)]
ring = [None] * 2048
floats = [0.0] * 10_000
lists = [None] * 500
slots = [[i] for i in range(500)]
cycles = collections.deque(maxlen=300)
generators = collections.deque(maxlen=100)
errors = [None] * 10
heap = []
ends = {}
objects = np.full(700, None)
blocks = [None] * 300
weak = weakref.WeakValueDictionary()
strong = collections.deque(maxlen=200)
random_memo = {}
local = threading.local()


@functools.lru_cache(2000)
def cached(number):
    return [number]


def stores(data):
    """Each of them holds as many objects after a call as before, once it is full."""
    i = next(numbers)
    window.extend(data[0] + j for j in range(10))
    ordered[i] = [i]
    plain[i] = object()
    if len(ordered) > 800:
        ordered.popitem(last=False)
    plain.pop(i - 3000, None)
    pool.append(object())
    del pool[0]
    ring[i % len(ring)] = object()
    floats[i % len(floats)] = i + 0.5
    lists[i % len(lists)] = [[i]]
    j, k = random.randrange(500), random.randrange(500)
    slots[j], slots[k] = slots[k], slots[j]
    node = Node(i)
    node.next, node.other = node, [node]
    cycles.append(node)
    generator = (number for number in [i])
    next(generator)
    generators.append(generator)
    try:
        int("x%d" % i)
    except ValueError as error:
        errors[i % len(errors)] = error
    heapq.heappush(heap, (random.random(), [i]))
    if len(heap) > 400:
        heapq.heappop(heap)
    # A queue of nodes, and a queue of nodes linked both ways.
    for last, first, both_ways in (("last", "first", False), ("end", "start", True)):
        node = Node([i])
        if last in ends:
            ends[last].next = node
            node.other = ends[last] if both_ways else None
        else:
            ends[first] = node
        ends[last] = node
        if i > 250:
            ends[first] = ends[first].next
            ends[first].other = None
    objects[i % len(objects)] = [i]
    libc.free(blocks[i % len(blocks)])
    blocks[i % len(blocks)] = libc.malloc(600)
    node = weak[i] = Node(i)
    strong.append(node)
    random_memo[random.randrange(1000)] = [i]
    local.last = [i]
    cached(i)
    return []


store = {}
rare = {}


def fills_a_store_of_100_000(data):
    store[next(numbers) % 100_000] = data[0] + 0.5
    return []


def fills_a_ring_of_100_000(data):
    global large
    if not store:
        store[0] = [None] * 100_000
    store[0][next(numbers) % 100_000] = object()
    return []


def fills_rarely(data):
    """Fill one of 50,000 places at one call in three."""
    i = next(numbers)
    if i % 3 == 0:
        rare[i // 3 % 50_000] = [i]
    return []


def takes_longer_to_fill(fill, data):
    time.sleep(0.0005)
    return fill(data)


def takes_longer_to_fill_a_store(data): return takes_longer_to_fill(fills_a_store_of_100_000, data)
def takes_longer_to_fill_a_ring(data): return takes_longer_to_fill(fills_a_ring_of_100_000, data)


# Growth without end.

HISTORY = []
NUMBERS = array.array("d")
JOURNAL = bytearray()
STREAM = io.BytesIO()
LINES = io.StringIO()
TEXT = ""
PATH = ()
SERIES = np.zeros(1)
SEEN = set()
QUEUE = queue.SimpleQueue()
CHAIN = None
THING = Node(None)


def grows(data): HISTORY.append(1); return []
def grows_rarely(data): HISTORY.extend([1] * (next(numbers) % 300 == 0)); return []
def grows_an_array(data): NUMBERS.append(1.0); return []
def grows_a_bytearray(data): JOURNAL.extend(b"x" * 100); return []
def grows_a_stream(data): STREAM.write(b"x" * 100); return []
def grows_a_text_stream(data): LINES.write("abc"); return []
def grows_a_set(data): SEEN.add(next(numbers)); return []
def grows_a_queue(data): QUEUE.put(1); return []
def grows_attributes(data): setattr(THING, "a%d" % next(numbers), 1); return []


def grows_a_text(data):
    global TEXT
    TEXT += "x"
    return []


def grows_a_tuple(data):
    global PATH
    PATH += (1,)
    return []


def grows_a_numpy_array(data):
    global SERIES
    SERIES = np.append(SERIES, 1.0)
    return []


def grows_a_chain(data):
    global CHAIN
    CHAIN = (CHAIN,)
    return []


def leaks_beside_a_store(data):
    """Leak an object at one call in 50, beside stores that are full."""
    stores(data)
    i = next(numbers)
    if i % 50 == 0:
        take([i])
    return []


def leaves_children(data):
    if next(numbers) % 4 == 0:
        os.posix_spawn("/bin/true", ["true"], {})
    return []


def maps_files(data):
    with open(os.__file__, "rb") as file:
        libc.mmap(None, 16384, 1, 2, file.fileno(), 0)
    return []


def leaves_shared_memory(data):
    os.close(os.open("/dev/shm/outliers-%d-%d" % (os.getpid(), next(numbers)), os.O_CREAT | os.O_RDWR))
    return []


def leaves_files_open(data):
    os.dup(0)
    return []


def leaves_threads_that_poll(data):
    threading.Thread(target=lambda: [threading.Event().wait(0.05) for _ in itertools.count()], daemon=True).start()
    return []


JOBS = collections.deque(maxlen=100_000)


def fills_a_deque_beyond_the_memory(data):
    JOBS.append(b"x" * 32_000)
    return []
