"""Which modules are loaded: whatever is started pays for each of them."""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path
from typing import Callable

import pytest

from conftest import Run

pytestmark = pytest.mark.skipif(
    os.name == "nt" or sys.implementation.name != "cpython",
    reason="the lists are those of CPython on POSIX",
)

IMPORT = {"newvenv", "newvenv._compat"}

PLAIN = IMPORT | {
    "__future__",
    "newvenv._activation",
    "newvenv._config",
    "newvenv._files",
    "newvenv._layout",
    "newvenv._platform",
    "newvenv._posix",
    "newvenv._quoting",
    "newvenv._kept",
    "newvenv._lock",
    "newvenv._preflight",
    "newvenv._signals",
    "newvenv._transaction",
    "fcntl",
}

COMMAND = PLAIN | {"newvenv.__main__", "newvenv._cli"}

#: What pip costs once its image is there: hashes for RECORD, and clones.
HASHES = "_sha2" if sys.version_info >= (3, 12) else "_sha256"
WARM = COMMAND | {
    HASHES,
    "binascii",
    "newvenv._log",
    "newvenv._seed",
    "newvenv._seed.cache",
    "newvenv._seed.clone",
    "newvenv._seed.image",
    "newvenv._seed.scripts",
    "newvenv._seed.sources",
}

#: Runs a statement in an interpreter that has loaded what every interpreter loads, and
#: the modules named, and tells what the statement has loaded besides.
PROGRAM = """
import errno, site, sys{loaded}
env, before = sys.argv[1], set(sys.modules)
{statement}
print(*sorted(set(sys.modules) - before))
"""

Load = Callable[..., "set[str]"]


@pytest.fixture
def load(run: Run, base_python: str, package_path: str, tmp_path: Path) -> Load:
    """Return a function that tells what a statement loads.

    The statement may use ``env``, the path of a folder that is not there. It is run
    twice, so that all is compiled, and pip's image made, when it counts.
    """
    variables = {**os.environ, "PYTHONPATH": package_path}

    def load(statement: str, loaded: str = "") -> set[str]:
        program = PROGRAM.format(statement=statement, loaded=loaded)
        for env in ("first", "second"):
            # Without site, as the .pth files of some distributions load modules.
            result = run(base_python, "-S", "-c", program, tmp_path / env, env=variables)
        assert result.stderr == ""
        return set(result.stdout.split())

    return load


def test_import(load: Load) -> None:
    """To import the package loads next to nothing."""
    assert load("import newvenv") == IMPORT


def test_plain_environment(load: Load) -> None:
    """An environment of links, without pip, takes nothing but the package itself."""
    assert load("import newvenv; newvenv.create(env, symlinks=True)") == PLAIN


def test_all_options(load: Load) -> None:
    """Prompt, system packages and ignore files take no module more."""
    options = "symlinks=True, prompt='p', system_site_packages=True, scm_ignore_files=['git']"

    assert load(f"import newvenv; newvenv.create(env, {options})") == PLAIN


def test_clear(load: Load) -> None:
    """To clear an environment takes nothing but the list of users, whose homes are kept."""
    statement = "newvenv.create(env, symlinks=True, clear=True)"

    assert load(f"import newvenv; {statement}; {statement}") == PLAIN | {"newvenv._deletion", "pwd"}


def test_copies(load: Load) -> None:
    """Copies take ``shutil``, and what that needs, besides."""
    assert load("import newvenv; newvenv.create(env)", ", shutil, types") == PLAIN


def test_upgrade(load: Load) -> None:
    """An upgrade of what is no environment yet is a run like any other."""
    statement = "newvenv.EnvBuilder(symlinks=True, upgrade=True).create(env)"

    assert load(f"import newvenv; {statement}") == PLAIN


@pytest.mark.parametrize("options", [[], ["--system-site-packages", "--symlinks"]], ids=" ".join)
def test_command_line(load: Load, options: list[str]) -> None:
    """The usual options are understood without ``argparse``."""
    statement = f"from newvenv.__main__ import main; main([*{options}, '--without-pip', env])"

    assert load(statement) == COMMAND


def test_command_line_with_values(load: Load) -> None:
    """Options with values, and abbreviations, take ``argparse``, and what that needs."""
    statement = "from newvenv.__main__ import main; main(['--prompt=p', '--without-p', env])"
    argparse = ", argparse; argparse.ArgumentParser('x').parse_args([])"

    assert load(statement, argparse) == COMMAND | {"newvenv._usage"}


def test_error(load: Load) -> None:
    """An error takes nothing, either."""
    statement = "from newvenv.__main__ import main; main(['--without-pip', site.__file__])"

    assert load(statement, "; sys.stderr = open('/dev/null', 'w')") == IMPORT | {
        "__future__",
        "newvenv.__main__",
        "newvenv._cli",
        "newvenv._files",
        "newvenv._platform",
        "newvenv._posix",
        "newvenv._preflight",
    }


@pytest.mark.skipif(
    bool(sysconfig.get_config_var("WHEEL_PKG_DIR")), reason="the wheels must be looked for"
)
def test_warm_pip(load: Load) -> None:
    """Pip takes no process, no ZIP file and no regular expression once its image is there."""
    assert load("from newvenv.__main__ import main; main([env])") == WARM
