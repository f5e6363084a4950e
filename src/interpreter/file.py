"""Makes a module of a file, or of source code that is compiled in."""

import os
import sys
from importlib.util import module_from_spec, spec_from_file_location, spec_from_loader

from _outliers_prelude import LOADING, CompiledIn


def load(path, source=None):
    """Return the module of a file, or of source code under that name: the same one each time."""
    file = os.path.realpath(path) if source is None else CompiledIn.PLACE + path
    if source is None and not os.path.isfile(file):
        raise ModuleNotFoundError(f"there is no file {path}")
    # Another thread may ask for the module while this one runs its code.
    with LOADING:
        # The name is one that no `import` statement can use, so a file `random.py` does not replace `random`. It has
        # no dot, which would mean a package: `pickle` must find the module's classes.
        return loaded(os.path.basename(path).replace(".", "-"), file, source)


def loaded(name, file, source):
    while name in sys.modules:
        spec = getattr(sys.modules[name], "__spec__", None)
        loader = getattr(spec, "loader", None)
        if getattr(spec, "origin", None) == file and getattr(loader, "source", None) == source:
            return sys.modules[name]
        name += "_"  # the module of another file has this name
    if source is None:
        spec = spec_from_file_location(name, file)
    else:
        spec = spec_from_loader(name, CompiledIn(name, source, file), origin=file)
    module = sys.modules[name] = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return sys.modules.get(name, module)
