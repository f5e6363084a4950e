"""A callee that does nothing: what is left is the cost of the call. Without NumPy, which takes callgrind long."""


def nothing(data):
    return []
