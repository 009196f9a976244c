"""The builder: its attributes, the hooks and their order, and those who subclass it."""

from __future__ import annotations

import dataclasses
import errno
import inspect
import itertools
import logging
import os
import shlex
import shutil
import subprocess
import sys
import threading
import types
import typing
from pathlib import Path
from typing import Any, Callable

import pytest

import newvenv
from builders import CONTEXT, HOOKS, VERSION, Diary, config, decorated, in_order
from environments import needs_links

PYTHON = str(Path("bin", "python")) if os.name != "nt" else str(Path("Scripts", "python.exe"))
BIN = Path(PYTHON).parent

posix = pytest.mark.skipif(os.name == "nt", reason="these are names of POSIX")

DEFAULTS = {
    "system_site_packages": False,
    "clear": False,
    "symlinks": False,
    "upgrade": False,
    "with_pip": False,
    "prompt": None,
    "upgrade_deps": False,
}


@pytest.fixture
def env(tmp_path: Path) -> Path:
    """Return the path of a folder that is not there yet."""
    return tmp_path / "env"


# The constructor and its attributes


def test_parameters_by_position() -> None:
    """The first seven parameters have the standard library's order and defaults."""
    parameters = list(inspect.signature(newvenv.EnvBuilder).parameters.values())[:7]

    assert {parameter.name: parameter.default for parameter in parameters} == DEFAULTS
    assert [parameter.name for parameter in parameters] == list(DEFAULTS)
    assert {parameter.kind.name for parameter in parameters} == {"POSITIONAL_OR_KEYWORD"}


def test_scm_ignore_files_by_keyword_only() -> None:
    """The names of version control systems can't be given by position."""
    with pytest.raises(TypeError):
        newvenv.EnvBuilder(*DEFAULTS.values(), {"git"})  # type: ignore[arg-type,call-arg]


def test_builder_of_an_older_signature(env: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A class in ``EnvBuilder``'s place need not know what its version's venv doesn't."""

    class Older:
        def __init__(self, **options: object) -> None:
            self.options = options

        def create(self, _: object) -> dict[str, object]:
            return self.options

    monkeypatch.setattr(newvenv, "EnvBuilder", Older)

    options: Any = newvenv.create(env)
    assert ("scm_ignore_files" in options) is (sys.version_info >= (3, 13))
    options = newvenv.create(env, scm_ignore_files=["git"])
    assert options["scm_ignore_files"] == ["git"]


@needs_links
def test_builder_without_init(env: Path) -> None:
    """A subclass that sets no more than a few attributes itself works with the defaults."""

    class Bare(newvenv.EnvBuilder):
        def __init__(self) -> None:
            self.symlinks = True

    assert os.path.islink(Bare().create(env).env_exe)


@needs_links
@pytest.mark.parametrize("number", [errno.EACCES, errno.ENOSPC])
def test_link_in_a_place_that_takes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """A place that may not be written to, or is full, is an error: a copy is no way out."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "symlink", refuse)
    monkeypatch.setattr(os, "access", lambda path, *_: path != str(tmp_path))
    with pytest.raises(OSError, match=os.strerror(number)):
        newvenv.EnvBuilder(symlinks=True).symlink_or_copy(sys.executable, str(tmp_path / "python"))
    assert os.listdir(tmp_path) == []


def test_annotations_can_be_evaluated() -> None:
    """Tools that evaluate annotations find none, as in the standard library."""
    assert typing.get_type_hints(newvenv.create) == {}
    assert typing.get_type_hints(newvenv.EnvBuilder.__init__) == {}


def test_names_of_the_module() -> None:
    """The modules that are imported on first access are listed, too."""
    assert {"logger", "subprocess", "shutil", "EnvBuilder"} <= set(dir(newvenv))


def test_create_function_parameters() -> None:
    """The function ``create`` takes what the builder takes, but for ``upgrade``."""
    parameters = list(inspect.signature(newvenv.create).parameters)

    assert parameters == [
        "env_dir",
        *(name for name in DEFAULTS if name != "upgrade"),
        "scm_ignore_files",
    ]


def test_attributes() -> None:
    """A builder has an attribute of each parameter's name, the given prompt, and no other."""
    builder = newvenv.EnvBuilder()

    assert vars(builder) == {**DEFAULTS, "orig_prompt": None, "scm_ignore_files": frozenset()}


@pytest.mark.parametrize(
    ("prompt", "attribute"),
    [
        pytest.param(None, None, id="none"),
        pytest.param("", "", id="empty"),
        pytest.param("name", "name", id="name"),
        pytest.param(".", "here", id="dot"),
        pytest.param("./", "./", id="not-quite-dot"),
        pytest.param(True, True, id="no-string"),
    ],
)
def test_prompt_attribute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prompt: Any, attribute: object
) -> None:
    """The prompt is kept, but a dot stands for the current folder's name."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    builder = newvenv.EnvBuilder(prompt=prompt)

    assert (builder.prompt, builder.orig_prompt) == (attribute, prompt)


def test_dot_prompt_in_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the root folder, which has no name, the prompt ``"."`` is empty."""
    monkeypatch.chdir(Path.cwd().anchor)

    assert newvenv.EnvBuilder(prompt=".").prompt == ""


@pytest.mark.parametrize(
    "names", [{"GIT", "Git"}, ["git"], iter(["gIt"])], ids=["set", "list", "iter"]
)
def test_scm_names(names: Any) -> None:
    """Names of version control systems are kept as a set in lower case."""
    assert newvenv.EnvBuilder(scm_ignore_files=names).scm_ignore_files == frozenset(["git"])


def test_scm_name_of_wrong_type() -> None:
    """A version control system's name that is no string is a TypeError at once."""
    with pytest.raises(TypeError):
        newvenv.EnvBuilder(scm_ignore_files=[1])  # type: ignore[list-item]


@needs_links
def test_attributes_are_read_when_used(env: Path) -> None:
    """Options set on the finished builder count like those given to the constructor."""
    builder = newvenv.EnvBuilder()
    builder.system_site_packages = True
    builder.symlinks = True
    builder.prompt = "later"
    builder.scm_ignore_files = frozenset(["git"])
    builder.create(env)

    assert config(env)["include-system-site-packages"] == "true"
    assert config(env)["prompt"] == "'later'"
    assert (env / PYTHON).is_symlink()
    assert (env / ".gitignore").exists()


def test_hook_changes_option(env: Path) -> None:
    """A hook may set an option that a later step reads."""

    class Changing(Diary):
        def setup_python(self, context: types.SimpleNamespace) -> None:
            super().setup_python(context)
            self.with_pip = True
            self.upgrade_deps = True

    builder = Changing()
    builder.create(env)

    assert builder.calls[-4:] == [
        "_setup_pip",
        "setup_scripts",
        "post_setup",
        "upgrade_dependencies",
    ]


# The order of the hooks


def _expected(
    *, upgrade: bool, with_pip: bool, system: bool, upgrade_deps: bool, git: bool
) -> list[str]:
    """Return the hooks that :meth:`create` calls for these options, in order."""
    steps = [
        ("ensure_directories", True),
        ("create_git_ignore_file", git),
        ("create_configuration", True),
        ("setup_python", True),
        ("_setup_pip", with_pip),
        ("setup_scripts", not upgrade),
        ("post_setup", not upgrade),
        ("create_configuration", system),
        ("upgrade_dependencies", upgrade_deps),
    ]
    return [name for name, is_called in steps if is_called]


@pytest.mark.parametrize("upgrade_deps", [False, True], ids=["", "deps"])
@pytest.mark.parametrize("system", [False, True], ids=["", "system"])
@pytest.mark.parametrize("with_pip", [False, True], ids=["", "pip"])
@pytest.mark.parametrize("upgrade", [False, True], ids=["", "upgrade"])
@pytest.mark.parametrize("git", [False, True], ids=["", "git"])
def test_hook_order(
    env: Path, upgrade: bool, with_pip: bool, system: bool, upgrade_deps: bool, git: bool
) -> None:
    """For each combination of options the hooks are called in the documented order."""
    builder = Diary(
        upgrade=upgrade,
        with_pip=with_pip,
        system_site_packages=system,
        upgrade_deps=upgrade_deps,
        scm_ignore_files=["git"] * git,
        symlinks=True,
    )
    builder.create(env)

    assert builder.calls == _expected(
        upgrade=upgrade, with_pip=with_pip, system=system, upgrade_deps=upgrade_deps, git=git
    )


def test_one_context_for_all(env: Path) -> None:
    """All hooks get the very context that ``ensure_directories`` returned."""
    builder = Diary(system_site_packages=True, with_pip=True, symlinks=True)
    builder.create(env)

    assert len({id(context) for context in builder.contexts}) == 1


def test_system_packages_are_hidden_from_hooks(env: Path) -> None:
    """While hooks run the builder says that there are no system packages; later it does."""
    builder = Diary(system_site_packages=True, with_pip=True, upgrade_deps=True, symlinks=True)
    builder.create(env)

    visible = [call for call, system in zip(builder.calls, builder.system) if system]
    assert visible == ["ensure_directories", "create_configuration", "upgrade_dependencies"]


def test_configuration_during_post_setup(env: Path) -> None:
    """The configuration that ``post_setup`` finds has no system packages yet."""
    found = []

    class Looking(newvenv.EnvBuilder):
        def post_setup(self, context: types.SimpleNamespace) -> None:
            found.append(config(Path(context.env_dir))["include-system-site-packages"])

    Looking(system_site_packages=True, symlinks=True).create(env)

    assert [*found, config(env)["include-system-site-packages"]] == ["false", "true"]


def test_second_configuration_is_written_anew(env: Path) -> None:
    """With system packages, what a hook appended to the configuration does not stay."""

    class Appending(newvenv.EnvBuilder):
        def post_setup(self, context: types.SimpleNamespace) -> None:
            with open(context.cfg_path, "a", encoding="utf-8") as file:
                file.write("extra = 1\n")

    Appending(system_site_packages=True, symlinks=True).create(env)

    assert "extra" not in config(env)


@pytest.mark.parametrize(
    "hook", ["create_configuration", "setup_python", "setup_scripts", "post_setup"]
)
def test_system_packages_after_failure(
    env: Path, monkeypatch: pytest.MonkeyPatch, hook: str
) -> None:
    """A builder whose step failed still knows that it was to show system packages."""
    monkeypatch.setattr(newvenv.EnvBuilder, hook, _fail)
    builder = newvenv.EnvBuilder(system_site_packages=True)

    with pytest.raises(_FailureError):
        builder.create(env)
    assert builder.system_site_packages is True


class _FailureError(Exception):
    """What a failing hook raises."""


def _fail(*_: object) -> None:
    raise _FailureError


@pytest.mark.parametrize("hook", ["ensure_directories", *HOOKS])
def test_error_of_a_hook(env: Path, monkeypatch: pytest.MonkeyPatch, hook: str) -> None:
    """Whatever a hook raises comes out of ``create`` as it is, and nothing stays behind."""
    monkeypatch.setattr(Diary, hook, _fail)
    builder = Diary(with_pip=True, upgrade_deps=True, scm_ignore_files=["git"], symlinks=True)

    with pytest.raises(_FailureError):
        builder.create(env)
    assert not env.exists()


# The context


def test_context_attributes_in_order(env: Path) -> None:
    """The context has the documented attributes, in the order in which they are set."""
    builder = Diary(symlinks=True)
    builder.create(env)

    assert in_order(vars(builder.contexts[-1])) == in_order(CONTEXT)


def test_context_type_and_values(env: Path) -> None:
    """The context is a ``SimpleNamespace`` of strings."""
    builder = Diary(symlinks=True)
    builder.create(env)
    context = builder.contexts[-1]

    assert type(context) is types.SimpleNamespace
    assert {type(value) for value in vars(context).values()} == {str}


def test_context_names_what_is_there(env: Path) -> None:
    """Each path of the context exists when the environment is finished."""
    builder = Diary(symlinks=True)
    builder.create(env)
    context = vars(builder.contexts[-1])
    paths = [name for name in CONTEXT if name.endswith(("_path", "_dir", "exe", "executable"))]
    paths.remove("python_exe")

    assert [name for name in paths if not os.path.exists(context[name])] == []


def test_context_without_script_path(env: Path) -> None:
    """Without scripts having been installed the context has all but their path."""
    builder = newvenv.EnvBuilder()
    context = builder.ensure_directories(env)

    assert in_order(vars(context)) == in_order(CONTEXT[:-2])


@posix
def test_replaced_attributes_are_used(env: Path, tmp_path: Path) -> None:
    """What ``ensure_directories`` of a subclass puts into the context, later hooks use."""

    class Elsewhere(newvenv.EnvBuilder):
        def ensure_directories(self, env_dir: Any) -> types.SimpleNamespace:
            context = super().ensure_directories(env_dir)
            context.python_dir = str(tmp_path / "home")
            context.bin_path = str(tmp_path / "elsewhere")
            context.env_exe = str(tmp_path / "elsewhere" / "cross")
            context.python_exe = "cross"
            os.mkdir(context.bin_path)
            return context

    Elsewhere(symlinks=True).create(env)

    assert config(env)["home"] == str(tmp_path / "home")
    assert {"cross", "python", "activate"} <= set(os.listdir(tmp_path / "elsewhere"))
    assert os.listdir(env / BIN) == []


def test_replaced_context_is_used(env: Path) -> None:
    """A subclass may return a context of its own class, with attributes of its own."""

    class Context(types.SimpleNamespace):
        pass

    found: list[object] = []

    class Own(newvenv.EnvBuilder):
        def ensure_directories(self, env_dir: Any) -> types.SimpleNamespace:
            return Context(**vars(super().ensure_directories(env_dir)), extra=1)

        def post_setup(self, context: types.SimpleNamespace) -> None:
            found.append((type(context), context.extra))

    Own(symlinks=True).create(env)

    assert found == [(Context, 1)]


# Used twice, used in parts, used by many


def test_builder_used_twice(tmp_path: Path) -> None:
    """One builder makes two environments that differ in nothing but their paths."""
    builder = newvenv.EnvBuilder(system_site_packages=True, prompt="p")
    builder.create(tmp_path / "a")
    builder.create(tmp_path / "b")
    first, second = config(tmp_path / "a"), config(tmp_path / "b")

    assert first.pop("command").replace("a", "b") == second.pop("command").replace("a", "b")
    assert first == second
    assert builder.system_site_packages is True


def test_builder_used_after_failure(tmp_path: Path) -> None:
    """A builder that could not make one environment makes the next one."""
    (tmp_path / "file").touch()
    builder = newvenv.EnvBuilder()
    with pytest.raises(ValueError, match="file"):
        builder.create(tmp_path / "file")
    builder.create(tmp_path / "env")

    assert (tmp_path / "env" / PYTHON).exists()


def test_upgrade_says_what_it_is_told(tmp_path: Path) -> None:
    """What the builder is told counts, also where the environment was told otherwise."""
    newvenv.create(tmp_path, prompt="p", system_site_packages=True)
    newvenv.EnvBuilder(upgrade=True).create(tmp_path)

    assert "prompt" not in config(tmp_path)
    assert config(tmp_path)["include-system-site-packages"] == "false"


def test_upgrade_with_another_prompt(env: Path) -> None:
    """A prompt that is given for an upgrade takes the place of the remembered one."""
    newvenv.create(env, prompt="old")
    newvenv.EnvBuilder(upgrade=True, prompt="new").create(env)

    assert config(env)["prompt"] == "'new'"


def test_upgrade_keeps_scripts(env: Path) -> None:
    """An upgrade leaves the activation scripts alone."""
    newvenv.create(env)
    (env / BIN / "activate").write_text("mine")
    newvenv.EnvBuilder(upgrade=True).create(env)

    assert (env / BIN / "activate").read_text() == "mine"


def test_existing_contents_stay(env: Path) -> None:
    """Without ``clear`` what lies in the target stays."""
    env.mkdir()
    (env / "mine").write_text("x")
    newvenv.create(env)

    assert (env / "mine").read_text() == "x"


def test_clear(env: Path) -> None:
    """With ``clear`` the target's contents make way, links in it without being followed."""
    (env / "old").mkdir(parents=True)
    (env.parent / "outside").mkdir()
    (env.parent / "outside" / "mine").touch()
    (env / "link").symlink_to(env.parent / "outside")
    newvenv.create(env, clear=True)

    assert not {"old", "link"} & set(os.listdir(env))
    assert (env.parent / "outside" / "mine").exists()


def test_clear_directory_alone(env: Path) -> None:
    """``clear_directory`` empties a folder and leaves the folder itself."""
    (env / "sub" / "deep").mkdir(parents=True)
    (env / "file").touch()
    inode = env.stat().st_ino
    newvenv.EnvBuilder().clear_directory(str(env))

    assert (os.listdir(env), env.stat().st_ino) == ([], inode)


def test_ensure_directories_again(env: Path) -> None:
    """``ensure_directories`` on an environment returns its context and changes nothing."""
    builder = Diary(symlinks=True)
    builder.create(env)
    before = sorted((path, path.lstat().st_mtime_ns) for path in env.rglob("*"))
    again = newvenv.EnvBuilder().ensure_directories(str(env))

    assert vars(again) == {name: getattr(builder.contexts[0], name) for name in CONTEXT[:-2]}
    assert sorted((path, path.lstat().st_mtime_ns) for path in env.rglob("*")) == before


@pytest.mark.parametrize("kind", [str, Path], ids=["str", "Path"])
def test_ensure_directories_path_types(env: Path, kind: Callable[[Path], Any]) -> None:
    """``ensure_directories`` takes strings and path-like objects, and returns strings."""
    assert newvenv.EnvBuilder().ensure_directories(kind(env)).env_dir == str(env)


def test_ensure_directories_with_clear(env: Path) -> None:
    """``ensure_directories`` clears the folder only with ``clear``."""
    (env / "old").mkdir(parents=True)
    newvenv.EnvBuilder().ensure_directories(env)
    kept = (env / "old").exists()
    newvenv.EnvBuilder(clear=True).ensure_directories(env)

    assert (kept, (env / "old").exists()) == (True, False)


def test_hooks_stand_alone(env: Path) -> None:
    """Three hooks make a working interpreter without scripts and pip."""
    builder = newvenv.EnvBuilder(symlinks=True)
    context = builder.ensure_directories(env)
    builder.create_configuration(context)
    builder.setup_python(context)

    command = [context.env_exec_cmd, "-c", "import sys; print(sys.prefix)"]
    assert subprocess.check_output(command, text=True).strip() == str(env)
    assert not (env / BIN / "activate").exists()


def test_cfg_path(env: Path) -> None:
    """``create_configuration`` tells in the context where it wrote."""
    builder = newvenv.EnvBuilder()
    context = builder.ensure_directories(env)
    builder.create_configuration(context)

    assert context.cfg_path == str(env / "pyvenv.cfg")
    assert Path(context.cfg_path).exists()


def test_replace_variables_alone(env: Path) -> None:
    """``replace_variables`` works with a context that no script was installed for."""
    builder = newvenv.EnvBuilder()
    context = builder.ensure_directories(env)

    assert builder.replace_variables("in __VENV_NAME__", context) == "in env"


def test_install_scripts_of_others(env: Path, tmp_path: Path) -> None:
    """``install_scripts`` fills in the templates of any folder of the documented shape."""
    for folder, name in [("common", "a"), (os.name, "b"), ("other", "c"), ("common/sub", "d")]:
        (tmp_path / "scripts" / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / "scripts" / folder / name).write_text("__VENV_NAME__")
    builder = newvenv.EnvBuilder()
    context = builder.ensure_directories(env)
    builder.install_scripts(context, str(tmp_path / "scripts"))
    found = {path.relative_to(env / BIN).as_posix() for path in (env / BIN).glob("?")}

    assert found == {"a", "b"}
    assert (env / BIN / "sub" / "d").read_text() == "env"


@pytest.mark.parametrize(
    "symlinks",
    [pytest.param(False, id="copy"), pytest.param(True, id="link", marks=needs_links)],
)
def test_symlink_or_copy(tmp_path: Path, symlinks: bool) -> None:
    """``symlink_or_copy`` links or copies as the builder's option says."""
    (tmp_path / "source").write_text("x")
    builder = newvenv.EnvBuilder(symlinks=symlinks)
    builder.symlink_or_copy(str(tmp_path / "source"), str(tmp_path / "result"))

    assert (tmp_path / "result").is_symlink() is symlinks
    assert (tmp_path / "result").read_text() == "x"


@needs_links
@pytest.mark.parametrize(
    ("relative_ok", "folder", "target"),
    [
        pytest.param(False, "", "{}source", id="absolute"),
        pytest.param(True, "", "source", id="relative"),
        pytest.param(True, "sub", "{}source", id="elsewhere"),
    ],
)
def test_relative_links(tmp_path: Path, relative_ok: bool, folder: str, target: str) -> None:
    """A link says a mere name if that is allowed, and right."""
    (tmp_path / "source").touch()
    (tmp_path / "sub").mkdir()
    result = tmp_path / folder / "result"
    builder = newvenv.EnvBuilder(symlinks=True)
    builder.symlink_or_copy(str(tmp_path / "source"), str(result), relative_symlinks_ok=relative_ok)

    said = os.readlink(result).replace("\\\\?\\", "")  # as Windows tells an absolute path
    assert said == target.format(os.path.join(tmp_path, ""))


def test_copy_where_links_are_impossible(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where no link can be made a copy is, with a warning."""

    def symlink(*_: object) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(os, "symlink", symlink)
    source, result = str(tmp_path / "source"), str(tmp_path / "result")
    Path(source).write_text("x")
    newvenv.EnvBuilder(symlinks=True).symlink_or_copy(source, result)

    assert Path(result).read_text() == "x"
    assert caplog.record_tuples == [
        ("newvenv", logging.WARNING, f"Unable to symlink {source!r} to {result!r}")
    ]


def test_same_path() -> None:
    """``_same_path`` is asked of the class or of a builder."""
    assert newvenv.EnvBuilder._same_path("/a", "/a")
    assert not newvenv.EnvBuilder()._same_path("/a", "/b")


def test_venv_path_decides(env: Path) -> None:
    """Where folders go is asked of ``_venv_path``, which a subclass may answer."""

    class Flat(newvenv.EnvBuilder):
        def _venv_path(self, env_dir: str, name: str) -> str:
            return os.path.join(env_dir, f"my-{name}")

    context = Flat().ensure_directories(env)

    assert context.bin_path == str(env / "my-scripts")
    assert context.lib_path == str(env / "my-purelib")
    assert context.bin_name == "my-scripts"


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("env", id="relative"),
        pytest.param("./x/../env/", id="roundabout"),
        pytest.param(Path("env"), id="path-like"),
    ],
)
def test_create_takes_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: Any) -> None:
    """``create`` takes relative and path-like names and works with the absolute form."""
    monkeypatch.chdir(tmp_path)
    builder = Diary(symlinks=True)
    builder.create(path)

    assert builder.contexts[0].env_dir == str(tmp_path / "env")


@needs_links
def test_create_function(env: Path) -> None:
    """The function ``create`` passes each of its parameters on, and returns the context."""
    context = newvenv.create(env, True, False, True, False, "p", scm_ignore_files=["git"])

    assert context.env_dir == str(env)
    assert config(env)["include-system-site-packages"] == "true"
    assert config(env)["prompt"] == "'p'"
    assert (env / PYTHON).is_symlink()
    assert (env / ".gitignore").exists()


def test_with_pip(env: Path) -> None:
    """With pip its three commands are there when ``post_setup`` runs, and pip runs."""
    found: list[str] = []

    class Looking(newvenv.EnvBuilder):
        def post_setup(self, context: types.SimpleNamespace) -> None:
            found.extend(name for name in os.listdir(context.bin_path) if name.startswith("pip"))

    Looking(with_pip=True, symlinks=True).create(env)
    pip = subprocess.check_output([env / PYTHON, "-m", "pip", "--version"], text=True)

    assert {name.replace(".exe", "") for name in found} == {"pip", "pip3", f"pip{VERSION}"}
    assert str(env) in pip


def test_pip_comes_although_the_system_has_it(env: Path) -> None:
    """System packages in sight don't keep pip from being installed."""
    newvenv.create(env, with_pip=True, system_site_packages=True, symlinks=True)
    context = newvenv.EnvBuilder().ensure_directories(env)

    assert os.path.isdir(os.path.join(context.lib_path, "pip"))
    assert config(env)["include-system-site-packages"] == "true"


def test_activation_environment(env: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that is given these variables uses the environment."""
    newvenv.create(env, symlinks=True, prompt="p")
    monkeypatch.setenv("PYTHONHOME", "/nonexistent")
    variables = {**os.environ, **newvenv.activation_environment(env)}
    given = {name: value for name, value in variables.items() if value is not None}
    # Windows itself looks beside the running program first.
    python = shutil.which("python", path=given["PATH"])
    assert python is not None
    found = subprocess.check_output([python, "-c", "import sys; print(sys.prefix)"], env=given)

    assert found.decode().strip() == str(env)
    assert (given["VIRTUAL_ENV"], given["VIRTUAL_ENV_PROMPT"]) == (str(env), "p")


def test_many_threads(tmp_path: Path) -> None:
    """Environments that are made at once in several threads do not disturb each other."""
    builder = newvenv.EnvBuilder(symlinks=True)
    paths = [tmp_path / str(number) for number in range(8)]
    threads = [threading.Thread(target=builder.create, args=(path,)) for path in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [config(path)["command"].split()[-1] for path in paths] == [str(p) for p in paths]
    assert len({tuple(sorted(os.listdir(path / BIN))) for path in paths}) == 1


def test_process_is_left_alone(env: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Making an environment changes neither the folder nor the variables of the process."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "chdir", _fail)
    before = dict(os.environ)
    newvenv.create(env, system_site_packages=True, scm_ignore_files=["git"])

    assert dict(os.environ) == before
    assert Path.cwd() == tmp_path


# Ignore files


def test_git_ignore_file(env: Path) -> None:
    """Git's ignore file says who made it, and to ignore everything."""
    newvenv.create(env, scm_ignore_files=["git"])
    comment, pattern = (env / ".gitignore").read_text().splitlines()

    assert comment.startswith("# Created by venv")
    assert pattern == "*"


def test_no_ignore_file(env: Path) -> None:
    """The API writes no ignore file unless it is asked to."""
    newvenv.create(env)

    assert not (env / ".gitignore").exists()


def test_ignore_file_of_a_subclass(env: Path) -> None:
    """A method ``create_x_ignore_file`` makes ``x`` a version control system."""

    class Mercurial(newvenv.EnvBuilder):
        def create_hg_ignore_file(self, context: types.SimpleNamespace) -> None:
            Path(context.env_dir, ".hgignore").write_text("*")

    Mercurial(scm_ignore_files=["Git", "HG"]).create(env)

    assert {".gitignore", ".hgignore"} <= set(os.listdir(env))


def test_unknown_ignore_file(env: Path) -> None:
    """A system without a method is an AttributeError that names it, before all else."""
    builder = newvenv.EnvBuilder(scm_ignore_files=["svn"])

    with pytest.raises(AttributeError, match="'create_svn_ignore_file'"):
        builder.create(env)
    assert not env.exists()


# Subclasses


@pytest.mark.parametrize("hook", ["ensure_directories", *HOOKS])
def test_each_hook_overridden(env: Path, hook: str) -> None:
    """A subclass that overrides a hook and calls the inherited one gets the same result."""
    calls = []

    def override(self: Any, argument: Any) -> Any:
        calls.append(argument)
        return getattr(super(builder_class, self), hook)(argument)

    builder_class: Any = type("Sub", (Diary,), {hook: override})
    options = {"with_pip": True, "upgrade_deps": True, "scm_ignore_files": ["git"]}
    builder_class(**options, symlinks=True).create(env)
    newvenv.create(env.parent / "plain", scm_ignore_files=["git"], symlinks=True)

    assert len(calls) == 1
    assert sorted(os.listdir(env / BIN)) == sorted(os.listdir(env.parent / "plain" / BIN))


def test_hooks_on_the_instance(env: Path) -> None:
    """A hook that is put on the instance is called, and the class's is not."""
    calls: list[types.SimpleNamespace] = []
    builder: Any = newvenv.EnvBuilder(with_pip=True, upgrade_deps=True, symlinks=True)
    builder._setup_pip = calls.append
    builder.upgrade_dependencies = calls.append
    builder.create(env)

    assert [context.env_dir for context in calls] == [str(env), str(env)]


def test_template_hook_per_file(env: Path) -> None:
    """``replace_variables`` of a subclass is called with each template and its own path."""
    seen = []

    class Extending(newvenv.EnvBuilder):
        def replace_variables(self, text: str, context: types.SimpleNamespace) -> str:
            seen.append(os.path.basename(context.script_path))
            return super().replace_variables(text, context) + "\n# extended\n"

    Extending(symlinks=True).create(env)

    assert "activate" in seen
    assert [n for n in seen if not (env / BIN / n).read_text().endswith("# extended\n")] == []


def test_own_scripts_folder(env: Path, tmp_path: Path) -> None:
    """A subclass installs its own templates beside, or instead of, the usual ones."""
    (tmp_path / "mine" / "common").mkdir(parents=True)
    (tmp_path / "mine" / "common" / "hello").write_text("#!__VENV_PYTHON__")

    class Own(newvenv.EnvBuilder):
        def setup_scripts(self, context: types.SimpleNamespace) -> None:
            self.install_scripts(context, str(tmp_path / "mine"))

    Own(symlinks=True).create(env)
    context = newvenv.EnvBuilder().ensure_directories(env)

    assert (env / BIN / "hello").read_text() == f"#!{shlex.quote(context.env_exe)}"
    assert not (env / BIN / "activate").exists()


@posix
def test_interpreter_hook(env: Path) -> None:
    """Interpreter files are made through ``symlink_or_copy`` of the subclass."""
    made = []

    class Noting(newvenv.EnvBuilder):
        def symlink_or_copy(self, src: str, dst: str, relative_symlinks_ok: bool = False) -> None:
            made.append(os.path.basename(dst))
            super().symlink_or_copy(src, dst, relative_symlinks_ok)

    Noting(symlinks=True).create(env)

    names = {path.name for path in (env / BIN).iterdir() if not path.name.startswith(("a", "A"))}
    assert set(made) == names


def test_clearing_hook(env: Path) -> None:
    """A subclass's ``clear_directory`` decides what clearing means."""

    class Sparing(newvenv.EnvBuilder):
        def clear_directory(self, path: str) -> None:
            os.unlink(os.path.join(path, "rubbish"))

    env.mkdir()
    (env / "rubbish").touch()
    (env / "treasure").touch()
    Sparing(clear=True, symlinks=True).create(env)

    assert [(env / name).exists() for name in ("rubbish", "treasure")] == [False, True]


def test_create_that_calls_the_hooks_itself(env: Path) -> None:
    """A subclass may replace ``create`` by its own sequence of hooks."""

    class Piecewise(newvenv.EnvBuilder):
        def create(self, env_dir: Any) -> Any:
            context = self.ensure_directories(os.path.abspath(env_dir))
            for step in (self.create_configuration, self.setup_python, self.setup_scripts):
                step(context)
            self.post_setup(context)
            return context

    Piecewise(symlinks=True).create(env)
    newvenv.create(env.parent / "plain", symlinks=True)

    assert sorted(os.listdir(env / BIN)) == sorted(os.listdir(env.parent / "plain" / BIN))


def test_create_inside_the_constructor(env: Path) -> None:
    """A subclass may make its environment while it is constructed."""

    class Eager(newvenv.EnvBuilder):
        def __init__(self, env_dir: Path) -> None:
            super().__init__(symlinks=True)
            self.create(env_dir)

        def post_setup(self, context: types.SimpleNamespace) -> None:
            self.context = context

    assert Eager(env).context.env_dir == str(env)


def test_free_attribute_names(env: Path) -> None:
    """A builder's own state takes none of the names that its users give theirs."""
    builder: Any = newvenv.EnvBuilder(symlinks=True)
    for name in ("context", "executable", "env_dir", "env_path", "wheel", "run", "python", "pip"):
        setattr(builder, name, None)
    builder.create(env)

    assert (env / PYTHON).exists()


def test_dataclass_on_top(env: Path) -> None:
    """A dataclass that never calls the builder's constructor has the options as fields."""

    @dataclasses.dataclass
    class Fields(newvenv.EnvBuilder):
        system_site_packages: bool = True
        clear: bool = False
        symlinks: bool = True
        upgrade: bool = False
        with_pip: bool = False
        prompt: Any = None
        orig_prompt: Any = None
        upgrade_deps: bool = False
        scm_ignore_files: Any = frozenset()

    Fields(prompt="p").create(env)

    assert config(env)["prompt"] == "'p'"
    assert config(env)["include-system-site-packages"] == "true"


class Progress(newvenv.EnvBuilder):
    """Installs tools into the environment by child processes and reports what they say.

    This is the shape of the example in the documentation of ``venv``: options of its
    own, ``post_setup`` that uses the context, and threads that read a process's output.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.nodist = kwargs.pop("nodist", False)
        self.progress: Callable[[str, str], None] = kwargs.pop("progress", lambda *_: None)
        super().__init__(*args, **kwargs)

    def post_setup(self, context: types.SimpleNamespace) -> None:
        """Install the one tool that there is, unless told not to."""
        os.environ["VIRTUAL_ENV"] = context.env_dir
        if not self.nodist:
            self.install_tool(context)

    def install_tool(self, context: types.SimpleNamespace) -> None:
        """Let the environment's Python write the tool, and pass on what it prints."""
        tool = os.path.join(context.bin_path, "tool")
        script = f"import sys; open({tool!r}, 'w').close(); print(sys.prefix)"
        with subprocess.Popen(
            [context.env_exe, "-c", script],
            stdout=subprocess.PIPE,
            cwd=context.bin_path,
            text=True,
        ) as process:
            reader = threading.Thread(target=self._read, args=(process.stdout, "stdout"))
            reader.start()
            reader.join()

    def _read(self, stream: Any, name: str) -> None:
        for line in stream:
            self.progress(line.strip(), name)


@pytest.mark.parametrize("nodist", [False, True], ids=["tool", "no-tool"])
def test_documented_example(env: Path, monkeypatch: pytest.MonkeyPatch, nodist: bool) -> None:
    """A builder like the documentation's example installs its tool with progress reports."""
    monkeypatch.setenv("VIRTUAL_ENV", "")
    reports: list[tuple[str, str]] = []
    builder = Progress(nodist=nodist, symlinks=True, progress=lambda *args: reports.append(args))
    builder.create(env)

    assert reports == [(str(env), "stdout")] * (not nodist)
    assert (env / BIN / "tool").exists() is not nodist
    assert os.environ["VIRTUAL_ENV"] == str(env)


class Customized(newvenv.EnvBuilder):
    """Adds to each step: a folder, a line of configuration, a script, a file at the end.

    The shape of a published tutorial: every hook is overridden, calls the inherited one
    and goes on from what the context holds by then.
    """

    def ensure_directories(self, env_dir: Any) -> types.SimpleNamespace:
        """Make a folder of data, too."""
        context = super().ensure_directories(env_dir)
        context.data_path = os.path.join(context.env_dir, "data")
        os.makedirs(context.data_path, exist_ok=True)
        return context

    def create_configuration(self, context: types.SimpleNamespace) -> None:
        """Append a key."""
        super().create_configuration(context)
        with open(context.cfg_path, "a", encoding="utf-8") as file:
            file.write(f"data = {context.data_path}\n")

    def setup_python(self, context: types.SimpleNamespace) -> None:
        """Make one more name of the interpreter."""
        super().setup_python(context)
        self.symlink_or_copy(context.env_exe, os.path.join(context.bin_path, "customized"), True)

    def setup_scripts(self, context: types.SimpleNamespace) -> None:
        """Install a template of its own beside the usual ones."""
        super().setup_scripts(context)
        self.install_scripts(context, os.path.join(context.data_path, "scripts"))

    def replace_variables(self, text: str, context: types.SimpleNamespace) -> str:
        """Know one placeholder more."""
        text = super().replace_variables(text, context)
        return text.replace("__DATA__", context.data_path)

    def post_setup(self, context: types.SimpleNamespace) -> None:
        """Leave a file that tells that all is done."""
        Path(context.data_path, "done").write_text(context.env_exec_cmd)


def test_customized_example(env: Path) -> None:
    """A builder that adds to every step has all of its additions in the environment."""
    (env / "data" / "scripts" / "common").mkdir(parents=True)
    (env / "data" / "scripts" / "common" / "tool").write_text("__DATA__")
    Customized(symlinks=True).create(env)
    python = subprocess.check_output([env / BIN / "customized", "-c", "print(1)"], text=True)

    assert config(env)["data"] == str(env / "data")
    assert python == "1\n"
    assert (env / BIN / "tool").read_text() == str(env / "data")
    assert (env / "data" / "done").read_text().startswith(str(env))
    assert (env / BIN / "activate").exists()


# Running the environment's Python


def test_call_new_python(env: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment's Python runs in its folder, as its own and untroubled by variables."""
    monkeypatch.setenv("PYTHONHOME", "/nonexistent")
    monkeypatch.setenv("PYTHONPATH", "/nonexistent")
    monkeypatch.setenv("VIRTUAL_ENV", "/nonexistent")
    script = (
        "import os, sys; home = {'PYTHONHOME', 'PYTHONPATH'} & set(os.environ); "
        "found = [sys.prefix, os.getcwd(), os.environ['VIRTUAL_ENV'], *home]; "
        "open('found', 'w').write('\\n'.join(found))"
    )

    class Calling(newvenv.EnvBuilder):
        def post_setup(self, context: types.SimpleNamespace) -> None:
            self._call_new_python(context, "-c", script)

    Calling(symlinks=True).create(env)

    assert (env / "found").read_text().splitlines() == [str(env)] * 3


def test_call_new_python_fails(env: Path) -> None:
    """A failing child is a ``CalledProcessError`` that holds what the child printed."""

    class Failing(newvenv.EnvBuilder):
        def post_setup(self, context: types.SimpleNamespace) -> None:
            script = "print('the reason'); raise SystemExit(3)"
            self._call_new_python(context, "-c", script, stderr=subprocess.STDOUT)

    with pytest.raises(subprocess.CalledProcessError) as caught:
        Failing(symlinks=True).create(env)
    assert (caught.value.returncode, caught.value.output.strip()) == (3, b"the reason")
    assert not env.exists()


@pytest.mark.parametrize("option", ["env", "cwd", "executable"])
def test_call_new_python_overrules(env: Path, option: str) -> None:
    """The caller can't have the child run elsewhere, on other variables or as another."""
    builder = newvenv.EnvBuilder(symlinks=True)
    builder.create(env)
    context = builder.ensure_directories(env)
    script = "import sys, os; open(sys.prefix + '/ran', 'w').write(os.environ['VIRTUAL_ENV'])"
    builder._call_new_python(context, "-c", script, **{option: "/nonexistent"})

    assert (env / "ran").read_text() == str(env)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="there is no PYTHONSAFEPATH")
def test_installed_modules_come_first(env: Path) -> None:
    """A module that is run by name is the installed one, whatever lies in the folder."""
    builder = newvenv.EnvBuilder(symlinks=True)
    builder.create(env)
    (env / "this.py").write_text("raise SystemExit('not this')")
    builder._call_new_python(builder.ensure_directories(env), "-m", "this")


WORDS = {
    "system_site_packages": "--system-site-packages",
    "clear": "--clear",
    "upgrade": "--upgrade",
    "upgrade_deps": "--upgrade-deps",
}


@pytest.mark.parametrize("pair", list(itertools.combinations(WORDS, 2)), ids="-".join)
def test_pairs_of_options(env: Path, pair: tuple[str, str]) -> None:
    """Any pair of options makes an environment whose record names both."""
    builder = Diary(symlinks=True, **dict.fromkeys(pair, True))
    builder.create(env)

    assert {WORDS[name] for name in pair} <= set(config(env)["command"].split())


def test_prompt_in_context(env: Path) -> None:
    """The context's prompt is the name of the environment, as the version shows it."""
    assert newvenv.EnvBuilder().ensure_directories(env).prompt == decorated("env")
