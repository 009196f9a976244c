"""A folder in which all is measured: the interpreter, the caches, the environments."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import re
import subprocess
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import disk, measure
from benchmarks.peers import PEERS, Failure
from benchmarks.scenarios import COLD, PIP_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from benchmarks.measure import Cost
    from benchmarks.peers import Peer
    from benchmarks.scenarios import Run

#: Settings of the user that would change what is measured ...
_SETTINGS = re.compile(r"PYTHON|PIP_|UV_|VIRTUALENV_|NEWVENV_|VIRTUAL_ENV|__PYVENV")
#: ... but for those that say where packages come from.
_INDEX_SETTINGS = re.compile(r"(PIP|UV)_.*(INDEX|CERT|TRUSTED|KEYRING|TLS)")

_ROOT = Path(__file__).parents[1]
_ASK_BUNDLE = """\
import ensurepip, os, sysconfig
bundled = os.path.join(os.path.dirname(ensurepip.__file__), "_bundled")
print(sysconfig.get_config_var("WHEEL_PKG_DIR") or bundled, ensurepip.version(), sep="\\n")
"""
_SCRIPT = str(Path(__file__).with_name("inprocess.py"))

#: A wheel of one empty module (PEP 427).
_WHEEL = {
    "benchmarked.py": "",
    "benchmarked-1.dist-info/METADATA": "Metadata-Version: 2.1\nName: benchmarked\nVersion: 1\n",
    "benchmarked-1.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\n",
    "benchmarked-1.dist-info/RECORD": (
        "benchmarked.py,,\n"
        "benchmarked-1.dist-info/METADATA,,\n"
        "benchmarked-1.dist-info/WHEEL,,\n"
        "benchmarked-1.dist-info/RECORD,,\n"
    ),
}


class Lab:
    """Where the peers are installed, and run without the user's settings and caches."""

    def __init__(self, folder: Path, base: str, virtualenv: str, peers: Sequence[Peer]) -> None:
        """Install newvenv, as it is in this checkout, and virtualenv for *base*.

        :param folder: an empty one that is on the file system to be measured.
        :param base: the path of a CPython.
        :param virtualenv: which version of it.
        :param peers: who is to be measured.
        """
        self.folder = folder
        self.variables = {
            **without_settings(os.environ),
            "PIP_CONFIG_FILE": os.devnull,
            "XDG_CACHE_HOME": str(folder / "caches"),
        }
        #: What stands in commands for ``{base}`` and so on.
        self.words = {
            "base": base,
            "python": str(folder / "tools/bin/python"),
            "uv": str(importlib.import_module("uv").find_uv_bin()),
            "wheel": str(_wheel(folder)),
        }
        self._install(virtualenv)
        bundle = self.output(("{python}", "-c", _ASK_BUNDLE)).splitlines()
        self.words.update(zip(("bundle", "pip"), bundle))
        self.pip = {peer.name: self._prime(peer) for peer in peers}
        self.words["healthy"] = str(folder / "healthy")
        self.run((*PEERS[0].command, "{healthy}"), **self.settings(PEERS[0]))

    def _install(self, virtualenv: str) -> None:
        tools = self.folder / "tools"
        install = "{uv} pip install --quiet --compile-bytecode --python {python}"
        self.run(("{base}", "-m", "venv", "--without-pip", str(tools)))
        self.run((*install.split(), str(_ROOT), f"virtualenv=={virtualenv}"))
        if not list(tools.glob("lib/python*/site-packages/newvenv/__pycache__/*.pyc")):
            raise Failure("newvenv was installed without its bytecode: that would be unfair")

    def _prime(self, peer: Peer) -> str:
        """Fill the cache of *peer* and return the version of the pip that it installs."""
        settings = self.settings(peer)
        for options in (peer.with_cold_cache, peer.with_pip):
            if options is not None:
                with self.environment():
                    self.run((*peer.command, *options, "{env}"), **settings)
                    pip = self.output(PIP_VERSION)
        return " ".join(pip.split()[:2])

    def run(self, command: tuple[str, ...], **settings: str) -> Cost:
        """Run *command*, with ``{python}`` and so on filled in, and return its cost."""
        return measure.run(self._filled(command), {**self.variables, **settings})

    def output(self, command: tuple[str, ...], **settings: str) -> str:
        """Run *command*, with ``{python}`` and so on filled in, and return what it prints.

        :raises Failure: it did not succeed.
        """
        return self._output(self._filled(command), settings)

    def call(self, function: str, **arguments: object) -> Any:
        """Return what newvenv costs in a running interpreter: see inprocess.py.

        The *function* works in a new folder, which is deleted in the end.
        """
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            values = json.dumps({"folder": folder, **arguments})
            words = [self.words["python"], "-I", _SCRIPT, function, values]
            return json.loads(self._output(words, self.settings(PEERS[0])))

    def _output(self, words: list[str], settings: dict[str, str]) -> str:
        try:
            return subprocess.check_output(
                words, env={**self.variables, **settings}, encoding="utf-8"
            )
        except subprocess.CalledProcessError as error:
            raise Failure(f"this failed: {' '.join(words)}") from error

    def _filled(self, command: tuple[str, ...]) -> list[str]:
        return [word.format(**self.words) for word in command]

    @contextlib.contextmanager
    def environment(self) -> Iterator[Path]:
        """Let ``{env}`` be the path of a new environment, which is deleted in the end."""
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            self.words["env"] = str(Path(folder, "env"))
            yield Path(folder, "env")

    def cache(self, peer: Peer) -> Path:
        """Return the folder of *peer*'s cache."""
        return self.folder / "caches" / peer.name.replace(", ", "-").replace(" ", "-")

    def settings(self, peer: Peer, cache: Path | None = None) -> dict[str, str]:
        """Return the variables for *peer*, whose cache is its own unless *cache* is given."""
        variables = {peer.cache: str(cache or self.cache(peer))} if peer.cache else {}
        return {**peer.settings, **variables}

    def usage(self, peer: Peer) -> disk.Disk:
        """Return what an environment with pip takes of the disk."""
        with self.environment() as env:
            self.run((*peer.command, *peer.with_pip, "{env}"), **self.settings(peer))
            return disk.usage(peer.name, env, self.cache(peer))

    def cost(self, run: Run) -> Cost:
        """Do what *run* says in a new environment, check that it works, return the cost."""
        with self.environment() as env:
            cache = env.parent / "cache" if run.scenario is COLD else None
            settings = self.settings(run.peer, cache) if run.peer else {}
            cost = self.run(run.command, **settings)
            if run.scenario.then:
                cost += self.run(run.scenario.then)
            if run.scenario.check:
                self.run(run.scenario.check)
            return cost


def without_settings(variables: Mapping[str, str]) -> dict[str, str]:
    """Return *variables* without those that would change what is measured."""
    return {
        name: value
        for name, value in variables.items()
        if not _SETTINGS.match(name) or _INDEX_SETTINGS.match(name)
    }


def _wheel(folder: Path) -> Path:
    """Make the wheel of a tiny module in *folder* and return its path."""
    path = folder / "benchmarked-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for name, text in _WHEEL.items():
            wheel.writestr(name, text)
    return path
