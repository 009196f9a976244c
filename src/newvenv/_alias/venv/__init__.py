"""Becomes newvenv under the name ``venv``, in whichever Python finds this module first.

A Python too old for newvenv gets its standard library's ``venv``, and a module ``venv``
of the user's own, which would hide the standard library's, stays what it is.
"""


def _become(namespace):
    """Replace this module by the one that ``venv`` stands for."""
    spec = _spec(namespace["__file__"])
    namespace.update(
        __spec__=spec, __loader__=spec.loader, __file__=spec.origin, __cached__=spec.cached
    )
    namespace["__path__"] = spec.submodule_search_locations
    exec(spec.loader.get_code("venv"), namespace)  # noqa: S102
    # The one public name that newvenv has and the standard library's module has not.
    namespace.pop("__version__", None)


def _spec(this_file):
    """Return how to load what ``venv`` stands for, as a ``ModuleSpec``."""
    import os
    import sys
    from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader

    alias = os.path.dirname(os.path.dirname(os.path.abspath(this_file)))
    found = PathFinder.find_spec("venv", [path for path in sys.path if path != alias])
    standard = os.path.join(os.path.dirname(os.__file__), "venv", "__init__.py")
    is_own = found is not None and found.origin not in (None, standard)
    if is_own or sys.version_info < (3, 9):
        return found
    package = os.path.dirname(alias)
    file = os.path.join(package, "__init__.py")
    spec = ModuleSpec("venv", SourceFileLoader("venv", file), origin=file, is_package=True)
    spec.submodule_search_locations = [package]
    spec.has_location = True
    return spec


_become(globals())
del _become, _spec
