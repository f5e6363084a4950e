"""Callees that change the process around them: hooks, the collector, settings, signals, threads.

As in `world.py`, the change lasts until `state.restore`.
"""

import ctypes
import gc
import os
import signal
import sys
import threading
import warnings


# Hooks, the collector and other settings.

#> Ok: [1]
def traces(data):
    sys.settrace(lambda *_: None)
    sys.setprofile(lambda *_: None)
    return [1]


#> Call: SystemExit: 14
def traces_and_exits(data):
    sys.settrace(lambda *_: sys.exit(14))
    return exits_in_a_signal_handler(data)


#> Call: ValueError: hooked
def hooks_raise(data):
    sys.excepthook = sys.unraisablehook = sys.breakpointhook = lambda *_: sys.exit(15)
    threading.excepthook = sys.excepthook
    raise ValueError("hooked")


#> Ok: [1]
def collects_garbage(data):
    gc.collect()
    return [1]


#> Ok: [1]
def collects_at_every_object(data):
    gc.set_threshold(1, 1, 1)
    return [1]


#> Ok: [1]
def never_collects(data):
    gc.disable()
    gc.set_threshold(0)
    return [1]


#> Ok: [1]
def keeps_all_garbage(data):
    gc.set_debug(gc.DEBUG_SAVEALL)
    return [1]


class Circle:
    def __init__(self): self.me = self
    def __del__(self): raise ValueError("collected")


#> Ok: [1]
def collects_what_raises(data):
    Circle()
    gc.collect()
    return [1]


#> Ok: [1]
def lets_others_in_all_the_time(data):
    sys.setswitchinterval(1e-6)
    return [1]


#> Call: RecursionError: maximum recursion depth exceeded...
def lowers_the_recursion_limit(data):
    if sys.getrecursionlimit() != 80:
        sys.setrecursionlimit(80)
    return lowers_the_recursion_limit(data)


#> Ok: [1]
def makes_every_warning_an_error(data):
    warnings.simplefilter("error")
    return [1]


#> Ok: [1]
def empties_the_environment(data):
    os.environ.clear()
    return [1]


#> Ok: [1]
def goes_elsewhere(data):
    os.chdir("/")
    return [1]


#> Call: SystemExit: 16
def exits_in_a_signal_handler(data):
    signal.signal(signal.SIGUSR1, lambda *_: sys.exit(16))
    signal.raise_signal(signal.SIGUSR1)
    while True:
        pass


set_string = ctypes.pythonapi.PyErr_SetString
set_string.argtypes = [ctypes.py_object, ctypes.c_char_p]
set_string.restype = None


#> Call: ValueError: set by hand
def sets_an_exception_by_hand(data): set_string(ValueError, b"set by hand")


# Threads.

#> Ok: [1]
def starts_threads(data):
    threads = [threading.Thread(target=sum, args=(data,)) for _ in range(4)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    return [1]


#> Ok: [1]
def starts_threads_that_fail(data):
    threading.excepthook = lambda _: None
    thread = threading.Thread(target=sys.exit, args=("in a thread",))
    other = threading.Thread(target=divmod, args=(1, 0))
    for each in thread, other: each.start()
    for each in thread, other: each.join()
    return [1]


stop = threading.Event()
running = []


#> Ok: [1]
def leaves_a_thread_running(data):
    if not running:
        running.append(threading.Thread(target=stop.wait, daemon=True))
        running[0].start()
    return [1]
