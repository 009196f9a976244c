"""The patches that third parties make on the package, and what they expect of them."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest

import newvenv
from builders import Calls, Diary, config, copies
from environments import BIN

if TYPE_CHECKING:
    from conftest import Run

CHECK_CALL = sys.version_info < (3, 10)


@pytest.fixture
def context(tmp_path: Path) -> types.SimpleNamespace:
    """Return the context of an environment without pip."""
    builder = newvenv.EnvBuilder(symlinks=True)
    builder.create(tmp_path / "env")
    return builder.ensure_directories(tmp_path / "env")


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    """Keep the package from starting processes, and return what it wanted to start."""
    calls = Calls()
    for name in ("check_output", "check_call"):
        monkeypatch.setattr(newvenv.subprocess, name, calls)
    return calls


# As the first touch of a fresh process

#: Snippets in which a patch comes before anything else has used what it replaces. Each
#: ends by printing ``True``; ``env`` is the path of a folder that is not there.
FIRST_TOUCHES = {
    "subprocess.check_output": """
with patch("newvenv.subprocess.check_output") as fake:
    builder = newvenv.EnvBuilder(symlinks=True)
    builder.create(env)
    builder._call_new_python(builder.ensure_directories(env), "-V")
print(fake.call_args.args[0][1:] == ["-V"])
""",
    "subprocess": """
with patch("newvenv.subprocess") as fake:
    builder = newvenv.EnvBuilder(symlinks=True)
    builder.create(env)
    builder._call_new_python(builder.ensure_directories(env), "-V")
import subprocess
print(fake.check_output.call_count == 1 and newvenv.subprocess is subprocess)
""",
    "assigned subprocess": """
class subprocess:
    check_output = lambda command, **_: commands.append(command)
commands = []
newvenv.subprocess = subprocess
builder = newvenv.EnvBuilder(symlinks=True)
builder.create(env)
builder._call_new_python(builder.ensure_directories(env), "-V")
print(commands[0][1:] == ["-V"])
""",
    "logger": """
with patch("newvenv.logger") as fake, patch("os.symlink", side_effect=OSError):
    newvenv.EnvBuilder(symlinks=True).create(env)
import logging
print(fake.warning.called and newvenv.logger is logging.getLogger("newvenv"))
""",
    "logger.warning": """
with patch.object(newvenv.logger, "warning") as fake, patch("os.symlink", side_effect=OSError):
    newvenv.EnvBuilder(symlinks=True).create(env)
print(fake.called)
""",
    "shutil.copyfile": """
import shutil
with patch("newvenv.shutil.copyfile", side_effect=shutil.copyfile) as fake:
    newvenv.create(env)
print(fake.called)
""",
    "shutil": """
import shutil
with patch("newvenv.shutil", wraps=shutil) as fake:
    newvenv.create(env)
print(fake.copyfile.called)
""",
    "sysconfig": """
with patch("newvenv.sysconfig.get_path", side_effect=lambda *_, **__: env + "/odd") as fake:
    path = newvenv.EnvBuilder()._venv_path(env, "data")
print(path == env + "/odd")
""",
    "os.getcwd": """
with patch("newvenv.os.getcwd", return_value="/some/where"):
    builder = newvenv.EnvBuilder(prompt=".")
print(builder.prompt == "where")
""",
    "sys.executable": """
with patch("newvenv.sys.executable", "/some/python"):
    newvenv.create(env)
print("command = /some/python -m venv" in open(env + "/pyvenv.cfg").read())
""",
    "sys._base_executable": """
with patch("newvenv.sys._base_executable", "/some/python3.99"):
    context = newvenv.EnvBuilder().ensure_directories(env)
print(context.python_dir == "/some" and context.python_exe == "python3.99")
""",
    "sys.argv": """
with patch("newvenv.sys.argv", ["x", "--without-pip", env]):
    newvenv.main()
import os
print(os.path.exists(env))
""",
    "CORE_VENV_DEPS": """
newvenv.CORE_VENV_DEPS = ("one", "two")
with patch("newvenv.subprocess.check_output") as a, patch("newvenv.subprocess.check_call") as b:
    builder = newvenv.EnvBuilder(symlinks=True, upgrade_deps=True)
    builder.create(env)
call = a.call_args or b.call_args
print(call.args[0][-3:] == ["--upgrade", "one", "two"])
""",
    "EnvBuilder.create": """
with patch("newvenv.EnvBuilder.create") as fake:
    newvenv.create(env)
    newvenv.main([env])
print(fake.call_args_list == [((env,),), ((env,),)])
""",
    "EnvBuilder": """
with patch("newvenv.EnvBuilder") as fake:
    newvenv.create(env, prompt="p")
    newvenv.main([env, "--prompt=q"])
prompts = [call.kwargs["prompt"] for call in fake.call_args_list]
print(prompts == ["p", "q"] and fake.return_value.create.call_count == 2)
""",
    "EnvBuilder._setup_pip": """
with patch("newvenv.EnvBuilder._setup_pip") as fake:
    newvenv.create(env, with_pip=True)
print(fake.call_count == 1)
""",
    "EnvBuilder, autospec": """
with patch("newvenv.EnvBuilder", autospec=True) as fake:
    newvenv.create(env, True)
print(fake.call_args.kwargs["system_site_packages"] is True)
""",
    "create": """
with patch("newvenv.create") as fake:
    newvenv.create(env)
print(fake.call_count == 1)
""",
}


#: Those that need a copy, or one in place of a link.
_COPYING = ("logger", "logger.warning", "shutil", "shutil.copyfile")


@pytest.mark.skipif(os.name == "nt", reason="these are paths of POSIX")
@pytest.mark.parametrize(
    "snippet",
    [
        pytest.param(snippet, id=name, marks=[copies] if name in _COPYING else [])
        for name, snippet in FIRST_TOUCHES.items()
    ],
)
def test_first_touch(run: Run, tmp_path: Path, snippet: str) -> None:
    """A patch is honoured, and taken back, also where it is the first use of anything."""
    program = f"import sys, newvenv\nfrom unittest.mock import patch\nenv = sys.argv[1]\n{snippet}"
    result = run(sys.executable, "-c", program, tmp_path / "env")

    assert (result.stdout.strip(), result.stderr) == ("True", "")


# What is there to be patched


@pytest.mark.parametrize("name", ["logging", "shlex", "shutil", "subprocess", "sysconfig", "types"])
def test_modules(name: str) -> None:
    """Modules that are expected as attributes are the standard library's."""
    assert getattr(newvenv, name) is sys.modules[name]


@pytest.mark.parametrize("name", ["os", "sys"])
def test_cheap_modules(name: str) -> None:
    """So are those that are always loaded."""
    assert getattr(newvenv, name) is sys.modules[name]


def test_logger() -> None:
    """The logger is called like the package, and stays the same."""
    assert newvenv.logger is logging.getLogger("newvenv")
    assert newvenv.logger is newvenv.logger


def test_imported_by_name(run: Run) -> None:
    """What is loaded on first use can be imported by name, too."""
    program = "from newvenv import logger, subprocess, CORE_VENV_DEPS, EnvBuilder, create, main"
    result = run(sys.executable, "-c", program)

    assert (result.returncode, result.stderr) == (0, "")


def test_unknown_attribute() -> None:
    """What the package does not have is an AttributeError that names both."""
    with pytest.raises(AttributeError, match="'newvenv' has no attribute 'nonsense'"):
        newvenv.nonsense  # noqa: B018


def test_unknown_import(run: Run) -> None:
    """What the package does not have can't be imported from it."""
    result = run(sys.executable, "-c", "from newvenv import nonsense")

    assert "ImportError: cannot import name 'nonsense' from 'newvenv'" in result.stderr


def test_public_names() -> None:
    """The names that a star imports all exist."""
    assert [name for name in newvenv.__all__ if not hasattr(newvenv, name)] == []
    assert {"CORE_VENV_DEPS", "EnvBuilder", "create", "main"} <= set(newvenv.__all__)


def test_core_dependencies() -> None:
    """The packages to be upgraded are those that this version's ``ensurepip`` brings."""
    assert (
        ("pip", "setuptools") if sys.version_info < (3, 12) else ("pip",)
    ) == newvenv.CORE_VENV_DEPS


# Upgrading pip


@pytest.mark.skipif(CHECK_CALL, reason="another function is used up to 3.9")
def test_upgrade_dependencies(context: types.SimpleNamespace, calls: Calls) -> None:
    """Pip is upgraded by the environment's Python, in its folder, and its output kept back."""
    newvenv.EnvBuilder().upgrade_dependencies(context)

    command = [context.env_exec_cmd, "-m", "pip", "install", "--upgrade"]
    assert calls.commands == [[*command, *newvenv.CORE_VENV_DEPS]]
    assert sorted(calls.options[0]) == ["cwd", "env", "executable"]
    assert calls.options[0]["cwd"] == context.env_dir
    assert calls.options[0]["executable"] == context.env_exec_cmd


@pytest.mark.skipif(not CHECK_CALL, reason="another function is used from 3.10 on")
def test_upgrade_dependencies_by_check_call(context: types.SimpleNamespace, calls: Calls) -> None:
    """Up to 3.9 pip is upgraded by ``check_call`` with the command and nothing else."""
    newvenv.EnvBuilder().upgrade_dependencies(context)

    command = [context.env_exec_cmd, "-m", "pip", "install", "--upgrade"]
    assert calls.commands == [[*command, *newvenv.CORE_VENV_DEPS]]
    assert calls.options == [{}]


def test_assigned_dependencies(
    context: types.SimpleNamespace, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is upgraded is what the package's attribute says at that moment."""
    monkeypatch.setattr(newvenv, "CORE_VENV_DEPS", ["wheel", "pip<30"])
    newvenv.EnvBuilder().upgrade_dependencies(context)

    assert calls.commands[0][-2:] == ["wheel", "pip<30"]


def test_upgrade_is_logged(
    context: types.SimpleNamespace, calls: Calls, caplog: pytest.LogCaptureFixture
) -> None:
    """The upgrade is told to whoever listens to debugging messages."""
    with caplog.at_level(logging.DEBUG, "newvenv"):
        newvenv.EnvBuilder().upgrade_dependencies(context)

    text = f"Upgrading {newvenv.CORE_VENV_DEPS} packages in {context.bin_path}"
    assert caplog.messages == [text]
    assert len(calls.commands) == 1


def test_upgrade_deps_option(tmp_path: Path, calls: Calls) -> None:
    """With ``upgrade_deps`` the upgrade comes last, once the environment is finished."""
    found = []

    class Looking(newvenv.EnvBuilder):
        def upgrade_dependencies(self, context: types.SimpleNamespace) -> None:
            found.append(config(Path(context.env_dir))["include-system-site-packages"])
            super().upgrade_dependencies(context)

    Looking(upgrade_deps=True, system_site_packages=True, symlinks=True).create(tmp_path / "env")

    assert found == ["true"]
    assert [command[1:3] for command in calls.commands] == [["-m", "pip"]]


# Running the environment's Python


def test_call_new_python_command(context: types.SimpleNamespace, calls: Calls) -> None:
    """The command and the options reach ``subprocess.check_output``; nothing is returned."""
    result: object = newvenv.EnvBuilder()._call_new_python(  # type: ignore[func-returns-value]
        context, "-c", "pass", stderr=subprocess.STDOUT, timeout=5
    )

    assert result is None
    assert calls.commands == [[context.env_exec_cmd, "-c", "pass"]]
    assert sorted(calls.options[0]) == ["cwd", "env", "executable", "stderr", "timeout"]
    assert calls.options[0]["timeout"] == 5


def test_call_new_python_variables(
    context: types.SimpleNamespace, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The child gets the process's variables, but for those that would mislead it."""
    for name in ("PYTHONHOME", "PYTHONPATH", "__PYVENV_LAUNCHER__", "VIRTUAL_ENV"):
        monkeypatch.setenv(name, "/misleading")
    monkeypatch.setenv("PYTHONWARNINGS", "ignore")
    newvenv.EnvBuilder()._call_new_python(context, "-c", "pass")
    variables = calls.options[0]["env"]

    assert "/misleading" not in variables.values()
    assert variables["VIRTUAL_ENV"] == context.env_dir
    assert variables["PYTHONWARNINGS"] == "ignore"


@pytest.mark.skipif(sys.version_info < (3, 11), reason="there is no PYTHONSAFEPATH")
@pytest.mark.parametrize(
    ("py_args", "is_safe"),
    [(["-m", "pip"], True), (["-c", "pass"], False), (["script.py"], False), ([], False)],
    ids=["module", "command", "script", "nothing"],
)
def test_safe_path(
    context: types.SimpleNamespace, calls: Calls, py_args: list[str], is_safe: bool
) -> None:
    """Only for a module that is run by name is the current folder taken off the path."""
    newvenv.EnvBuilder()._call_new_python(context, *py_args)

    assert ("PYTHONSAFEPATH" in calls.options[0]["env"]) is is_safe


def test_overridden_call_new_python(tmp_path: Path) -> None:
    """The upgrade goes through the subclass's own way of running the new Python."""
    found: list[Any] = []

    class Own(newvenv.EnvBuilder):
        def _call_new_python(
            self, context: types.SimpleNamespace, *py_args: str, **kwargs: Any
        ) -> None:
            found.append((os.path.basename(context.env_dir), py_args[:3], kwargs))

    with mock.patch.object(newvenv.subprocess, "check_call") as fake:
        Own(upgrade_deps=True, symlinks=True).create(tmp_path / "env")

    assert len(found) + fake.call_count == 1
    assert found == [("env", ("-m", "pip", "install"), {})] * (not CHECK_CALL)


# Looked up at call time


def test_replaced_builder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """``create`` and ``main`` use the builder class that the package has at that moment."""
    made = []

    class Kept(Diary):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            made.append(self)

    monkeypatch.setattr(newvenv, "EnvBuilder", Kept)
    newvenv.create(tmp_path / "a", symlinks=True)
    newvenv.main([str(tmp_path / "b")])

    assert ["_setup_pip" in builder.calls for builder in made] == [False, True]


def test_hook_patched_on_the_class(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A hook that is replaced on the class is called for builders of any kind."""
    found: list[str] = []
    monkeypatch.setattr(
        newvenv.EnvBuilder, "post_setup", lambda _, context: found.append(context.env_dir)
    )
    newvenv.create(tmp_path / "a")
    Diary(symlinks=True).create(tmp_path / "b")

    assert found == [str(tmp_path / "a"), str(tmp_path / "b")]


def test_mocked_hooks(tmp_path: Path) -> None:
    """Mocks in place of an instance's hooks are called with the context, once."""
    builder: Any = newvenv.EnvBuilder(with_pip=True, upgrade_deps=True, symlinks=True)
    builder._setup_pip = mock.Mock()
    builder.upgrade_dependencies = mock.Mock()
    builder.create(tmp_path / "env")

    builder._setup_pip.assert_called_once()
    builder.upgrade_dependencies.assert_called_once()


@copies
@pytest.mark.skipif(os.name == "nt", reason="a running interpreter can't be replaced there")
def test_copies_by_the_patched_module(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Interpreter files are copied by what the package's ``shutil`` is at that moment."""
    copied = []

    class Shutil:
        @staticmethod
        def copyfile(source: str, path: str) -> None:
            copied.append(source)
            Path(path).touch()

    monkeypatch.setattr(newvenv, "shutil", Shutil)
    newvenv.create(tmp_path / "env")

    assert len(copied) >= 3
    assert (tmp_path / "env" / BIN / "python").read_bytes() == b""
