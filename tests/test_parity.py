"""newvenv beside the running interpreter's own ``venv``: what they make and say is compared.

Nothing is remembered here of what ``venv`` does; docs/parity.md explains the differences
that this file allows for.
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Callable

import pytest

from conftest import Run
from environments import BIN, needs_links, not_on_path
from trees import tree

#: The directory that the modules run in, of the same name for both: it may become a prompt.
HOME = "home"

#: Activators that the standard library does not have.
OWN_SCRIPTS = {"activate.nu", "activate.xsh", "activate.elv", "activate_this.py"}
#: Those that a version of the standard library lacks on this system.
ALL_SCRIPTS = {f"{BIN}/{name}" for name in OWN_SCRIPTS | {"activate.fish"}}

#: Keys of pyvenv.cfg that newvenv writes on every version.
NEW_KEYS = ("executable", "command")

OPTIONS = {
    "system": ["--system-site-packages"],
    "symlinks": ["--symlinks"],
    "copies": ["--copies"],
    "clear": ["--clear"],
    "upgrade": ["--upgrade"],
    "prompt": ["--prompt", "some name"],
    "dot": ["--prompt=."],
}
EXCLUSIVE = [{"symlinks", "copies"}, {"clear", "upgrade"}, {"prompt", "dot"}]
PAIRS = [
    pair
    for pair in itertools.combinations(OPTIONS, 2)
    if not any(set(pair) == e for e in EXCLUSIVE)
]
#: No option, each option, each pair of options.
SETS = [(), *((name,) for name in OPTIONS), *PAIRS]
#: The two kinds of environments.
KINDS = [pytest.param("--symlinks", marks=needs_links), "--copies"]


def _sets(*, upgrade: bool) -> list[object]:
    """Return the sets of options that upgrade, or those that don't."""
    return [
        pytest.param(names, marks=needs_links if "symlinks" in names else ())
        for names in SETS
        if ("upgrade" in names) is upgrade
    ]


Make = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def start(base_python: str, package_path: str, run: Run, tmp_path: Path) -> Make:
    """Return a function that starts Python for one of the two modules, in a directory of its own.

    The directories have the same name, so that all that is made there can be equal.
    """

    def start(module: str, *args: object, python: object = base_python, **kwargs: object) -> object:
        home = tmp_path / module / HOME
        home.mkdir(parents=True, exist_ok=True)
        environment = {**os.environ, "PYTHONPATH": package_path}
        return run(python, *args, cwd=home, env=environment, **kwargs)

    return start  # type: ignore[return-value]


@pytest.fixture
def make(start: Make) -> Make:
    """Return a function that runs one of the two modules in a directory of its own."""
    return lambda module, *args, **kwargs: start(module, "-m", module, *args, **kwargs)


def _comparable(root: Path) -> dict[str, tuple[str, ...]]:
    """Return the tree *root* without what is known to differ."""
    found = tree(root)
    for name in ALL_SCRIPTS & found.keys():
        del found[name]
    kind, mode, text = found["pyvenv.cfg"]
    lines = [line for line in text.splitlines() if _is_known_key(line)]
    found["pyvenv.cfg"] = (kind, mode, "\n".join(lines))
    if sys.version_info < (3, 13):
        found.pop(".gitignore", None)
    return found


def _is_known_key(line: str) -> bool:
    return sys.version_info >= (3, 11) or not line.startswith(NEW_KEYS)


def _compare(tmp_path: Path, name: str = "env") -> None:
    ours = _comparable(tmp_path / "newvenv" / HOME / name)
    theirs = _comparable(tmp_path / "venv" / HOME / name)
    assert ours == theirs


@pytest.mark.parametrize("names", _sets(upgrade=False), ids="+".join)
def test_new(names: tuple[str, ...], make: Make, tmp_path: Path) -> None:
    """Each option, and each two, make the same tree: names, links, modes, pyvenv.cfg."""
    options = [word for name in names for word in OPTIONS[name]]
    results = [make(module, "--without-pip", *options, "env") for module in ("newvenv", "venv")]

    assert [result.returncode for result in results] == [0, 0]
    assert results[0].stdout + results[0].stderr == results[1].stdout + results[1].stderr
    _compare(tmp_path)


@pytest.mark.parametrize("names", _sets(upgrade=True), ids="+".join)
def test_upgrade_of_nothing(names: tuple[str, ...], make: Make, tmp_path: Path) -> None:
    """An upgrade of nothing makes what the standard library's makes, and activation scripts."""
    options = [word for name in names for word in OPTIONS[name]]
    for module in ("newvenv", "venv"):
        make(module, "--without-pip", *options, "env", check=True)

    ours, theirs = (_comparable(tmp_path / module / HOME / "env") for module in ("newvenv", "venv"))
    added = ours.keys() - theirs.keys()
    assert {name: entry for name, entry in ours.items() if name not in added} == theirs
    assert f"{BIN}/activate" in added
    assert all("ctivate" in name for name in added)


@pytest.mark.parametrize("option", KINDS)
@pytest.mark.parametrize("name", ["a b", " b", "a-b", "a+b@c", "été"])
def test_name(name: str, option: str, make: Make, tmp_path: Path) -> None:
    """A name that is harmless, if it has blanks, is recorded as the standard library does."""
    for module in ("newvenv", "venv"):
        make(module, "--without-pip", option, name, check=True)

    _compare(tmp_path, name)


COPIES_OVER_COPIES = pytest.mark.skipif(
    sys.implementation.name == "pypy", reason="PyPy's own venv cannot make copies over copies"
)


@pytest.mark.parametrize(
    "first",
    [
        pytest.param("symlinks", marks=needs_links),
        pytest.param("copies", marks=COPIES_OVER_COPIES),
    ],
)
@pytest.mark.parametrize(
    "names", [("system",), ("clear",), ("upgrade",), ("prompt",)], ids="+".join
)
def test_over_existing(first: str, names: tuple[str, ...], make: Make, tmp_path: Path) -> None:
    """An environment that is made again in the same way is the same tree."""
    options = [word for name in names for word in OPTIONS[name]]
    for module in ("newvenv", "venv"):
        make(module, "--without-pip", f"--{first}", "env", check=True)
        (tmp_path / module / HOME / "env" / BIN / "own.txt").write_text("of the user")
        make(module, "--without-pip", f"--{first}", *options, "env", check=True)

    _compare(tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no umask")
@pytest.mark.parametrize("umask", [0o000, 0o022, 0o027, 0o077], ids=oct)
@pytest.mark.parametrize("option", ["--symlinks", "--copies"])
def test_umask(umask: int, option: str, make: Make, tmp_path: Path) -> None:
    """Modes follow the umask where the standard library's do."""
    for module in ("newvenv", "venv"):
        make(module, "--without-pip", option, "env", preexec_fn=lambda: os.umask(umask))

    _compare(tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")
@pytest.mark.parametrize("name", ["python", "python3", "snake"])
def test_interpreter_by_another_name(
    name: str, make: Make, tmp_path: Path, base_python: str
) -> None:
    """Started through a link, an interpreter gives its environment that name."""
    link = tmp_path / "other" / name
    link.parent.mkdir()
    link.symlink_to(base_python)
    for module in ("newvenv", "venv"):
        make(module, "--without-pip", "env", python=link, check=True)

    _compare(tmp_path)


@pytest.mark.parametrize("option", KINDS)
def test_from_inside_an_environment(option: str, make: Make, tmp_path: Path) -> None:
    """An environment made from inside another one is based on what the standard library says."""
    make("venv", "--without-pip", option, tmp_path / "outer", check=True)
    python = tmp_path / "outer" / BIN / "python"
    for module in ("newvenv", "venv"):
        make(module, "--without-pip", "env", python=python, check=True)

    _compare(tmp_path)


#: Changes that subclasses make to the context in ``ensure_directories``.
CHANGES = {
    "env_exe": "c.env_exe = os.path.join(c.bin_path, 'snake')",
    "usual env_exe": "c.env_exe = os.path.join(c.bin_path, 'python')",
    "major env_exe": "c.env_exe = os.path.join(c.bin_path, 'python3')",
    "versioned env_exe": (
        "c.env_exe = os.path.join(c.bin_path, 'python%d.%d' % sys.version_info[:2])"
    ),
    "python_exe": "c.python_exe = 'python'",
    "executable": "c.executable = other; c.python_dir, c.python_exe = os.path.split(other)",
    "executable and env_exe": (
        "c.executable = other; c.python_dir, c.python_exe = os.path.split(other); "
        "c.env_exe = os.path.join(c.bin_path, c.python_exe)"
    ),
    "no python_exe": "del c.python_exe",
}

SUBCLASS = """
import os, sys
import {module} as venv

class Builder(venv.EnvBuilder):
    def ensure_directories(self, env_dir):
        c, other = super().ensure_directories(env_dir), sys.argv[1]
        {change}
        return c

Builder(symlinks={symlinks}).create("env")
"""


@pytest.mark.skipif(os.name == "nt", reason="names of POSIX")
@pytest.mark.parametrize("symlinks", [False, True], ids=["copies", "links"])
@pytest.mark.parametrize("name", ["python3.1", "snake"])
@pytest.mark.parametrize("change", CHANGES)
def test_changed_context(
    change: str, name: str, symlinks: bool, start: Make, base_python: str, tmp_path: Path
) -> None:
    """Whatever a subclass makes of the interpreter's names, the same ones lead to it."""
    other = tmp_path / "other" / name
    other.parent.mkdir()
    other.symlink_to(base_python)
    for module in ("newvenv", "venv"):
        code = SUBCLASS.format(module=module, change=CHANGES[change], symlinks=symlinks)
        start(module, "-c", code, other, check=True)

    _compare(tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="names of POSIX")
@pytest.mark.parametrize("option", ["--symlinks", "--copies"])
def test_interpreters_of_the_user(option: str, make: Make, tmp_path: Path) -> None:
    """Where no environment was, other interpreters' names stay, as with the standard library."""
    for module in ("newvenv", "venv"):
        bin_path = tmp_path / module / HOME / "env" / BIN
        bin_path.mkdir(parents=True)
        (bin_path / "python3.1").write_text("script")
        (bin_path / "python3.2").symlink_to("/nowhere/python3.2")
        (bin_path / "python3.3").symlink_to("python3.2")
        make(module, "--without-pip", option, "env", check=True)

    _compare(tmp_path)


def test_several(make: Make, tmp_path: Path) -> None:
    """Several directories become environments in one run."""
    result = make("newvenv", "--without-pip", "one", "two", "three/deep")

    assert result.returncode == 0
    assert all(
        (tmp_path / "newvenv" / HOME / name / "pyvenv.cfg").exists()
        for name in ("one", "two", "three/deep")
    )


def _other_python(base_python: str) -> str:
    """Return a name under which another Python of the test machine can be imagined."""
    return shutil.which("true") or base_python


@pytest.mark.skipif(os.name == "nt", reason="names of POSIX")
@pytest.mark.parametrize("option", ["--symlinks", "--copies", "--upgrade"])
def test_stale_interpreter(option: str, make: Make, tmp_path: Path, base_python: str) -> None:
    """Links that lead nowhere or to another program are put right, as in a new environment."""
    env = tmp_path / "newvenv" / HOME / "env"
    make("newvenv", "--without-pip", "env", check=True)
    for name, target in [
        ("python", "nowhere"),
        ("python3", _other_python(base_python)),
        ("python3.1", "python3"),
    ]:
        (env / "lib" / "python3.1" / "site-packages").mkdir(parents=True, exist_ok=True)
        (env / BIN / name).unlink(missing_ok=True)
        (env / BIN / name).symlink_to(target)
    make("newvenv", "--without-pip", option, "env", check=True)
    made_again = sorted(path.name for path in (env / BIN).glob("python*"))
    make("newvenv", "--without-pip", option, "fresh", check=True)
    fresh = sorted(path.name for path in (env.parent / "fresh" / BIN).glob("python*"))
    result = subprocess.run(
        [env / BIN / "python", "-c", "import sys; print(sys.prefix)"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert made_again == fresh
    assert result.stdout.strip() == str(env)


def test_upgrade_remembers(make: Make, tmp_path: Path) -> None:
    """An upgrade keeps the prompt and the system packages that were chosen before."""
    make("newvenv", "--without-pip", "--system-site-packages", "--prompt", "it's", "env")
    make("newvenv", "--without-pip", "--upgrade", "env", check=True)
    lines = (tmp_path / "newvenv" / HOME / "env" / "pyvenv.cfg").read_text("utf-8").splitlines()

    assert "include-system-site-packages = true" in lines
    assert 'prompt = "it\'s"' in lines


@pytest.mark.parametrize(
    "text", ["", "home = ", "home = /nowhere\nversion = 3.1\n"], ids=["empty", "cut", "key lost"]
)
def test_upgrade_of_a_damaged_file(text: str, make: Make, tmp_path: Path) -> None:
    """What a damaged pyvenv.cfg does not say is not remembered: an environment stays isolated."""
    for module in ("newvenv", "venv"):
        make(module, "--without-pip", "env", check=True)
        (tmp_path / module / HOME / "env" / "pyvenv.cfg").write_text(text)
        make(module, "--without-pip", "--upgrade", "env", check=True)

    _compare(tmp_path)


@pytest.mark.parametrize(
    "name", [pytest.param("pip.py", marks=not_on_path), "ensurepip.py", "random.py", "logging.py"]
)
def test_module_in_the_target(name: str, make: Make, tmp_path: Path) -> None:
    """A file in the target that is called like a module does not get in pip's way."""
    env = tmp_path / "newvenv" / HOME / "env"
    env.mkdir(parents=True)
    (env / name).write_text("raise SystemExit('imported from the target')")
    make("newvenv", "env", check=True)
    result = subprocess.run(
        [env / BIN / "python", "-I", "-m", "pip", "--version"], capture_output=True, check=True
    )

    assert str(env).encode() in result.stdout
