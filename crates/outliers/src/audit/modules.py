"""Which modules an audit is about, and what in them is compiled, or dangerous to call."""

import importlib
import importlib.machinery
import os
import pkgutil
import re
import sys
import sysconfig
import types

# What looks as if it could touch files, processes or the system, or wait: a word of its name.
WORLD = frozenset(
    "abort accept acquire affinity alarm bind chdir chmod chown chroot close connect daemon delete dlclose dlopen "
    "download dump exec execute execv execve exit fchdir fchmod fchown fork forkpty ftruncate hook install ionice "
    "ioprio join kill killpg lchown limit link listen lock mkdir mkfifo mknod mount move nice open openpty pause "
    "pipe poll popen priority prlimit pwrite pwritev quit reboot recv register remove rename replace rlimit rmdir "
    "rmtree run save sched select send sendfile sendmsg serve setgid setuid shutdown signal sleep socket spawn "
    "spawnv start stop symlink system terminate thread trace truncate umount unlink unload unregister upload wait "
    "waitpid write writev".split()
)
SPECIAL = frozenset(
    "__class__ __del__ __delattr__ __dict__ __doc__ __enter__ __exit__ __getattribute__ __init_subclass__ __module__ "
    "__new__ __pyx_vtable__ __reduce_cython__ __release_buffer__ __setattr__ __setstate_cython__ __subclasshook__ "
    "__weakref__".split()
)
# The name of a module with tests.
OF_TESTS = re.compile(r"_*test|.*_tests?$")
COMPILED = frozenset(
    "builtin_function_or_method classmethod_descriptor cython_function_or_method fused_cython_function "
    "getset_descriptor instancemethod member_descriptor method_descriptor nb_func nb_method wrapper_descriptor".split()
)


def modules(name):
    """Import a module and its compiled submodules. Return all that are loaded by their names, the shortest first."""
    importlib.import_module(name)
    paths = [(name, list(getattr(sys.modules[name], "__path__", ())))]
    for prefix, path in paths:
        for found in pkgutil.iter_modules(path):
            full = "%s.%s" % (prefix, found.name)
            if OF_TESTS.match(found.name) or found.name.startswith("__"):
                continue
            if found.ispkg:
                paths.append((full, [os.path.join(where, found.name) for where in path]))
            elif is_extension_spec(found.module_finder.find_spec(full)):
                try:
                    importlib.import_module(full)
                except Exception:
                    pass  # it needs something that is not here
    loaded = [full for full in sys.modules if full == name or full.startswith(name + ".")]
    loaded = [(full, sys.modules[full]) for full in loaded if not is_of_cffi(full)]
    loaded = [(full, module) for full, module in loaded if isinstance(module, types.ModuleType)]
    known = {id(module) for module in sys.modules.values()}
    for full, module in loaded:
        for inner, value in sorted(vars(module).items()):
            # A module that only another one refers to.
            if is_extension(module) and isinstance(value, types.ModuleType) and id(value) not in known:
                known.add(id(value))
                value.__spec__ = value.__spec__ or module.__spec__
                loaded.append(("%s.%s" % (full, inner), value))
    return dict(sorted(loaded, key=lambda module: (module[0].count("."), module[0])))


def is_of_cffi(name):
    """Whether a module has the functions of a C library, as cffi makes them: they trust their arguments."""
    parent, _, last = name.rpartition(".")
    return last == "lib" and hasattr(sys.modules.get(parent), "ffi")


def is_extension(module):
    return is_extension_spec(getattr(module, "__spec__", None))


def is_extension_spec(spec):
    return isinstance(getattr(spec, "loader", None), importlib.machinery.ExtensionFileLoader)


def is_third_party(name, audited):
    """Whether a module is compiled, and belongs neither to Python nor to the module that is audited."""
    module, of_python = sys.modules[name], sysconfig.get_config_var("DESTSHARED") or os.sep
    is_ours = name.partition(".")[0] == audited.partition(".")[0]
    return is_extension(module) and not is_ours and not module.__spec__.origin.startswith(of_python)


def kind(value):
    return type(value).__name__


def is_written_in_c(value):
    return has_compiled_members(value) if isinstance(value, type) else kind(value) in COMPILED


def has_compiled_members(cls):
    members = [(name, kind(value)) for name, value in vars(cls).items()]
    has_python = any(of == "function" for _, of in members)
    return not has_python and any(of in COMPILED and name not in SPECIAL for name, of in members)


def looks_dangerous(name):
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+", name.rpartition(".")[2])
    return any(word.lower() in WORLD for word in words)
