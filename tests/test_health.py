"""Check and repair: environments of every maker, broken in every way."""

from __future__ import annotations

import errno
import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Callable

import pytest

import newvenv
from conftest import Run
from environments import (
    BIN,
    TESTED,
    WITH_PIP,
    copy,
    false_records,
    make,
    make_project,
    make_wheel,
    snapshot,
)
from newvenv import _health, _transaction
from newvenv._health import Problem
from newvenv._health.activation import relocated

pytestmark = pytest.mark.skipif(os.name == "nt", reason="POSIX's names and links")

#: What ``lib`` has the packages in, and the executable is called: ``python3.X``, ``pypy3.X``.
LIBRARY = Path(sysconfig.get_path("purelib", "posix_prefix")).parent.name

#: The environment of a maker, whole, in a place where it has always been.
Env = Callable[[str], Path]

#: Directory names to move to: plain, with what shells and first lines can't take, too long.
NAMES = {"plain": "other", "quotes": "it's a \"$v` b", "long": "l" * 150}


@pytest.fixture(scope="session")
def made(
    tmp_path_factory: pytest.TempPathFactory, base_python: str, package_path: str
) -> Callable[[str], tuple[Path, Path]]:
    """Return a function that makes an environment once, and a copy to restore it from."""
    known: dict[str, tuple[Path, Path]] = {}
    wheel = make_wheel(tmp_path_factory.mktemp("wheel"))

    def made(maker: str) -> tuple[Path, Path]:
        if maker not in known:
            root = tmp_path_factory.mktemp(maker)
            make(maker, base_python, root / "env", package_path, wheel)
            copy(root / "env", root / "whole")
            known[maker] = root / "env", root / "whole"
        return known[maker]

    return made


@pytest.fixture
def env(made: Callable[[str], tuple[Path, Path]]) -> Env:
    """Return a function that returns a maker's environment, as it was when it was made."""

    def env(maker: str) -> Path:
        path, whole = made(maker)
        shutil.rmtree(path, ignore_errors=True)
        copy(whole, path)
        return path

    return env


def codes(path: Path) -> list[str]:
    """Return the codes of the problems of the environment in *path*."""
    return [problem.code for problem in _health.check(path)]


def repair(path: Path) -> list[str]:
    """Repair the environment in *path*, in which nothing may be left; return the report."""
    lines: list[str] = []

    assert _health.repair(path, lines.append) == []

    return lines


def output(*command: object, **options: object) -> str:
    """Return what a command prints, without the last line's end."""
    words = [str(word) for word in command]
    result = subprocess.run(words, capture_output=True, text=True, **options)  # type: ignore[call-overload]

    assert result.returncode == 0, result.stderr

    return str(result.stdout).rstrip("\n")


def assert_works(path: Path) -> None:
    """Use the environment in *path* as its owner would."""
    python = path / BIN / "python"
    assert output(python, "-c", "import sys; print(sys.prefix)") == str(path)
    assert output(path / BIN / "hello") == str(path)
    script = '. "$1"; command -v python; command -v hello'
    found = output("sh", "-c", script, "sh", path / BIN / "activate").splitlines()
    assert found == [str(python), str(path / BIN / "hello")]
    assert false_records(path) == []


def assert_pip_works(path: Path) -> None:
    """Use the pip of the environment in *path* as its owner would."""
    options = ["--disable-pip-version-check", "--verbose"]  # the places, too
    listed = output(path / BIN / "pip", "list", *options).splitlines()
    assert [line for line in listed if line.startswith("pip ") and str(site_packages(path)) in line]


def run_in_thread(function: Callable[[], object]) -> object:
    """Return what *function* returns in another thread."""
    with ThreadPoolExecutor() as pool:
        return pool.submit(function).result()


def site_packages(path: Path) -> Path:
    """Return where the packages of the environment in *path* are."""
    return path / "lib" / LIBRARY / "site-packages"


# Whole


@pytest.mark.parametrize("maker", TESTED)
def test_healthy(env: Env, maker: str) -> None:
    """Nothing is wrong with an environment that was just made."""
    assert _health.check(env(maker)) == []


@pytest.mark.parametrize("maker", TESTED)
def test_healthy_is_left_alone(env: Env, maker: str) -> None:
    """Neither checking nor repairing an environment that is whole changes anything at all."""
    path = env(maker)
    before = snapshot(path)

    assert _health.check(path, verify=True) == []
    assert _health.repair(path) == []
    assert snapshot(path) == before


def test_another_name(env: Env, tmp_path: Path) -> None:
    """An environment that is reached through a link is where it says."""
    (tmp_path / "link").symlink_to(env("venv").parent)

    assert _health.check(tmp_path / "link" / "env") == []
    (tmp_path / "env").symlink_to(env("venv"))
    assert _health.check(tmp_path / "env") == []


def test_broken_is_not_changed_by_check(env: Env, tmp_path: Path) -> None:
    """Checking an environment that is broken changes nothing, either."""
    path = env("venv").rename(tmp_path / "moved")
    (path / BIN / "python").unlink()
    before = snapshot(path)

    assert _health.check(path)
    assert snapshot(path) == before


# Moved and copied


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
@pytest.mark.parametrize("maker", TESTED)
def test_moved(env: Env, tmp_path: Path, maker: str, name: str) -> None:
    """An environment works where it was moved to, whatever that is called."""
    path = env(maker).rename(tmp_path / name)

    assert codes(path) == ["script-moved", "activation-moved"]
    repair(path)
    assert_works(path)


@pytest.mark.parametrize("maker", WITH_PIP)
def test_moved_pip(env: Env, tmp_path: Path, maker: str) -> None:
    """The pip of an environment that was moved works again."""
    path = env(maker).rename(tmp_path / "a b")
    repair(path)

    assert_pip_works(path)


@pytest.mark.parametrize("maker", TESTED)
def test_copied(env: Env, tmp_path: Path, maker: str) -> None:
    """The scripts of a copy run in the copy, though the original is still there."""
    original = env(maker)
    path = tmp_path / "copy"
    copy(original, path)

    repair(path)
    assert_works(path)
    assert _health.check(original) == []


def test_moved_twice(env: Env, tmp_path: Path) -> None:
    """An environment with a long path goes back to one without."""
    path = env("venv").rename(tmp_path / NAMES["long"])
    repair(path)
    path = path.rename(tmp_path / "short")
    repair(path)

    assert re.match(f"#!{path}/bin/(python|pypy)", (path / BIN / "pip").read_text())
    assert_works(path)


def test_moved_when_scripts_are_right(env: Env, tmp_path: Path) -> None:
    """Console scripts are mended even if the activation scripts are right already."""
    path = env("venv").rename(tmp_path / "moved")
    _health.repair(path)
    old = str(tmp_path / "before")
    for name in ("pip", "hello"):
        script = path / BIN / name
        script.write_text(script.read_text().replace(str(path), old))

    assert codes(path) == ["script-moved"]
    repair(path)
    assert output(path / BIN / "hello") == str(path)


def test_prompt(env: Env, tmp_path: Path) -> None:
    """The prompt follows the directory's name, as it does in a new environment."""
    path = env("venv").rename(tmp_path / "renamed")
    repair(path)

    script = 'PS1="$ "; . "$1"; echo "$PS1"'
    assert output("sh", "-c", script, "sh", path / BIN / "activate") == "(renamed) $ "


#: How releases of the standard library write a prompt: up to 3.12 with parentheses, and since
#: gh-124651 (3.9.21 to 3.13.1) quoted by ``shlex``.
PROMPTS = [
    ("activate", 'PS1="(TEXT) ${PS1:-}"\n'),
    ("activate", 'VIRTUAL_ENV_PROMPT="(TEXT) "\n'),
    ("activate", 'VIRTUAL_ENV_PROMPT="TEXT"\n'),
    ("activate", "PS1='(TEXT) '\"${PS1:-}\"\n"),
    ("activate", "VIRTUAL_ENV_PROMPT='(TEXT) '\n"),
    ("activate", 'PS1="("WORD") ${PS1:-}"\n'),
    ("activate", "VIRTUAL_ENV_PROMPT=WORD\n"),
    ("activate.csh", 'set prompt = "(TEXT) $prompt"\n'),
    ("activate.csh", 'setenv VIRTUAL_ENV_PROMPT "TEXT"\n'),
    ("activate.csh", "set prompt = '(TEXT) '\"$prompt\"\n"),
    ("activate.csh", "setenv VIRTUAL_ENV_PROMPT '(TEXT) '\n"),
    ("activate.csh", 'set prompt = "("WORD") $prompt:q"\n'),
    ("activate.csh", "setenv VIRTUAL_ENV_PROMPT WORD\n"),
    ("activate.fish", 'printf "%s%s%s" (set_color 4B8BBE) "(TEXT) " (set_color normal)\n'),
    ("activate.fish", 'printf "%s(%s)%s " (set_color 4B8BBE) "TEXT" (set_color normal)\n'),
    ("activate.fish", "printf \"%s%s%s\" (set_color 4B8BBE) '(TEXT) ' (set_color normal)\n"),
    ("activate.fish", 'printf "%s(%s)%s " (set_color 4B8BBE) WORD (set_color normal)\n'),
    ("activate.fish", "set -gx VIRTUAL_ENV_PROMPT WORD\n"),
]


@pytest.mark.once
@pytest.mark.parametrize("former", ["env", "two words"])
@pytest.mark.parametrize(("name", "line"), PROMPTS)
def test_prompt_of_releases(name: str, line: str, former: str) -> None:
    """So it does whichever release of the standard library has written the script."""
    text = line.replace("TEXT", former).replace("WORD", shlex.quote(former))
    moved = relocated(name, text, "/old", "/new", (former, "renamed"))

    assert moved == line.replace("TEXT", "renamed").replace("WORD", "renamed")


def test_edited_activation(env: Env, tmp_path: Path) -> None:
    """What a user has added to an activation script stays."""
    path = env("newvenv")
    with open(path / BIN / "activate", "a", encoding="utf-8") as file:
        file.write("export ADDED=yes\n")
    path = path.rename(tmp_path / "moved")
    repair(path)

    assert output("sh", "-c", '. "$1"; echo $ADDED', "sh", path / BIN / "activate") == "yes"
    assert_works(path)


def test_command(env: Env, tmp_path: Path) -> None:
    """``command`` in ``pyvenv.cfg`` follows, as does a script that only it explains."""
    path = env("virtualenv")
    script = path / BIN / "own"
    script.write_text(f"#!{path}/bin/python\n")
    path = path.rename(tmp_path / "moved")
    for activation in path.glob(f"{BIN}/*activate*"):
        activation.unlink()

    repair(path)
    assert (path / BIN / "own").read_text() == f"#!{path}/bin/python\n"
    (command,) = (
        line for line in (path / "pyvenv.cfg").read_text().splitlines() if "command =" in line
    )
    assert command.endswith(str(path))


def test_line_breaks(env: Env, tmp_path: Path) -> None:
    """A problem takes one line, whatever the directory is called."""
    path = env("venv").rename(tmp_path / "a\nb\x1b[0m")
    lines: list[str] = []

    assert all(str(problem).isprintable() for problem in _health.check(path))
    _health.repair(path, lines.append)
    assert all(line.isprintable() for line in lines)
    assert output(path / BIN / "hello") == str(path)


# A user's own files


def test_own_scripts(env: Env, tmp_path: Path) -> None:
    """A user's scripts stay as they are, whatever interpreter they name."""
    path = env("venv")
    texts = {
        "python": "#!/usr/bin/python3\n",
        "env": "#!/usr/bin/env python\n",
        "sh": "#!/bin/sh\necho hello\n",
        "other": "#!/somewhere/else/bin/python\n",
        "binary": "\x7fELF",
        "mentions": f"#!/bin/sh\nexec {path}/bin/python\n",
    }
    for name, text in texts.items():
        (path / BIN / f"own-{name}").write_text(text)
        os.chmod(path / BIN / f"own-{name}", 0o741)
    path = path.rename(tmp_path / "moved")
    before = {name: status for name, status in snapshot(path).items() if "own-" in name}
    repair(path)

    assert {name: snapshot(path)[name] for name in before} == before


def test_own_script_with_former_path(env: Env, tmp_path: Path) -> None:
    """A user's script that names exactly the former interpreter is moved along."""
    path = env("venv")
    script = path / BIN / "own"
    script.write_bytes(
        b"#!%s/bin/python3 -E\nimport sys; print(sys.prefix)\r\n" % os.fsencode(path)
    )
    script.chmod(0o750)
    path = path.rename(tmp_path / "moved")
    repair(path)

    script = path / BIN / "own"
    line, rest = script.read_bytes().split(b"\n", 1)
    assert line == b"#!%s/bin/python3 -E" % os.fsencode(path)
    assert rest == b"import sys; print(sys.prefix)\r\n"
    assert stat.S_IMODE(script.stat().st_mode) == 0o750


# pyvenv.cfg


@pytest.mark.parametrize("maker", TESTED)
@pytest.mark.parametrize("text", [None, "", "\n"], ids=["missing", "empty", "blank"])
def test_config_missing(env: Env, maker: str, text: str | None) -> None:
    """An environment works again when its ``pyvenv.cfg`` was lost."""
    path = env(maker)
    (path / "pyvenv.cfg").unlink()
    _ = text is not None and (path / "pyvenv.cfg").write_text(text)

    assert "config-missing" in codes(path)
    repair(path)
    assert_works(path)


@pytest.mark.parametrize("maker", TESTED)
def test_config_without_home(env: Env, maker: str) -> None:
    """``home`` comes back; all other lines stay, in their order."""
    path = env(maker)
    config = path / "pyvenv.cfg"
    lines = [line for line in config.read_text().splitlines() if not line.startswith("home")]
    config.write_text("\n".join(["own-key = 1", *lines, "another = key"]))

    assert codes(path) == ["config-outdated"]
    repair(path)
    assert config.read_text().splitlines()[: len(lines) + 2] == [
        "own-key = 1",
        *lines,
        "another = key",
    ]
    assert_works(path)


@pytest.mark.parametrize("maker", TESTED)
def test_config_home_gone(env: Env, maker: str) -> None:
    """A base that has moved is found through the links, and then through the running Python."""
    path = env(maker)
    config = path / "pyvenv.cfg"
    text = config.read_text()
    home = next(line for line in text.splitlines() if line.startswith("home"))
    config.write_text(text.replace(home, "home = /gone/bin"))

    assert codes(path) == ["config-outdated"]
    repair(path)
    assert config.read_text() == text
    assert_works(path)


# The base


@pytest.fixture
def base(base_python: str, tmp_path: Path) -> Path:
    """Return an installation of the running version, of which only the executable is real."""
    path = tmp_path / "base"
    (path / "bin").mkdir(parents=True)
    shutil.copy(os.path.realpath(base_python), path / "bin" / LIBRARY)
    for name in ("python3", "python"):
        (path / "bin" / name).symlink_to(LIBRARY)
    prefix = Path(os.path.realpath(base_python)).parents[1]
    (path / "lib").symlink_to(prefix / "lib")
    headers = path / "include" / LIBRARY
    headers.mkdir(parents=True)
    set_version(path, "{}.{}.{}".format(*sys.version_info[:3]))
    return path


def set_version(base: Path, version: str) -> None:
    """Let the headers of *base* tell that it is of *version*."""
    names = ("PY_MAJOR_VERSION", "PY_MINOR_VERSION", "PY_MICRO_VERSION")
    pairs = zip(names, version.split("."))
    text = "".join(f"#define {name}\t{value}\n" for name, value in pairs)
    (base / "include" / LIBRARY / "patchlevel.h").write_text(text)


@pytest.fixture
def based(base: Path, tmp_path: Path) -> Path:
    """Return an environment of venv, without pip, that is based on *base*."""
    path = tmp_path / "env"
    output(base / "bin" / LIBRARY, "-m", "venv", "--without-pip", path)
    return path


def test_patch_version(base: Path, based: Path) -> None:
    """``pyvenv.cfg`` follows when the base is upgraded in its place."""
    version = "{}.{}.99".format(*sys.version_info[:2])
    set_version(base, version)

    assert codes(based) == ["config-outdated"]
    repair(based)
    assert f"version = {version}\n" in (based / "pyvenv.cfg").read_text()


def test_base_moved(base: Path, based: Path, base_python: str) -> None:
    """An environment whose base is gone gets the running Python, which is of the same version."""
    base.rename(base.with_name("elsewhere"))

    assert codes(based) == ["config-outdated", "python-broken"]
    repair(based)
    python = based / BIN / "python"
    assert os.path.realpath(python) == os.path.realpath(base_python)
    assert output(python, "-c", "import sys; print(sys.prefix)") == str(based)
    executable = f"executable = {os.path.realpath(base_python)}\n"
    assert sys.version_info < (3, 11) or executable in (based / "pyvenv.cfg").read_text()


@pytest.fixture
def of_another_version(base: Path, based: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an environment of a version that is not installed, which has packages."""
    base.rename(base.with_name("elsewhere"))
    config = based / "pyvenv.cfg"
    version = "{}.{}".format(*sys.version_info[:2])
    config.write_text(config.read_text().replace(version, "3.99"))
    lib = (based / "lib" / LIBRARY).rename(based / "lib" / "python3.99")
    for name in ("hello-1.0", "world-2.0", "pip-30.0"):
        (lib / "site-packages" / f"{name}.dist-info").mkdir()
        (lib / "site-packages" / f"{name}.dist-info" / "METADATA").touch()
    monkeypatch.setattr(_health.base, "_find", lambda _: iter(()))
    return based


def test_base_found(
    of_another_version: Path, base: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An installation of the right version is found; one of another version is no help."""
    other = tmp_path / "other"
    (other / "lib" / "python3.99").mkdir(parents=True)
    (other / "lib" / "python3.99" / "os.py").touch()
    (other / "bin").mkdir()
    shutil.copy(base.with_name("elsewhere") / "bin" / LIBRARY, other / "bin" / "python3.99")
    candidates = [base.with_name("elsewhere") / "bin" / LIBRARY, other / "bin" / "python3.99"]
    monkeypatch.setattr(_health.base, "_find", lambda _: map(str, candidates))

    (site,) = of_another_version.glob("lib/*/site-packages")
    shutil.rmtree(site / "pip-30.0.dist-info")

    repair(of_another_version)
    python = of_another_version / BIN / "python"
    assert os.path.realpath(python) == str(other / "bin" / "python3.99")


def test_environments_are_no_base(env: Env, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an environment on PATH its base is taken."""
    python = env("venv") / BIN / "python"
    monkeypatch.setattr(_health.base, "_find", lambda _: iter([str(python)]))

    (found,) = _health.base._discovered(_health.base.running().library)
    assert found.executable == os.path.realpath(python)


def test_base_gone(of_another_version: Path) -> None:
    """Which Python is missing is told, and how to have the packages in a new environment."""
    (problem, *_) = _health.check(of_another_version)

    assert problem.code == "base-missing"
    assert "Python 3.99" in problem.message
    assert problem.remedy.endswith("-m pip install hello==1.0 world==2.0")


def test_never_another_minor(of_another_version: Path) -> None:
    """An environment is never moved to another minor version, whatever is installed."""
    before = snapshot(of_another_version)

    assert [problem.code for problem in _health.repair(of_another_version)] == ["base-missing"]
    assert snapshot(of_another_version) == before


def test_base_of_another_minor(of_another_version: Path, base: Path) -> None:
    """That another version is in the base's place now is told."""
    base.with_name("elsewhere").rename(base)

    (problem,) = _health.check(of_another_version)
    assert problem.code == "base-version"
    kind = {"cpython": "Python", "pypy": "PyPy"}[sys.implementation.name]
    assert "{} {}.{} is now at".format(kind, *sys.version_info[:2]) in problem.message


# The interpreter


@pytest.mark.parametrize("maker", TESTED)
@pytest.mark.parametrize("name", ["python", "python3", "all"])
def test_interpreter_missing(env: Env, maker: str, name: str) -> None:
    """The interpreter's names come back."""
    path = env(maker)
    names = [name] if name != "all" else [entry.name for entry in path.glob(f"{BIN}/python*")]
    for missing in names:
        (path / BIN / missing).unlink()

    # venv of 3.9 need not make the name that pip's scripts have.
    assert set(codes(path)) <= {"python-missing", "python-broken", "script-moved"}
    repair(path)
    assert_works(path)


def test_interpreter_of_another_installation(base: Path, env: Env) -> None:
    """A link to another installation than ``home`` is put right."""
    path = env("venv")
    original = os.path.realpath(path / BIN / "python")
    (path / BIN / "python").unlink()
    (path / BIN / "python").symlink_to(base / "bin" / "python")

    assert codes(path) == ["python-foreign"]
    repair(path)
    assert os.path.realpath(path / BIN / "python") == original


def test_copy_of_an_older_build(env: Env) -> None:
    """A copy of the interpreter that is not the base's any more is copied again."""
    path = env("venv-copies")
    python = path / BIN / "python"
    with open(python, "ab") as file:
        file.write(b"\0")

    assert codes(path) == ["python-outdated"]
    repair(path)
    assert not python.is_symlink()
    assert_works(path)


def test_own_wrapper(env: Env) -> None:
    """A script that a user has put in the interpreter's place is no copy of it."""
    path = env("venv-copies")
    (path / BIN / "python3").write_text("#!/bin/sh\n")

    assert codes(path) == []
    (path / BIN / "python3").chmod(0o644)
    assert codes(path) == ["python-broken"]
    repair(path)
    assert_works(path)


# Activation scripts


@pytest.mark.parametrize("maker", TESTED)
def test_activation_missing(env: Env, maker: str) -> None:
    """``activate`` comes back, by whichever tool it was written."""
    path = env(maker)
    (path / BIN / "activate").unlink()

    assert codes(path) == ["activation-missing"]
    repair(path)
    assert_works(path)


def test_bin_missing(env: Env) -> None:
    """All that newvenv makes comes back when ``bin`` is gone; for the rest there is a command."""
    path = env("newvenv")
    shutil.rmtree(path / BIN)

    (left,) = _health.repair(path)
    assert left.code == "package-damaged"
    assert left.remedy == f"{path}/bin/python -m pip install --force-reinstall --no-deps hello==1.0"
    assert_pip_works(path)


# Directories


@pytest.mark.skipif(sys.version_info >= (3, 15), reason="venv makes no lib64 any more")
def test_lib64(env: Env) -> None:
    """``lib64`` comes back where venv makes it."""
    path = env("venv")
    (path / "lib64").unlink()

    assert codes(path) == ["lib64-missing"]
    repair(path)
    assert os.readlink(path / "lib64") == "lib"


def test_packages_gone(env: Env) -> None:
    """With ``lib`` gone an environment is as good as new, but for the user's packages."""
    path = env("venv")
    shutil.rmtree(path / "lib")
    repair(path)

    assert_pip_works(path)


# pip


def _remove_vendored(path: Path) -> None:
    shutil.rmtree(site_packages(path) / "pip" / "_vendor")


def _remove_metadata(path: Path) -> None:
    (info,) = site_packages(path).glob("pip-*.dist-info")
    shutil.rmtree(info)


def _remove_package(path: Path) -> None:
    shutil.rmtree(site_packages(path) / "pip")


def _half_uninstall(path: Path) -> None:
    (site_packages(path) / "pip").rename(site_packages(path) / "~ip")


def _empty_file(path: Path) -> None:
    module = site_packages(path) / "pip" / "__main__.py"
    module.unlink()
    module.touch()


def _remove_all_but_scripts(path: Path) -> None:
    _remove_package(path)
    _remove_metadata(path)


DAMAGES = [
    _remove_vendored,
    _remove_metadata,
    _remove_package,
    _half_uninstall,
    _empty_file,
    _remove_all_but_scripts,
]


#: The makers take turns, beginning with another one in the next version of Python.
_DAMAGED = [*zip(DAMAGES, (["newvenv", "virtualenv"] * 4)[sys.version_info[1] % 2 :])]


@pytest.mark.parametrize(("damage", "maker"), _DAMAGED)
def test_pip_damaged(env: Env, maker: str, damage: Callable[[Path], None]) -> None:
    """A damaged pip is installed again."""
    path = env(maker)
    damage(path)

    assert codes(path) == ["pip-damaged"]
    repair(path)
    assert_pip_works(path)
    assert_works(path)
    assert not list(site_packages(path).glob("~*"))


@pytest.mark.parametrize("maker", WITH_PIP)
def test_pip_without_scripts(env: Env, maker: str) -> None:
    """Scripts of pip that are gone are written, and pip stays the one that it was."""
    path = env(maker)
    version = output(path / BIN / "pip", "--version")
    for script in path.glob(f"{BIN}/pip*"):
        script.unlink()

    assert codes(path) == ["pip-damaged"]
    repair(path)
    assert output(path / BIN / "pip3", "--version") == version
    assert_works(path)


def test_pip_with_stale_bytecode(env: Env) -> None:
    """Bytecode that does not belong to pip's sources is removed."""
    path = env("newvenv")
    module = site_packages(path) / "pip" / "__init__.py"
    text = module.read_text()
    module.unlink()
    module.write_text(text)
    os.utime(module, (10**9, 10**9))

    assert codes(path) == ["pip-bytecode"]
    repair(path)
    assert_pip_works(path)


def test_without_bytecode(env: Env) -> None:
    """People delete bytecode to save space; that is no problem."""
    path = env("newvenv")
    for cache in list(path.glob("**/__pycache__")):
        shutil.rmtree(cache)

    assert codes(path) == []


def test_without_pip(env: Env) -> None:
    """An environment that was made without pip lacks nothing."""
    path = env("venv")
    output(path / BIN / "python", "-m", "pip", "uninstall", "-y", "pip")

    assert codes(path) == []


# Packages


def test_package_damaged(env: Env) -> None:
    """A distribution that has lost a file is named, with the command that mends it."""
    path = env("venv")
    (site_packages(path) / "hello.py").unlink()

    (problem,) = _health.repair(path)
    assert problem.code == "package-damaged"
    assert "hello.py" in problem.message
    assert (
        problem.remedy == f"{path}/bin/python -m pip install --force-reinstall --no-deps hello==1.0"
    )


def test_package_altered(env: Env) -> None:
    """Contents are compared with their hashes only when that is asked for."""
    path = env("venv")
    module = site_packages(path) / "hello.py"
    module.write_text(module.read_text().replace("sys", "SYS"))

    assert codes(path) == []
    (problem,) = _health.check(path, verify=True)
    assert problem.code == "package-altered"


def test_pth(env: Env, tmp_path: Path) -> None:
    """A ``.pth`` file that names a directory that is gone is found."""
    path = env("venv")
    (site_packages(path) / "own.pth").write_text(
        f"# comment\nimport os\n{tmp_path}\n{tmp_path}/gone\n"
    )

    (problem,) = _health.repair(path)
    assert problem.code == "pth-broken"
    assert f"{tmp_path}/gone" in problem.message


def test_editable(env: Env, tmp_path: Path) -> None:
    """An editable install whose project has moved with the environment is told where it is."""
    root = tmp_path / "before"
    make_project(root)
    path = env("venv").rename(root / "env")
    repair(path)
    options = ["--no-index", "--no-build-isolation", "-q", "-e"]
    output(path / BIN / "python", "-m", "pip", "install", *options, root)
    assert codes(path) == []
    root.rename(tmp_path / "after")
    path = tmp_path / "after" / "env"

    (problem,) = [one for one in _health.check(path) if one.code == "editable-broken"]
    assert problem.remedy == f"{path}/bin/python -m pip install -e {tmp_path}/after"
    assert codes(path) == ["script-moved", "activation-moved", "editable-broken"]


# All or nothing


def test_failure(env: Env, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A repair that fails half-way changes nothing."""
    path = env("venv").rename(tmp_path / "moved")
    before = {name: status[:4] for name, status in snapshot(path).items()}
    lines: list[str] = []

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(_health.activation, "_relocate", fail)
    with pytest.raises(OSError, match="No space left"):
        _health.repair(path, lines.append)

    assert lines == []
    assert {name: status[:4] for name, status in snapshot(path).items()} == before


def test_failing_pip(env: Env, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left of a damaged pip is there again when no other can be installed."""
    path = env("venv").rename(tmp_path / "moved")
    _remove_vendored(path)
    before = {name: status[1:3] for name, status in snapshot(path).items()}

    def fail(*_: object) -> None:
        raise subprocess.CalledProcessError(1, "ensurepip")

    monkeypatch.setattr(_health.seeds, "install", fail)
    with pytest.raises(subprocess.CalledProcessError):
        _health.repair(path)

    assert {name: status[1:3] for name, status in snapshot(path).items()} == before


def test_leftovers(env: Env) -> None:
    """What a killed run has left is found, and removed."""
    path = env("venv")
    (path / ".newvenv" / "kept" / "bin").mkdir(parents=True)

    assert codes(path) == ["leftovers"]
    assert repair(path) == [f"{path}/.newvenv removed"]
    assert not (path / ".newvenv").exists()


def test_run_at_work(env: Env) -> None:
    """What belongs to a run that is at work is not left over."""
    path = env("venv")

    def work(_: object) -> object:
        (path / ".newvenv").mkdir()
        return run_in_thread(lambda: codes(path))

    assert _transaction.run(str(path), work) == []


# What is no environment


def test_missing_directory(tmp_path: Path) -> None:
    """A directory that does not exist is refused, by both."""
    for function in (_health.check, _health.repair):
        with pytest.raises(FileNotFoundError) as raised:
            function(tmp_path / "missing")
        assert raised.value.filename == str(tmp_path / "missing")


def test_file(tmp_path: Path) -> None:
    """A file is refused."""
    (tmp_path / "file").touch()

    with pytest.raises(NotADirectoryError):
        _health.check(tmp_path / "file")


def test_no_environment(tmp_path: Path, base: Path) -> None:
    """A directory of other things, and an installation of Python, are no environments."""
    (tmp_path / "other" / "bin").mkdir(parents=True)
    for path in (tmp_path / "other", base, Path(sys.base_prefix)):
        for function in (_health.check, _health.repair):
            with pytest.raises(ValueError, match="not a virtual environment"):
                function(path)
    assert list((tmp_path / "other").iterdir()) == [tmp_path / "other" / "bin"]


# The API


def test_public(env: Env, tmp_path: Path) -> None:
    """The package has both functions, and the class of what they return."""
    path = env("venv").rename(tmp_path / "moved")
    found = newvenv.check(str(path))

    assert [type(problem) for problem in found] == [newvenv.Problem] * 2
    assert {"check", "repair", "Problem"} <= {*newvenv.__all__} & {*dir(newvenv)}
    lines: list[str] = []
    assert newvenv.repair(path, report=lines.append) == []
    assert len(lines) == 2
    assert newvenv.check(path, verify=True) == []


def test_problem() -> None:
    """Problems are values: equal if they say the same, and readable."""
    problem = Problem("code", "/path", "it is broken", "mend it")

    assert problem == Problem("code", "/path", "it is broken", "mend it")
    assert problem != Problem("other", "/path", "it is broken", "mend it")
    assert len({problem, Problem("code", "/path", "it is broken", "mend it")}) == 1
    assert str(problem) == "it is broken; mend it"
    assert repr(problem) == (
        "Problem(code='code', path='/path', message='it is broken', remedy='mend it')"
    )


def test_command_line(
    env: Env, run: Run, package_path: str, base_python: str, tmp_path: Path
) -> None:
    """The command line tells what is wrong, mends it, and tells by its status what is left."""
    path = env("venv").rename(tmp_path / "moved")
    variables = {**os.environ, "PYTHONPATH": package_path}

    def newvenv(*args: object) -> tuple[int, int, str]:
        result = run(base_python, "-m", "newvenv", *args, path, env=variables)
        return result.returncode, len(result.stdout.splitlines()), result.stderr

    assert newvenv("--check") == (1, 2, "")
    assert newvenv("--repair") == (0, 2, "")
    assert newvenv("--check") == (0, 0, "")
    (site_packages(path) / "hello.py").write_text("def main(): ...\n")
    assert newvenv("--check") == (0, 0, "")
    assert newvenv("--check", "-v")[:2] == (1, 1)


# Other runs


def test_run_over_a_moved_environment(
    env: Env, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A run over an environment that was moved mends its scripts, and a damaged pip."""
    caplog.set_level("INFO")
    path = env("newvenv").rename(tmp_path / "moved")
    _remove_vendored(path)
    newvenv.create(path, symlinks=True, with_pip=True)

    assert "now run under" in caplog.text
    assert "pip" in caplog.messages[-1]
    assert _health.check(path) == []
    assert_pip_works(path)
    assert_works(path)


def test_packages_left_behind(env: Env, caplog: pytest.LogCaptureFixture) -> None:
    """A run that gives an environment another minor version warns of packages left behind."""
    path = env("newvenv")
    library = site_packages(path).parent
    library.rename(library.with_name("python3.8"))
    config = (path / "pyvenv.cfg").read_text()
    (path / "pyvenv.cfg").write_text(re.sub(r"version = .*", "version = 3.8.1", config))
    newvenv.create(path, symlinks=True)

    assert len(caplog.messages) == 1
    assert "of Python 3.8" in caplog.text
    assert "pip install" in caplog.text


def test_upgrade_of_nothing(tmp_path: Path) -> None:
    """To upgrade a directory that is no environment yet makes a whole one."""
    newvenv.EnvBuilder(symlinks=True, upgrade=True).create(tmp_path / "upgraded")
    newvenv.EnvBuilder(symlinks=True).create(tmp_path / "made")

    names = [sorted(os.listdir(tmp_path / name / BIN)) for name in ("upgraded", "made")]
    assert names[0] == names[1]


@pytest.mark.parametrize("maker", WITH_PIP)
def test_whole_pip(env: Env, maker: str, tmp_path: Path) -> None:
    """Nothing is wrong as long as pip has its files and scripts, and those run here."""

    def is_whole(path: Path) -> bool:
        return not newvenv.check(path)

    path = env(maker)
    assert is_whole(path)
    moved = path.rename(tmp_path / "moved")
    assert not is_whole(moved)
    moved.rename(path)
    (path / BIN / "pip").unlink()
    assert not is_whole(path)


def test_left_behind(env: Env) -> None:
    """A run that moves an environment to another minor version can tell what it leaves behind."""
    path = env("venv")
    config = path / "pyvenv.cfg"
    version = "version = {}.{}".format(*sys.version_info[:2])
    config.write_text(config.read_text().replace(version, "version = 3.7"))
    (path / "lib" / LIBRARY).rename(path / "lib" / "python3.7")

    line = _health.left_behind(str(path))
    assert "1 package of Python 3.7 is not visible any more" in line
    assert line.endswith(f"{path}/bin/python -m pip install hello==1.0")


def test_invisible_packages(env: Env) -> None:
    """Packages of another version that an upgrade has left behind are found."""
    path = env("venv")
    shutil.copytree(path / "lib" / LIBRARY, path / "lib" / "python3.7")

    (problem,) = _health.repair(path)
    assert problem.code == "packages-invisible"
    assert "-m pip install hello==1.0, then delete lib/python3.7" in problem.remedy


def test_nothing_left_behind(env: Env, tmp_path: Path) -> None:
    """There is nothing to be said of the same version, or of no environment."""
    assert _health.left_behind(str(env("venv"))) == ""
    assert _health.left_behind(str(tmp_path)) == ""


# Start-up

#: Standard library modules that cost more than a check may; some need others of them.
EXPENSIVE = {
    *("argparse", "ast", "contextlib", "csv", "dataclasses", "functools", "hashlib", "inspect"),
    *("importlib.metadata", "json", "logging", "pathlib", "re", "shlex", "shutil", "subprocess"),
    *("sysconfig", "tempfile", "typing", "urllib.parse", "zipfile"),
}


@pytest.mark.parametrize("maker", ["newvenv", "virtualenv", "uv"])
def test_modules(env: Env, run: Run, package_path: str, base_python: str, maker: str) -> None:
    """Checking an environment that is whole loads nothing expensive."""
    program = """
import sys
before = set(sys.modules)
from newvenv.__main__ import main
main(["--check", sys.argv[1]])
print(*sorted(set(sys.modules) - before))
"""
    variables = {**os.environ, "PYTHONPATH": package_path}
    result = run(base_python, "-S", "-c", program, env(maker), env=variables)

    assert result.stderr == ""
    assert "newvenv._health.seeds" in result.stdout
    assert EXPENSIVE.isdisjoint(result.stdout.split())


def test_many_packages(env: Env, run: Run, package_path: str, base_python: str) -> None:
    """Of each distribution one file is read, however many it has: its RECORD."""
    path = env("venv")
    for number in range(50):
        info = f"many{number}-1.0.dist-info"
        (site_packages(path) / info).mkdir()
        (site_packages(path) / info / "METADATA").touch()
        modules = [f"many{number}_{module}.py" for module in range(20)]
        for module in modules:
            (site_packages(path) / module).write_text("pass")
        text = "".join(f"{name},sha256=x,4\n" for name in modules)
        (site_packages(path) / info / "RECORD").write_text(text)
    program = """
import sys
opened = []
sys.addaudithook(lambda event, args: event == "open" and opened.append(str(args[0])))
import newvenv
print(newvenv.check(sys.argv[1]))
print(sum("/many" in path for path in opened))
"""
    variables = {**os.environ, "PYTHONPATH": package_path}
    result = run(base_python, "-c", program, path, env=variables)

    assert result.stdout == "[]\n50\n", result.stderr


def test_no_process(env: Env, run: Run, package_path: str, base_python: str) -> None:
    """Checking an environment of pip starts no process, and opens no package's source."""
    program = """
import sys
events = []
sys.addaudithook(lambda event, args: events.append((event, str(args[0] if args else ""))))
from newvenv import _health, _transaction
print(_health.check(sys.argv[1]))
starts = ("subprocess", "os.fork", "os.exec", "os.posix_spawn", "os.system")
print([event for event, _ in events if event.startswith(starts)])
library = sys.argv[1] + "/lib"
print([path for _, path in events if path.startswith(library) and path.endswith(".py")])
"""
    result = run(
        base_python, "-c", program, env("newvenv"), env={**os.environ, "PYTHONPATH": package_path}
    )

    assert result.stdout == "[]\n[]\n[]\n", result.stderr
