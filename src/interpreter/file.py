"""Imports a module from its file."""

import os
import sys
from importlib.util import module_from_spec, spec_from_file_location


def load(path):
    """Return the module of a file; the same one if it was loaded before."""
    path = os.path.realpath(path)
    # With its ending: no `import` of another module, such as `random`, may come to mean this one.
    name = os.path.basename(path)
    while name in sys.modules:
        if getattr(sys.modules[name], "__file__", None) == path:
            return sys.modules[name]
        name += "_"  # another file's
    spec = spec_from_file_location(name, path)
    module = sys.modules[name] = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return sys.modules.get(name, module)
