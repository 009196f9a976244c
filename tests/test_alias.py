"""The alias: ``venv`` means newvenv, in throw-away environments and never elsewhere."""

from __future__ import annotations

import os
import py_compile
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import newvenv
from conftest import Run
from environments import BIN
from newvenv import alias

POSIX_ONLY = pytest.mark.skipif(os.name == "nt", reason="POSIX's processes and signals")

#: Says which file the module ``venv`` is.
FILE = "import venv; print(venv.__file__)"


class Site:
    """A throw-away environment, and commands that run in it."""

    def __init__(self, env: Path, package_path: str, run: Run) -> None:
        newvenv.create(env, symlinks=os.name != "nt")
        self.env = env
        self.python = env / BIN / ("python.exe" if os.name == "nt" else "python")
        self.package = Path(package_path, "newvenv")
        self.run = run

    def alias(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        """Run ``python -m newvenv.alias``."""
        variables = {**os.environ, "PYTHONPATH": str(self.package.parent)}
        return self.run(self.python, "-m", "newvenv.alias", *arguments, env=variables)

    def __call__(self, *arguments: object, **kwargs: object) -> subprocess.CompletedProcess[str]:
        """Run the environment's Python without anything that helps it to find newvenv."""
        variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        return self.run(self.python, *arguments, **{"env": variables, **kwargs})

    def says(self, *arguments: object, **kwargs: object) -> str:
        """Return what the environment's Python prints; it prints no error."""
        result = self(*arguments, **kwargs)
        assert (result.returncode, result.stderr) == (0, "")
        return result.stdout.strip()

    def files(self) -> set[Path]:
        """Return all that is in the environment."""
        return {path for path in self.env.rglob("*") if path.suffix != ".pyc"}


@pytest.fixture
def site(tmp_path: Path, package_path: str, run: Run) -> Site:
    """Return an environment without an alias."""
    return Site(tmp_path / "site", package_path, run)


@pytest.fixture(scope="module")
def aliased(tmp_path_factory: pytest.TempPathFactory, package_path: str, run: Run) -> Site:
    """Return an environment with the alias on; not to be changed."""
    site = Site(tmp_path_factory.mktemp("alias") / "aliased", package_path, run)
    assert site.alias("on").returncode == 0
    return site


@pytest.fixture
def standard(site: Site) -> str:
    """Return the file of the standard library's module."""
    return site.says("-c", FILE)


# on, off, status


@pytest.mark.parametrize("flag", ["-B", "-I", "-E", "-s", "-O"])
def test_on(aliased: Site, flag: str) -> None:
    """``import venv`` finds newvenv, also in a Python that ignores its surroundings."""
    assert aliased.says(flag, "-c", FILE) == str(aliased.package / "__init__.py")


def test_on_without_site(aliased: Site, standard: str) -> None:
    """``python -S`` reads no site-packages, and has the standard library's module."""
    assert aliased.says("-S", "-c", FILE) == standard


@pytest.mark.parametrize("flag", ["-B", "-I"])
def test_command(aliased: Site, tmp_path: Path, flag: str) -> None:
    """``python -m venv`` makes an environment of newvenv's."""
    assert aliased.says(flag, "-m", "venv", "--without-pip", tmp_path / "env") == ""
    assert (tmp_path / "env" / BIN / "activate.elv").exists()


def test_on_twice(site: Site) -> None:
    """Another ``on`` changes nothing."""

    def state() -> dict[Path, tuple[int, int]]:
        return {path: (path.lstat().st_ino, path.lstat().st_mtime_ns) for path in site.files()}

    site.alias("on")
    before = state()
    result = site.alias("on")

    assert result.returncode == 0
    assert state() == before


def test_off(site: Site, standard: str) -> None:
    """``off`` removes what ``on`` has written, and nothing else."""
    before = site.files()
    site.alias("on")
    added = site.files() - before
    result = site.alias("off")

    assert {path.name for path in added} == set(alias.FILES)
    assert (result.returncode, result.stderr) == (0, "")
    assert site.files() == before
    assert site.says("-c", FILE) == standard


def test_off_twice(site: Site) -> None:
    """Without an alias, ``off`` does nothing, and says so."""
    result = site.alias("off")

    assert (result.returncode, result.stdout) == (0, "there was nothing to remove\n")


def test_status(site: Site) -> None:
    """``status`` says what ``venv`` is, and of which Python; its exit status says so, too."""
    off = site.alias("status")
    site.alias("on")
    on = site.alias("status")

    assert (off.returncode, off.stdout) == (1, f"venv of {site.python} is its own\n")
    assert (on.returncode, on.stdout) == (0, f"venv of {site.python} is newvenv, {site.package}\n")


def test_status_in_process(aliased: Site) -> None:
    """The API tells where newvenv is, before and after ``venv`` is imported."""
    code = "from venv import alias; print(alias.package())"

    assert aliased.says("-c", code) == str(aliased.package)


def test_user(site: Site, base_python: str, run: Run, tmp_path: Path) -> None:
    """``on --user`` reaches an environment that sees the system's and the user's packages."""
    site.says("-m", "venv", "--without-pip", "--system-site-packages", tmp_path / "env")
    variables = {**os.environ, "PYTHONUSERBASE": str(tmp_path / "user")}
    with_newvenv = {**variables, "PYTHONPATH": str(site.package.parent)}
    on = run(base_python, "-m", "newvenv.alias", "on", "--user", env=with_newvenv)
    variables.pop("PYTHONPATH", None)
    command = (tmp_path / "env" / BIN / "python", "-c", FILE)
    found = run(*command, env=variables)
    off = run(base_python, "-m", "newvenv.alias", "off", env=with_newvenv)

    assert (on.returncode, on.stderr) == (0, "")
    assert found.stdout.strip() == str(site.package / "__init__.py")
    assert (off.returncode, off.stderr) == (0, "")
    assert not [path for path in (tmp_path / "user").rglob("*") if path.is_file()]


def test_user_not_read(site: Site) -> None:
    """An environment that does not read the user's directory can't have the alias there."""
    result = site.alias("on", "--user")

    assert (result.returncode, result.stderr.count("\n")) == (1, 1)
    assert result.stderr.startswith("Error: this Python does not read the user's site-packages")


def test_newvenv_gone(site: Site, tmp_path: Path, standard: str) -> None:
    """Without newvenv the alias does nothing and says nothing; ``status`` does."""
    moved = Site(site.env, str(tmp_path), site.run)
    shutil.copytree(site.package, moved.package)
    moved.alias("on")
    shutil.rmtree(moved.package)
    status = site.alias("status")

    assert site.says("-c", FILE) == standard
    assert status.returncode == 1
    assert status.stdout.endswith("has no effect: the newvenv that it names is gone\n")


def test_own_module(aliased: Site, tmp_path: Path) -> None:
    """A module ``venv`` of the user's own, before the standard library's, stays what it is."""
    (tmp_path / "venv.py").write_text("__version__ = 42\n")
    code = "import venv; print(venv.__version__, venv.__file__, repr(venv.__package__), "
    code += "hasattr(venv, '__path__'))"

    assert aliased.says("-c", code, cwd=tmp_path) == f"42 {tmp_path / 'venv.py'} '' False"


def test_cost(site: Site, aliased: Site) -> None:
    """A start of Python loads no module for the alias, but what reads any ``.pth`` file."""
    code = "import sys; print(sorted(sys.modules))"
    purelib = site.says("-c", "import sysconfig; print(sysconfig.get_path('purelib'))")
    Path(purelib, "other.pth").write_text("# nothing\n")

    assert aliased.says("-c", code) == site.says("-c", code)


def test_any_directory(site: Site, tmp_path: Path) -> None:
    """The directory of newvenv may have any name."""
    name = "it's mé{}" if os.name == "nt" else "it's \"mé\\{}"
    moved = Site(site.env, str(tmp_path / name), site.run)
    shutil.copytree(site.package, moved.package)
    moved.alias("on")

    assert ascii(site.says("-X", "utf8", "-c", FILE)) == ascii(str(moved.package / "__init__.py"))


def test_start_file(site: Site, tmp_path: Path) -> None:
    """What a ``.start`` file names (PEP 829) can be resolved and called, and does the same."""
    text = alias._START_MODULE.format(ascii(str(site.package / "_alias")))
    (tmp_path / "_newvenv_alias.py").write_text(text)
    (entry,) = (line for line in alias._START_FILE.splitlines() if not line.startswith("#"))
    code = f"import pkgutil; pkgutil.resolve_name({entry!r})(); {FILE}"

    assert site.says("-c", code, cwd=tmp_path) == str(site.package / "__init__.py")


def test_start_file_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a ``.start`` file, too, ``off`` leaves nothing behind, bytecode included."""
    files = {"_newvenv_alias.py": alias._START_MODULE, "newvenv_alias.start": alias._START_FILE}
    monkeypatch.setattr(alias, "FILES", files)
    monkeypatch.setattr("sysconfig.get_path", lambda _: str(tmp_path))
    alias.turn_on(force=True)
    module = str(tmp_path / "_newvenv_alias.py")
    py_compile.compile(module)
    removed = alias.turn_off()

    assert [Path(path).suffix for path in removed] == [".start", ".py", ".pyc"]
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


# What is refused


def test_managed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Python that a package manager owns is left alone, unless forced (PEP 668)."""
    (tmp_path / "EXTERNALLY-MANAGED").touch()
    monkeypatch.setattr("sysconfig.get_path", lambda _: str(tmp_path))
    monkeypatch.setattr(sys, "prefix", sys.base_prefix)
    with pytest.raises(ValueError, match=r"is managed by the system .*: add --user, or --force"):
        alias.turn_on()
    before = list(tmp_path.iterdir())
    alias.turn_on(force=True)

    assert [path.name for path in before] == ["EXTERNALLY-MANAGED"]
    assert {path.name for path in tmp_path.iterdir()} == {"EXTERNALLY-MANAGED", *alias.FILES}


def test_unwritable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where nothing can be written, one line says so."""
    (tmp_path / "file").touch()
    monkeypatch.setattr("sysconfig.get_path", lambda _: str(tmp_path / "file" / "x"))

    assert alias.main(["on", "--force"]) == 1
    assert capsys.readouterr().err.startswith("Error: can't write to ")


@POSIX_ONLY
def test_foreign_newvenv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All users' Python does not run the newvenv of one of them, unless forced."""
    monkeypatch.setattr("sysconfig.get_path", lambda _: str(tmp_path))
    monkeypatch.setattr(alias, "DIRECTORY", str(tmp_path / "theirs"))
    (tmp_path / "theirs").mkdir()
    stat = os.stat
    foreign = os.stat_result((*stat(tmp_path)[:4], 12345, *stat(tmp_path)[5:]))
    monkeypatch.setattr(
        os, "stat", lambda path, **kw: foreign if path == alias.DIRECTORY else stat(path, **kw)
    )
    with pytest.raises(ValueError, match="belongs to another user"):
        alias.turn_on()


@pytest.mark.parametrize(
    "arguments", [[], ["on", "off"], ["off", "--user"], ["run"], ["--user"], ["no"]], ids=" ".join
)
def test_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A command line that makes no sense shows the usage on stderr."""
    assert alias.main(arguments) == 2
    assert capsys.readouterr().err.startswith("usage: python -m newvenv.alias")


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    """``--help`` shows the usage on stdout."""
    assert alias.main(["--help"]) == 0
    assert capsys.readouterr().out.startswith("usage: python -m newvenv.alias")


# The command line, in this process


@pytest.fixture
def purelib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a directory that takes the place of this Python's site-packages."""
    monkeypatch.setattr("sysconfig.get_path", lambda _: str(tmp_path / "purelib"))
    monkeypatch.setattr("site.ENABLE_USER_SITE", False)
    return tmp_path / "purelib"


def test_commands(purelib: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``on`` makes the directory that it needs; ``status`` and ``off`` find what it wrote."""
    statuses = [alias.main([command]) for command in ("on", "status", "off", "status")]
    lines = capsys.readouterr().out.splitlines()
    paths = [str(purelib / name) for name in reversed(alias.FILES)]

    assert statuses == [0, 1, 0, 1]
    assert lines[0] == f"venv of {sys.executable} is newvenv now, by a file in {purelib}"
    assert lines[3] == f"removed {', '.join(paths)}"
    assert lines[1] == lines[4] == f"venv of {sys.executable} is its own"


def test_archive(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A newvenv in an archive can't be named in site-packages; the error says what can be done."""
    monkeypatch.setattr(alias, "DIRECTORY", os.path.join("newvenv.whl", "newvenv", "_alias"))

    assert alias.main(["on"]) == 1
    assert capsys.readouterr().err.endswith(": install or unpack it\n")


def test_run_with_a_separator(monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory that PYTHONPATH can't hold is refused."""
    monkeypatch.setattr(alias, "DIRECTORY", f"a{os.pathsep}b")
    with pytest.raises(ValueError, match="can't be on PYTHONPATH"):
        alias.run(["true"])


def test_run_as_on_windows(monkeypatch: pytest.MonkeyPatch, base_python: str) -> None:
    """Where a process can't be replaced, ``run`` waits for the command, and leaves Ctrl-C to it."""
    ignored = []
    monkeypatch.setattr(alias, "_become", alias._call)
    monkeypatch.setattr(signal, "signal", lambda *arguments: ignored.append(arguments))
    code = "import sys, venv; sys.exit('_alias' in sys.path[1] and venv.__name__ == 'venv')"

    assert alias.run([base_python, "-c", code]) == 1
    assert ignored == [(signal.SIGINT, signal.SIG_IGN)]


# What tools find in the module


def test_identity(aliased: Site) -> None:
    """The module says that it is ``venv``, and has no version, like the standard library's."""
    code = "import venv; print(venv.__name__, venv.EnvBuilder.__module__, venv.logger.name, "
    code += "venv.__spec__.name, venv.__package__, hasattr(venv, '__version__'), "
    code += "hasattr(venv, '_become_newvenv'))"

    assert aliased.says("-c", code) == "venv venv venv venv venv False False"


def test_version(aliased: Site) -> None:
    """The package's own modules find the version of newvenv all the same."""
    code = "import venv; exec('from . import __version__ as found', vars(venv)); print(venv.found)"

    assert aliased.says("-c", code) == newvenv.__version__


def test_scripts(aliased: Site) -> None:
    """The templates are the module's resources, and lie beside its file."""
    code = "import venv, os, importlib.resources as r; print("
    code += "os.path.isfile(os.path.join(os.path.dirname(venv.__file__), *'scripts common activate'"
    code += ".split())), (r.files('venv') / 'scripts' / 'common' / 'activate').is_file())"

    assert aliased.says("-c", code) == "True True"


@pytest.mark.parametrize(("one", "other"), [("-S", "-B"), ("-B", "-S")], ids=["to it", "from it"])
def test_pickle(aliased: Site, one: str, other: str) -> None:
    """A builder can be pickled with newvenv and unpickled without, and the other way round."""
    dump = "import pickle, venv; print(pickle.dumps(venv.EnvBuilder(prompt='x')))"
    text = aliased.says(one, "-c", dump)
    load = f"import pickle; builder = pickle.loads({text}); print(type(builder), builder.prompt)"

    assert aliased.says(other, "-c", load) == "<class 'venv.EnvBuilder'> x"


@pytest.mark.parametrize(
    ("target", "call"),
    [
        ("venv.EnvBuilder.create", "venv.create('env')"),
        ("venv.EnvBuilder", "venv.main(['env'])"),
        ("venv.EnvBuilder._setup_pip", "venv.create('env', with_pip=True)"),
        ("venv.subprocess", "venv.EnvBuilder()._call_new_python(context)"),
        ("venv.logger", "venv.EnvBuilder().upgrade_dependencies(context)"),
    ],
)
def test_patch(aliased: Site, tmp_path: Path, target: str, call: str) -> None:
    """What ``mock.patch`` puts on the module is what the module uses."""
    code = f"""
import types, venv, contextlib
from unittest import mock
context = types.SimpleNamespace(env_dir=".", bin_path=".", env_exec_cmd="/nothing")
with mock.patch({target!r}) as patched, contextlib.suppress(OSError):
    {call}
print(bool(patched.mock_calls))
"""

    assert aliased.says("-c", code, cwd=tmp_path) == "True"


def test_pydoc(aliased: Site) -> None:
    """``python -m pydoc venv`` documents the module."""
    text = aliased.says("-m", "pydoc", "venv")

    assert text.splitlines()[0] == "Help on package venv:"
    assert "class EnvBuilder" in text


def test_usage_is_that_of_venv(aliased: Site) -> None:
    """The usage text begins as that of the standard library's module."""
    standard = aliased("-S", "-m", "venv", "-h").stdout.partition("\n\n")[0]

    assert aliased("-m", "venv", "-h").stdout.partition("\n\n")[0] == standard


def test_usage_error_is_that_of_venv(aliased: Site) -> None:
    """A usage error looks like the standard library's."""
    standard = aliased("-S", "-m", "venv", "--prompt")
    result = aliased("-m", "venv", "--prompt")

    assert (result.returncode, result.stderr) == (standard.returncode, standard.stderr)


def test_copy(aliased: Site) -> None:
    """A copy of the module that is loaded from its spec is whole, too."""
    code = "import importlib.util as u; spec = u.find_spec('venv'); copy = u.module_from_spec(spec)"
    code += "; spec.loader.exec_module(copy); print(copy.__file__, copy.EnvBuilder().prompt)"

    assert aliased.says("-c", code) == f"{aliased.package / '__init__.py'} None"


def test_reload(aliased: Site) -> None:
    """``importlib.reload`` works."""
    code = "import importlib, venv; print(importlib.reload(venv).__file__)"

    assert aliased.says("-c", code) == str(aliased.package / "__init__.py")


# run


def test_run(site: Site, standard: str) -> None:
    """``run`` does for a command and its children what ``on`` does, and leaves nothing behind."""
    before = site.files()
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {FILE!r}])"
    result = site.alias("run", site.python, "-c", code)

    assert result.stdout.strip() == str(site.package / "__init__.py")
    assert site.files() == before
    assert site.says("-c", FILE) == standard


def test_run_command_line(site: Site, tmp_path: Path) -> None:
    """``run`` reaches ``python -m venv``."""
    result = site.alias("run", site.python, "-m", "venv", "--without-pip", tmp_path / "env")

    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert (tmp_path / "env" / BIN / "activate.elv").exists()


def test_run_keeps_path(site: Site) -> None:
    """An existing PYTHONPATH stays, behind the alias."""
    code = "import os; print(os.environ['PYTHONPATH'])"
    result = site.alias("run", site.python, "-c", code)
    expected = [str(site.package / "_alias"), str(site.package.parent)]

    assert result.stdout.strip() == os.pathsep.join(expected)


def test_run_by_a_relative_path(site: Site) -> None:
    """The directory may also be on ``sys.path`` by a relative path."""
    code = f"import sys; sys.path.insert(0, '_alias'); {FILE}"

    assert Path(site.says("-c", code, cwd=site.package)) == site.package / "__init__.py"


def test_run_status(site: Site) -> None:
    """The exit status is the command's."""
    assert site.alias("run", site.python, "-c", "raise SystemExit(7)").returncode == 7


@POSIX_ONLY
def test_run_signal(site: Site) -> None:
    """A signal reaches the command, and what ends the command is seen outside."""
    code = "import os, signal; os.kill(os.getpid(), signal.SIGTERM)"

    assert site.alias("run", site.python, "-c", code).returncode == -signal.SIGTERM


@POSIX_ONLY
def test_run_signals_of_python(site: Site) -> None:
    """The command does not inherit that Python ignores SIGPIPE."""
    command = "(yes || echo $? >&2) | head -n 1"
    result = site.alias("run", "bash", "-c", f"{command}; exit ${{PIPESTATUS[0]}}")

    assert result.stderr == f"{128 + signal.SIGPIPE}\n"


def test_run_unknown(site: Site) -> None:
    """A command that does not exist is one line, and the status that shells have for it."""
    result = site.alias("run", "no-such-command")

    assert result.returncode == 127
    if os.name == "nt":  # which has words of its own
        assert re.fullmatch(r"Error: can't run 'no-such-command': .*[Ff]ile.*\n", result.stderr)
    else:
        reason = "No such file or directory"
        assert result.stderr == f"Error: can't run 'no-such-command': {reason}\n"


def test_old_python(site: Site, base_python: str) -> None:
    """A child of a Python too old for newvenv gets its own standard library's module."""
    beside = Path(base_python, "../../..").resolve().glob("3.8*/bin/python3.8")  # as pyenv's
    old = next(map(str, beside), None) or shutil.which("python3.8")
    if not old or site.run(old, "-c", "").returncode:
        pytest.skip("no Python 3.8 here")
    result = site.alias("run", old, "-c", FILE)

    assert result.stdout.strip().endswith(os.path.join("python3.8", "venv", "__init__.py"))
