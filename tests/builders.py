"""Builders that tell what happens to them, and what a context is to hold."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

import newvenv

if TYPE_CHECKING:
    import types
    from collections.abc import Iterable
    from pathlib import Path

VERSION = "{}.{}".format(*sys.version_info[:2])


def in_order(names: Iterable[str]) -> list[str]:
    """Return an object's attributes as comparable: PyPy keeps them in an order of its own."""
    return list(names) if sys.implementation.name == "cpython" else sorted(names)


#: For what happens only where copies are made.
copies = pytest.mark.skipif(
    sys.implementation.name == "pypy", reason="a linked PyPy is linked, not copied"
)

#: A context's attributes when all hooks have run, in the order in which they are set.
CONTEXT = [
    "env_dir",
    "env_name",
    "prompt",
    "executable",
    "python_dir",
    "python_exe",
    "inc_path",
    "lib_path",
    "platlib_path",
    "bin_path",
    "bin_name",
    "env_exe",
    "env_exec_cmd",
    "cfg_path",
    "script_path",
]

#: The hooks that :meth:`newvenv.EnvBuilder.create` calls with a context.
HOOKS = [
    "create_git_ignore_file",
    "create_configuration",
    "setup_python",
    "_setup_pip",
    "setup_scripts",
    "post_setup",
    "upgrade_dependencies",
]


class Diary(newvenv.EnvBuilder):
    """Notes each hook that is called; those that would run pip do nothing else."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.calls: list[str] = []
        self.contexts: list[types.SimpleNamespace] = []
        self.system: list[bool] = []

    def _note(self, name: str, context: types.SimpleNamespace) -> None:
        self.calls.append(name)
        self.contexts.append(context)
        self.system.append(self.system_site_packages)

    def ensure_directories(self, env_dir: Any) -> types.SimpleNamespace:
        """Note the call after it: only then is there a context."""
        context = super().ensure_directories(env_dir)
        self._note("ensure_directories", context)
        return context

    def create_git_ignore_file(self, context: types.SimpleNamespace) -> None:
        """Note the call, then do as usual."""
        self._note("create_git_ignore_file", context)
        super().create_git_ignore_file(context)

    def create_configuration(self, context: types.SimpleNamespace) -> None:
        """Note the call, then do as usual."""
        self._note("create_configuration", context)
        super().create_configuration(context)

    def setup_python(self, context: types.SimpleNamespace) -> None:
        """Note the call, then do as usual."""
        self._note("setup_python", context)
        super().setup_python(context)

    def setup_scripts(self, context: types.SimpleNamespace) -> None:
        """Note the call, then do as usual."""
        self._note("setup_scripts", context)
        super().setup_scripts(context)

    def post_setup(self, context: types.SimpleNamespace) -> None:
        """Note the call, then do as usual."""
        self._note("post_setup", context)
        super().post_setup(context)

    def _setup_pip(self, context: types.SimpleNamespace) -> None:
        self._note("_setup_pip", context)

    def upgrade_dependencies(self, context: types.SimpleNamespace) -> None:
        """Note the call."""
        self._note("upgrade_dependencies", context)


class Calls:
    """Stands in for a function of ``subprocess``: notes its calls and starts nothing."""

    def __init__(self) -> None:
        self.commands: list[list[str]] = []
        self.options: list[dict[str, Any]] = []

    def __call__(self, command: list[str], **options: Any) -> bytes:
        """Note the call."""
        self.commands.append(command)
        self.options.append(options)
        return b""


def config(env_dir: Path) -> dict[str, str]:
    """Return the keys and values of *env_dir*'s ``pyvenv.cfg``."""
    lines = (env_dir / "pyvenv.cfg").read_text(encoding="utf-8").splitlines()
    return dict(line.split(" = ", 1) for line in lines)


def decorated(prompt: object) -> str:
    """Return *prompt* as the running version puts it into the context."""
    return f"({prompt}) " if sys.version_info < (3, 13) else str(prompt)
