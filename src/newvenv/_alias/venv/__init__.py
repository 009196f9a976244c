"""Becomes newvenv under the name ``venv``, in whichever Python finds this module first.

A Python too old for newvenv gets its standard library's ``venv``, and a module ``venv``
of the user's own, which would hide the standard library's, stays what it is.
"""


def _become_newvenv(namespace):
    """Make *namespace*, that of this module, the one of what ``venv`` stands for."""
    import os
    import sys

    directory = os.path.dirname(os.path.dirname(os.path.abspath(namespace["__file__"])))
    other = _other(directory)
    spec = other or _spec(os.path.dirname(directory))
    namespace.update(__spec__=spec, __loader__=spec.loader, __package__=spec.parent)
    namespace.update(__file__=spec.origin, __cached__=spec.cached)
    namespace["__path__"] = spec.submodule_search_locations
    if spec.submodule_search_locations is None:
        del namespace["__path__"]
    del namespace["_become_newvenv"], namespace["_other"], namespace["_spec"]
    exec(spec.loader.get_code("venv"), namespace)  # noqa: S102
    if not other:
        # The one public name that the standard library's module has not. The package's
        # own "from . import __version__" looks here for what the module does not have.
        sys.modules["venv.__version__"] = namespace.pop("__version__")


def _spec(package):
    """Return how to load the package in the directory *package* as ``venv``."""
    import os
    from importlib.machinery import ModuleSpec, SourceFileLoader

    file = os.path.join(package, "__init__.py")
    spec = ModuleSpec("venv", SourceFileLoader("venv", file), origin=file, is_package=True)
    spec.submodule_search_locations = [package]
    spec.has_location = True
    return spec


def _other(directory):
    """Return how to load what has to be ``venv`` instead of newvenv, or None.

    :param directory: where this module was found, maybe on ``sys.path``.
    """
    import os
    import sys
    from importlib.machinery import PathFinder

    others = [path for path in sys.path if os.path.abspath(path) != directory]
    found = PathFinder.find_spec("venv", others)
    standard = os.path.join(os.path.dirname(os.__file__), "venv")
    # A directory "venv" without a module in it has no origin.
    is_own = found is not None and found.origin and os.path.dirname(found.origin) != standard
    return found if is_own or sys.version_info < (3, 9) else None


_become_newvenv(globals())
