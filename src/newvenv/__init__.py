"""Virtual environments: a drop-in replacement of the standard library's ``venv``.

``python -m newvenv DIR`` and ``newvenv.create(DIR)`` do what ``venv`` does, with the
API of the newest CPython on every version; docs/parity.md lists each difference.

:class:`EnvBuilder` has its hooks in the order in which they are called. Each imports its
implementation when called, so that ``import newvenv`` stays cheap. Expensive modules that
users of ``venv`` expect to find here (``subprocess``, ...) are loaded on first use, too.
"""

# No import of __future__ here: ``python -m`` looks for it in the current directory first.
import os
import sys

from . import _compat

TYPE_CHECKING = False
if TYPE_CHECKING:
    import logging as logging
    import shlex as shlex
    import shutil as shutil
    import subprocess as subprocess
    import sysconfig as sysconfig
    import types as types
    from collections.abc import Iterable
    from typing import Any, Union

    from . import _transaction
    from ._activation import activation_environment as activation_environment
    from ._health import Problem as Problem
    from ._health import check as check
    from ._health import repair as repair

    Path = Union[str, os.PathLike[str]]
    logger: logging.Logger

__all__ = [
    "CORE_VENV_DEPS",
    "EnvBuilder",
    "Problem",
    "activation_environment",
    "check",
    "create",
    "main",
    "repair",
]

__version__ = "0.1.0"

#: What ``--upgrade-deps`` upgrades; read when it does, so that an assignment counts.
CORE_VENV_DEPS = _compat.CORE_VENV_DEPS

#: The standard library's ``venv`` has these as attributes, which are patched there, but
#: each costs more than an environment does.
_LAZY_MODULES = frozenset({"logging", "shlex", "shutil", "subprocess", "sysconfig", "types"})

#: The parts of the API that are imported from elsewhere when they are wanted.
_LAZY_NAMES = dict.fromkeys(("Problem", "check", "repair"), "_health")
_LAZY_NAMES["activation_environment"] = "_activation"


def __getattr__(name: str) -> object:
    """Import expensive attributes on first access (PEP 562)."""
    value: object
    if name == "logger":
        from logging import getLogger

        value = getLogger(__name__)
    elif name in _LAZY_NAMES:
        from importlib import import_module

        value = getattr(import_module(f"{__name__}.{_LAZY_NAMES[name]}"), name)
    elif name in _LAZY_MODULES:
        value = __import__(name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return globals().setdefault(name, value)


def __dir__() -> list[str]:
    names = {*globals(), *_LAZY_MODULES, *_LAZY_NAMES, "logger"}
    return sorted(names - {"TYPE_CHECKING", "annotations"})


class EnvBuilder:
    """Builds virtual environments; subclasses override the hooks that :meth:`create` calls.

    The parameters stay on the instance as plain attributes and are read when they are
    used, so a hook may look at them and change them.

    :param system_site_packages: let the environment see the base's site-packages.
    :param clear: empty the target directory first.
    :param symlinks: link the interpreter rather than copy it. Links need not be
        possible: a copy is made where they are not.
    :param upgrade: the environment exists and now belongs to the running Python; its
        scripts and :meth:`post_setup` are left out.
    :param with_pip: install pip.
    :param prompt: what the shell shows when the environment is active; None for the
        directory's name, ``"."`` for the current directory's name.
    :param upgrade_deps: upgrade :data:`CORE_VENV_DEPS` from the package index.
    :param scm_ignore_files: for which version control systems an ignore file is
        written: a name ``x`` calls the method ``create_x_ignore_file(context)``.
    """

    # For subclasses that don't call this class's ``__init__``, and old pickles.
    system_site_packages = clear = symlinks = upgrade = with_pip = upgrade_deps = False
    prompt: "str | None" = None
    orig_prompt: "str | None" = None
    scm_ignore_files: frozenset[str] = frozenset()

    def __init__(
        self,
        system_site_packages: bool = False,
        clear: bool = False,
        symlinks: bool = False,
        upgrade: bool = False,
        with_pip: bool = False,
        prompt: "str | None" = None,
        upgrade_deps: bool = False,
        *,
        scm_ignore_files: "Iterable[str]" = frozenset(),
    ) -> None:
        self.system_site_packages = system_site_packages
        self.clear = clear
        self.symlinks = symlinks
        self.upgrade = upgrade
        self.with_pip = with_pip
        self.orig_prompt = prompt
        self.prompt = os.path.basename(os.getcwd()) if prompt == "." else prompt
        self.upgrade_deps = upgrade_deps
        self.scm_ignore_files = frozenset(map(str.lower, scm_ignore_files))

    def create(self, env_dir: "Path") -> "types.SimpleNamespace":
        """Create a virtual environment in *env_dir*, completely or not at all.

        :param env_dir: relative to the current directory; made if it does not exist.
        :returns: the context that the hooks worked with.
        :raises ValueError: *env_dir* can't hold an environment, or options contradict.
        :raises OSError: it can't be written, or another run occupies it (EBUSY).
        :raises subprocess.CalledProcessError: pip could not be installed; see its ``output``.
        """
        from . import _preflight

        ignores = [getattr(self, f"create_{name}_ignore_file") for name in self.scm_ignore_files]
        makes = _is_ours(self.ensure_directories)
        pip = "" if not self.with_pip else "own" if _is_ours(self._setup_pip) else "other"
        target = _preflight.check_all(env_dir, clear=self.clear, makes=makes, pip=pip)
        from . import _transaction

        def build(run: "_transaction.Transaction") -> "tuple[types.SimpleNamespace, str]":
            context = self.ensure_directories(run.env_dir)
            run.begin()
            return context, self._build(context, run, ignores)

        context, warning = _transaction.run(target, build, makes=makes)
        if warning:
            from . import logger

            logger.warning("%s", warning)
        return context

    def _build(
        self,
        context: "types.SimpleNamespace",
        run: "_transaction.Transaction",
        ignores: "list[Any]",
    ) -> str:
        """Take all steps but the first, and return what to warn of when all has succeeded."""
        warning, was_there = "", not run.is_new and run.is_environment()
        if was_there:
            from . import _health

            warning = _health.left_behind(run.env_dir)
        for create_ignore_file in ignores:
            create_ignore_file(context)
        self._fill(context, run, not self.upgrade or (self._is_plain() and not was_there))
        if self.upgrade_deps:
            self.upgrade_dependencies(context)
        if was_there and self.with_pip:
            _health.renew(run.env_dir)
        return warning

    def _fill(
        self, context: "types.SimpleNamespace", run: "_transaction.Transaction", with_scripts: bool
    ) -> None:
        """Run the steps during which system packages are invisible, then show them.

        With the base's packages in sight pip would find pip installed there and leave
        the environment without (bpo-24875).
        """
        system_site_packages = self.system_site_packages
        self.system_site_packages = False
        try:
            self.create_configuration(context)
            is_plain, refusal = self._is_plain(), None
            if is_plain and self.with_pip:
                from . import _seed

                refusal = _seed.clone(context)
            if is_plain and refusal is None:
                self._finish(context, system_site_packages, with_scripts)
                run.mark_usable()
                return
            self.setup_python(context)
            run.mark_usable()
            if refusal is not None:
                _seed.install(context, self._call_new_python, refusal)
            elif self.with_pip:
                self._setup_pip(context)
            if with_scripts:
                self.setup_scripts(context)
            if not self.upgrade:
                self.post_setup(context)
        finally:
            if system_site_packages:
                self.system_site_packages = True
        if system_site_packages:
            self.create_configuration(context)

    def _finish(
        self, context: "types.SimpleNamespace", system_site_packages: bool, with_scripts: bool
    ) -> None:
        """Take the last steps, the interpreter's names at the end: a kill leaves all or none."""
        if with_scripts:
            self.setup_scripts(context)
        if system_site_packages:
            self.system_site_packages = True
            self.create_configuration(context)
        self.setup_python(context)
        if self.with_pip and not os.path.islink(context.env_exe):
            from . import _packages

            _packages.try_copy(context, self._call_new_python)

    def _is_plain(self) -> bool:
        """Are all hooks those that this class was defined with, so that no one sees their order?"""
        methods = [getattr(type(self), name) for name in _METHODS]
        return methods == [*_METHODS.values()] and _METHODS.keys().isdisjoint(vars(self))

    def ensure_directories(self, env_dir: "Path") -> "types.SimpleNamespace":
        """Make the directories of the environment *env_dir* and return its context.

        May be called alone, to learn the context of an environment that exists; only
        with ``clear`` is anything taken away.
        """
        from . import _layout, _platform, _preflight

        env_dir = os.fspath(env_dir)
        _preflight.check(env_dir, clear=self.clear)
        if self.clear and os.path.isdir(env_dir):
            self.clear_directory(env_dir)
        context = _layout.context(env_dir, self.prompt, self._venv_path)
        _layout.make_directories(context)
        context.env_exec_cmd = _platform.env_exec_cmd(context.env_exe)
        return context

    def clear_directory(self, path: str) -> None:
        """Empty the directory *path*; links in it are removed, never followed.

        During :meth:`create` the contents are only set aside until all has succeeded.

        :raises OSError: another file system is mounted in it (EBUSY).
        """
        from . import _preflight, _transaction

        _preflight.check_mounts(path)
        _transaction.clear(path)

    def _venv_path(self, env_dir: str, name: str) -> str:
        """Return the directory *name* ("purelib", "scripts", ...) of an environment *env_dir*."""
        from . import _layout

        return _layout.scheme_path(env_dir, name)

    @classmethod
    def _same_path(cls, path1: str, path2: str) -> bool:
        """Tell whether two absolute paths are spellings of one place."""
        from . import _platform

        return _platform.same_path(path1, path2)

    def create_git_ignore_file(self, context: "types.SimpleNamespace") -> None:
        """Keep the environment out of Git: called for ``scm_ignore_files={"git"}``.

        A ``.gitignore`` of the user's own stays.
        """
        from . import _config, _files, _preflight

        if _preflight.is_own_git_ignore(context.env_dir):
            _files.write(os.path.join(context.env_dir, ".gitignore"), _config.GIT_IGNORE)

    def create_configuration(self, context: "types.SimpleNamespace") -> None:
        """Write ``pyvenv.cfg`` (PEP 405), which makes the directory an environment.

        Called again at the end with ``system_site_packages``. Sets ``context.cfg_path``.
        """
        from . import _config, _files

        context.cfg_path = os.path.join(context.env_dir, "pyvenv.cfg")
        given = {name: getattr(self, name) for name in _config.GIVEN}
        options = _config.options(prompt=self.orig_prompt, **given)
        text = _config.text(context, options, self.prompt, self.system_site_packages)
        _files.write(context.cfg_path, text.replace("\n", os.linesep).encode("utf-8"))

    def setup_python(self, context: "types.SimpleNamespace") -> None:
        """Put the interpreter and its other names into ``context.bin_path``."""
        from . import _platform

        _platform.setup_python(context, self.symlinks, self.symlink_or_copy)

    def symlink_or_copy(self, src: str, dst: str, relative_symlinks_ok: bool = False) -> None:
        """Make *dst* a link to *src*, or a copy of it, as ``self.symlinks`` says.

        What is in *dst*'s place is replaced and never written through.

        :param relative_symlinks_ok: in one directory, let the link say just the name.
        :raises OSError: neither a link nor a copy can be made.
        """
        from . import _files, _platform

        if self.symlinks:
            relative = relative_symlinks_ok and os.path.dirname(src) == os.path.dirname(dst)
            try:
                _files.symlink(os.path.basename(src) if relative else src, dst)
                return
            except OSError as error:
                if error.errno in _files.NO_PLACE or not os.access(os.path.dirname(dst), os.W_OK):
                    raise  # A copy would find no better place.
                from . import logger

                logger.warning("Unable to symlink %r to %r", src, dst)
        _platform.copy(src, dst)

    def _setup_pip(self, context: "types.SimpleNamespace") -> None:
        """Install pip; called for ``with_pip`` once the interpreter is in its place."""
        from . import _seed

        _seed.install(context, self._call_new_python)

    def _call_new_python(
        self, context: "types.SimpleNamespace", *py_args: str, **kwargs: "Any"
    ) -> None:
        """Run the environment's Python on *py_args* in ``context.env_dir``.

        Its output is kept from the terminal, unless *kwargs*, which go to
        ``subprocess.check_output``, say otherwise.

        :raises subprocess.CalledProcessError: it failed; ``output`` has what it printed.
        """
        from . import _packages, subprocess

        kwargs.update(
            executable=context.env_exec_cmd,
            cwd=context.env_dir,
            env=_packages.child_environment(context.env_dir, py_args),
        )
        _packages.guard(context, CORE_VENV_DEPS)
        subprocess.check_output([context.env_exec_cmd, *py_args], **kwargs)

    def setup_scripts(self, context: "types.SimpleNamespace") -> None:
        """Put the activation scripts into ``context.bin_path``; not called to upgrade."""
        from . import _activation

        self.install_scripts(context, _activation.templates())

    def post_setup(self, context: "types.SimpleNamespace") -> None:
        """Do nothing: a hook for subclasses, called when all but system packages is there."""

    def replace_variables(self, text: str, context: "types.SimpleNamespace") -> str:
        """Return the template *text* with its placeholders filled in.

        Values are quoted for the shell that ``context.script_path`` ends in.
        """
        from . import _activation

        return _activation.render(text, context)

    def install_scripts(self, context: "types.SimpleNamespace", path: str) -> None:
        """Install the templates below *path* into ``context.bin_path``.

        Of the directories in *path* only ``common`` and the one called like ``os.name``
        count. Each text goes through :meth:`replace_variables`.
        """
        from . import _activation

        is_own = _is_ours(self.replace_variables)  # Then the detour is not needed.
        _activation.install(path, context, None if is_own else self.replace_variables)

    def upgrade_dependencies(self, context: "types.SimpleNamespace") -> None:
        """Upgrade :data:`CORE_VENV_DEPS` in the environment from the package index."""
        from . import logger, subprocess

        logger.debug("Upgrading %s packages in %s", CORE_VENV_DEPS, context.bin_path)
        command = ["-m", "pip", "install", "--upgrade", *CORE_VENV_DEPS]
        if _compat.UPGRADE_BY_CHECK_CALL:
            subprocess.check_call([context.env_exec_cmd, *command])
        else:
            self._call_new_python(context, *command)


def _is_ours(*methods: object) -> bool:
    """Are these bound methods the ones that :class:`EnvBuilder` was defined with?"""
    return all(getattr(method, "__func__", None) in _METHODS.values() for method in methods)


#: The methods of :class:`EnvBuilder`, in place of which others may be put.
_METHODS = {name: value for name, value in vars(EnvBuilder).items() if callable(value)}


def create(
    env_dir: "Path",
    system_site_packages: bool = False,
    clear: bool = False,
    symlinks: bool = False,
    with_pip: bool = False,
    prompt: "str | None" = None,
    upgrade_deps: bool = False,
    *,
    scm_ignore_files: "Iterable[str]" = frozenset(),
) -> "types.SimpleNamespace":
    """Create an environment in *env_dir* and return its context: see :class:`EnvBuilder`."""
    # Another class, which doesn't know the parameter, may be in EnvBuilder's place.
    is_known = _compat.SCM_OPTION or scm_ignore_files
    options: dict[str, Any] = {"scm_ignore_files": scm_ignore_files} if is_known else {}
    builder = EnvBuilder(
        system_site_packages=system_site_packages,
        clear=clear,
        symlinks=symlinks,
        with_pip=with_pip,
        prompt=prompt,
        upgrade_deps=upgrade_deps,
        **options,
    )
    return builder.create(env_dir)


def main(args: "Iterable[str] | None" = None) -> None:
    """Run the command line on *args*, or on ``sys.argv``; errors are raised."""
    from . import _cli

    _cli.run(sys.argv[1:] if args is None else list(args))


# As in the standard library, annotations are for type checkers: what they name is not
# imported here, so ``inspect.signature(create, eval_str=True)`` could not evaluate them.
for _function in (create, main, *vars(EnvBuilder).values()):
    if hasattr(_function, "__code__"):
        _function.__annotations__ = {}
