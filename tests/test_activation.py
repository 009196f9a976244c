"""Filling and writing the scripts, and activation without a shell."""

from __future__ import annotations

import json
import logging
import os
import runpy
import shutil
import subprocess
import sys
import sysconfig
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import newvenv
from conftest import Run
from newvenv import _activation, _compat, _platform
from shells import environments
from shells.names import HOSTILE, RAW

_SCRIPTS = {
    *("Activate.ps1", "activate", "activate.elv", "activate.fish"),
    *("activate.nu", "activate.xsh", "activate_this.py"),
    *(("activate.bat", "deactivate.bat") if os.name == "nt" else ("activate.csh",)),
}


def _context(script: str | None = None, **facts: object) -> types.SimpleNamespace:
    usual: dict[str, object] = {
        "env_dir": "/e/x",
        "env_name": "x",
        "prompt": "p",
        "bin_name": "bin",
        "env_exe": "/e/x/bin/python",
    }
    context = types.SimpleNamespace(**{**usual, **facts})
    if script is not None:
        context.script_path = script
    return context


def _unchanged(text: str, _: types.SimpleNamespace) -> str:
    return text


@pytest.fixture
def target(tmp_path: Path) -> types.SimpleNamespace:
    """Return the context of an environment that has an empty folder of scripts."""
    bin_path = tmp_path / "env" / "bin"
    bin_path.mkdir(parents=True)
    return _context(bin_path=str(bin_path))


def _write(root: Path, files: dict[str, bytes]) -> str:
    for name, data in files.items():
        path = root / "scripts" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return str(root / "scripts")


def _tree(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_templates() -> None:
    """The templates are found, and there is a folder for each platform."""
    folders = {"common", "posix", "nt"}
    assert folders <= set(os.listdir(_activation.templates()))


def test_templates_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The templates of an installed package are those beside it."""
    (tmp_path / "scripts").mkdir()
    monkeypatch.setattr(_activation, "__file__", str(tmp_path / "_activation.py"))
    assert _activation.templates() == str(tmp_path / "scripts")


@pytest.mark.parametrize(
    ("text", "rendered"),
    [
        pytest.param("__VENV_DIR__", "/e/x", id="folder"),
        pytest.param("__VENV_NAME__", "x", id="name"),
        pytest.param("__VENV_PROMPT__", "p", id="prompt"),
        pytest.param("__VENV_BIN_NAME__", "bin", id="name of the scripts' folder"),
        pytest.param("__VENV_PYTHON__", "/e/x/bin/python", id="interpreter"),
        pytest.param("a__VENV_NAME____VENV_NAME__b\n", "axxb\n", id="neighbours"),
        pytest.param("__VENV__VENV_NAME__", "__VENVx", id="underscores before"),
        pytest.param("__VENV_NAME___", "x_", id="underscore behind"),
        pytest.param("__VENV_OTHER__ __VENV_NAME__", "__VENV_OTHER__ x", id="unknown"),
        pytest.param("__VENV_", "__VENV_", id="unfinished"),
        pytest.param("__VENV_DIR", "__VENV_DIR", id="unfinished word"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_render(text: str, rendered: str) -> None:
    """Each known placeholder is replaced, and nothing else."""
    assert _activation.render(text, _context()) == rendered


def test_render_once() -> None:
    """A placeholder in a value is part of the value."""
    context = _context(env_dir="/__VENV_NAME__", env_name="__VENV_PROMPT__", prompt="__VENV_DIR__")
    text = "__VENV_DIR__ __VENV_NAME__ __VENV_PROMPT__"
    assert _activation.render(text, context) == "/__VENV_NAME__ __VENV_PROMPT__ __VENV_DIR__"


@pytest.mark.parametrize(
    ("script", "text", "harmless", "hostile"),
    [
        pytest.param(None, "X=__VENV_NAME__", "X=x", "X='a b'", id="no script"),
        pytest.param("s.sh", "X=__VENV_NAME__", "X=x", "X='a b'", id="sh"),
        pytest.param("s.sh", 'X="__VENV_NAME__"', 'X="x"', "X=\"'a b'\"", id="sh, quoted"),
        pytest.param("s", "#!__VENV_NAME__", "#!x", "#!'a b'", id="interpreter line"),
        pytest.param("s.py", "#!__VENV_NAME__", "#!x", "#!'a b'", id="interpreter line, Python"),
        pytest.param("s.py", "X = __VENV_NAME__", "X = 'x'", "X = 'a b'", id="Python"),
        pytest.param("s.py", "X = '__VENV_NAME__'", "X = 'x'", "X = ''a b''", id="Python, quoted"),
        pytest.param("s.py", 'X = "/__VENV_NAME__/"', 'X = "/x/"', None, id="Python, inside"),
        pytest.param("s.ps1", "$x = __VENV_NAME__", "$x = 'x'", "$x = 'a b'", id="PowerShell"),
        pytest.param("s.ps1", '$x = "__VENV_NAME__"', '$x = "x"', None, id="PowerShell, quoted"),
        pytest.param("s.bat", "@set X=__VENV_NAME__", "@set X=x", "@set X=a b", id="cmd"),
        pytest.param("s.fish", "set x '__VENV_NAME__'", "set x 'x'", None, id="fish, quoted"),
        pytest.param("s.csh", "set x = __VENV_NAME__", "set x = x", "set x = 'a b'", id="csh"),
        pytest.param("s.nu", "let x = __VENV_NAME__", "let x = r#'x'#", None, id="nu"),
    ],
)
def test_render_languages(
    script: str | None, text: str, harmless: str, hostile: str | None
) -> None:
    """A value is a literal of the script's language; a harmless one needs no quotes of its own."""
    assert _activation.render(text, _context(script)) == harmless
    assert hostile in (None, _activation.render(text, _context(script, env_name="a b")))


def test_percent_signs_in_quotes() -> None:
    """A variable of cmd counts in quotes, too, so a name like %PATH% is escaped there."""
    context = _context("s.bat", prompt="%PATH%", env_dir="%TEMP%")
    text = '@set "X=__VENV_BARE_PROMPT__" & @set "Y=__VENV_DIR__/x"'
    assert _activation.render(text, context) == '@set "X=%%PATH%%" & @set "Y=%%TEMP%%/x"'


@pytest.mark.parametrize(
    ("decorated", "prompt", "standard", "bare"),
    [
        pytest.param(True, "(p) ", "'(p) '", "p", id="decorated"),
        pytest.param(True, "((p) ) ", "'((p) ) '", "'(p) '", id="decorated twice"),
        pytest.param(True, "p", "p", "p", id="not as expected"),
        pytest.param(True, "() ", "'() '", "''", id="empty, decorated"),
        pytest.param(False, "p", "p", "p", id="bare"),
        pytest.param(False, "(p) ", "'(p) '", "'(p) '", id="bare, with parentheses"),
        pytest.param(False, "", "''", "''", id="empty"),
        pytest.param(False, True, "True", "True", id="no text"),
        pytest.param(False, "a\0b", "ab", "ab", id="NUL"),
        pytest.param(False, "a\ud800b", "'a?b'", "'a?b'", id="half a pair"),
    ],
)
def test_render_prompt(
    decorated: bool, prompt: object, standard: str, bare: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Templates of others get the prompt that the version has, newvenv's the name alone."""
    monkeypatch.setattr(_compat, "DECORATED_PROMPT", decorated)
    text = "__VENV_PROMPT__ __VENV_BARE_PROMPT__"
    assert _activation.render(text, _context(prompt=prompt)) == f"{standard} {bare}"


def test_install_own(tmp_path: Path) -> None:
    """An environment gets a script for each shell of the platform."""
    environments.make(tmp_path / "env")
    assert {*os.listdir(tmp_path / "env" / "bin")} == {*_SCRIPTS, "python"}


def test_install_folders(tmp_path: Path, target: types.SimpleNamespace) -> None:
    """The common folder and the platform's are installed with all they hold, and no other."""
    files = {
        "top": b"",
        "common/a": b"a __VENV_NAME__",
        "common/deep/er/b": b"b",
        "common/deep/common/c": b"c",
        "common/__pycache__/a.pyc": b"\xff",
        f"{os.name}/d": b"d",
        "other/e": b"e",
    }
    _activation.install(_write(tmp_path, files), target, _activation.render)
    found = {"a": b"a x", "deep/er/b": b"b", "deep/common/c": b"c", "d": b"d"}
    assert _tree(Path(target.bin_path)) == found


def test_install_bytes(tmp_path: Path, target: types.SimpleNamespace) -> None:
    """Line ends, a byte order mark and a missing last line end survive."""
    data = b"\xef\xbb\xbfa\r\nb\n__VENV_NAME__\r\xc3\xbc"
    _activation.install(_write(tmp_path, {"common/a": data}), target, _activation.render)
    assert (Path(target.bin_path) / "a").read_bytes() == data.replace(b"__VENV_NAME__", b"x")


def test_rendered(tmp_path: Path) -> None:
    """What would be installed can be compared with what is there; asking writes nothing."""
    env_dir = Path(environments.make(tmp_path / "env", prompt="it's"))
    context = environments.context(env_dir, prompt="it's")
    before = _tree(env_dir)
    rendered = {
        name: (data, mode)
        for name, data, mode in _activation.rendered(_activation.templates(), context)
    }
    assert rendered.keys() == _SCRIPTS
    for name, (data, mode) in rendered.items():
        assert before[f"bin/{name}"] == data
        if os.name != "nt":  # where the end of a name decides
            assert (env_dir / "bin" / name).stat().st_mode & 0o7777 == mode
    assert _tree(env_dir) == before


def _archive(package_path: str, tmp_path: Path, *left_out: str) -> dict[str, str]:
    """Return the variables for a Python that imports newvenv from a ZIP archive."""
    unpacked = tmp_path / "unpacked"
    source = Path(package_path, "newvenv")
    shutil.copytree(source, unpacked / "newvenv", ignore=shutil.ignore_patterns(*left_out))
    archive = shutil.make_archive(str(tmp_path / "archive"), "zip", unpacked)
    return {**os.environ, "PYTHONPATH": archive}


def _without(folder: Path, text: str) -> str:
    """Return *text* without the path of *folder*, in which backslashes may be doubled."""
    return text.replace(str(folder).replace("\\", "\\\\"), "@").replace(str(folder), "@")


def test_archive(package_path: str, run: Run, base_python: str, tmp_path: Path) -> None:
    """Newvenv in a ZIP archive installs the same activation scripts."""
    folders = [tmp_path / "env", tmp_path / "zipped" / "env"]
    paths = [{**os.environ, "PYTHONPATH": package_path}, _archive(package_path, tmp_path)]
    for folder, variables in zip(folders, paths):
        done = run(base_python, "-m", "newvenv", "--without-pip", folder, env=variables)
        assert (done.returncode, done.stderr) == (0, "")
    texts = [
        {
            path.name: _without(folder, path.read_text("utf-8"))
            for path in (folder / _platform.BIN_NAME).glob("*vat*")
        }
        for folder in folders
    ]
    assert texts[0].keys() == _SCRIPTS
    assert texts[0] == texts[1]


def test_archive_without_templates(
    package_path: str, run: Run, base_python: str, tmp_path: Path
) -> None:
    """An archive that lacks the templates says that there are no activation scripts."""
    variables = _archive(package_path, tmp_path, "scripts")
    done = run(base_python, "-m", "newvenv", "--without-pip", tmp_path / "env", env=variables)
    assert "No activation scripts: newvenv has no templates in " in done.stderr
    assert done.returncode == 0
    python = "python.exe" if os.name == "nt" else "python"
    assert (tmp_path / "env" / _platform.BIN_NAME / python).exists()


def test_install_undecodable(
    tmp_path: Path, target: types.SimpleNamespace, caplog: pytest.LogCaptureFixture
) -> None:
    """A file that is no text is left out, with a warning that names it."""
    path = _write(tmp_path, {"common/a": b"\xff\xfe", "common/b": b"b"})
    with caplog.at_level(logging.WARNING):
        _activation.install(path, target, _activation.render)
    assert _tree(Path(target.bin_path)) == {"b": b"b"}
    (message,) = (record.getMessage() for record in caplog.records)
    assert message.startswith(f"unable to copy script {os.path.join(path, 'common', 'a')!r}, ")


def test_install_hook(tmp_path: Path, target: types.SimpleNamespace) -> None:
    """The hook gets each text and the context, which tells the template's path."""
    path = _write(tmp_path, {"common/a": b"A", "common/b": b"B"})
    seen = {}

    def hook(text: str, context: types.SimpleNamespace) -> str:
        seen[context.script_path] = text
        return text * 2

    _activation.install(path, target, hook)
    assert seen == {os.path.join(path, "common", "a"): "A", os.path.join(path, "common", "b"): "B"}
    assert _tree(Path(target.bin_path)) == {"a": b"AA", "b": b"BB"}


@pytest.mark.skipif(os.name == "nt", reason="modes are POSIX's")
@pytest.mark.parametrize("mode", [0o644, 0o755, 0o600])
def test_install_mode(mode: int, tmp_path: Path, target: types.SimpleNamespace) -> None:
    """A script has its template's mode, whatever the umask and whatever it had."""
    path = _write(tmp_path, {"common/a": b"__VENV_NAME__", "common/b": b"same"})
    for name in "ab":
        Path(path, "common", name).chmod(mode)
    (Path(target.bin_path) / "a").write_bytes(b"older")
    before = os.umask(0o077)
    try:
        _activation.install(path, target, _activation.render)
        _activation.install(path, target, _activation.render)
    finally:
        os.umask(before)
    modes = {name: (Path(target.bin_path) / name).stat().st_mode & 0o7777 for name in "ab"}
    assert modes == {"a": mode, "b": mode}


def test_install_windows(
    tmp_path: Path, target: types.SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On Windows programs are copied as they are, but for the interpreter's own."""
    names = ["python.exe", "pythonw_d.exe", "venvlauncher.exe", "venvw.pdb", "tool.exe", "tool.pdb"]
    path = _write(tmp_path, {f"nt/{name}": b"\xff__VENV_NAME__" for name in names})
    with monkeypatch.context() as patch:
        patch.setattr(os, "name", "nt")
        _activation.install(path, target, _unchanged)
    expected = {"tool.exe": b"\xff__VENV_NAME__", "tool.pdb": b"\xff__VENV_NAME__"}
    assert _tree(Path(target.bin_path)) == expected


@pytest.mark.parametrize(
    ("line", "prompt"),
    [
        pytest.param("", "env", id="none"),
        pytest.param("prompt = 'name'", "name", id="a literal"),
        pytest.param('prompt = "it\'s\\n\\\\\\u2603"', "it's\n\\\u2603", id="with escapes"),
        pytest.param("prompt = ''", "", id="empty"),
        pytest.param("prompt = True", "True", id="no text"),
        pytest.param("prompt = bare name", "bare name", id="of another tool"),
        pytest.param("PROMPT='a = b'", "a = b", id="key in capitals"),
        pytest.param("prompt = 'a'\nprompt = 'b'", "b", id="twice"),
        pytest.param("prompt = __import__('os')", "__import__('os')", id="not a literal"),
    ],
)
def test_environment_prompt(line: str, prompt: str, tmp_path: Path) -> None:
    """The prompt is the recorded one, else the folder's name."""
    (tmp_path / "env").mkdir()
    (tmp_path / "env" / "pyvenv.cfg").write_text(f"home = /usr/bin\n{line}\n", encoding="utf-8")
    assert _activation.activation_environment(tmp_path / "env")["VIRTUAL_ENV_PROMPT"] == prompt


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param("/usr/bin:/bin", "@:/usr/bin:/bin", id="usual"),
        pytest.param("", "@", id="empty"),
        pytest.param(None, "@", id="unset"),
        pytest.param("/bin:@:/usr/bin:@", "@:/bin:/usr/bin", id="there already"),
        pytest.param(":/bin:", "@::/bin:", id="empty elements"),
    ],
)
def test_environment_path(
    path: str | None, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder of the scripts is first on PATH, and once; the process stays as it is."""
    (tmp_path / "pyvenv.cfg").write_text("")
    folder = str(tmp_path / "bin")
    monkeypatch.setattr(os, "environ", {})
    if path is not None:
        os.environ["PATH"] = path.replace(":", os.pathsep).replace("@", folder)
    before = dict(os.environ)
    assert _activation.activation_environment(tmp_path) == {
        "PATH": expected.replace(":", os.pathsep).replace("@", folder),
        "PYTHONHOME": None,
        "VIRTUAL_ENV": str(tmp_path),
        "VIRTUAL_ENV_PROMPT": tmp_path.name,
    }
    assert os.environ == before


def test_environment_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative folder becomes absolute."""
    (tmp_path / "env").mkdir()
    (tmp_path / "env" / "pyvenv.cfg").write_text("")
    monkeypatch.chdir(tmp_path)
    assert _activation.activation_environment("env")["VIRTUAL_ENV"] == str(tmp_path / "env")


def test_environment_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On Windows the folder of the scripts is Scripts, where there is one."""
    (tmp_path / "pyvenv.cfg").write_text("")
    (tmp_path / "Scripts").mkdir()
    folder = str(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(os, "name", "nt")
        found = _activation.activation_environment(folder)["PATH"]
    assert found is not None
    assert found.startswith(os.path.join(folder, "Scripts"))


def test_environment_of_none(tmp_path: Path) -> None:
    """A folder that is no environment is an error that names what is missing."""
    with pytest.raises(FileNotFoundError, match=r"pyvenv\.cfg"):
        _activation.activation_environment(tmp_path)


def test_environment_is_public(tmp_path: Path) -> None:
    """It is part of the package's API."""
    (tmp_path / "pyvenv.cfg").touch()
    assert newvenv.activation_environment(tmp_path)["VIRTUAL_ENV"] == str(tmp_path)


_TELL = """
import json, os, runpy, sys
os.environ["PYTHONHOME"] = "/nowhere"
for path in sys.argv[1:]:
    runpy.run_path(path)
told = {name: os.environ.get(name) for name in ("PATH", "PYTHONHOME", "VIRTUAL_ENV")}
told["VIRTUAL_ENV_PROMPT"] = os.environ["VIRTUAL_ENV_PROMPT"]
print(json.dumps([told, sys.prefix, sys.path, len(sys.path) == len(set(sys.path))]))
"""


@pytest.mark.parametrize("name", [*HOSTILE, *RAW])
def test_activate_this_compiles(name: str, tmp_path: Path) -> None:
    """The script for Python is Python, whatever the name."""
    folder = environments.make(tmp_path / "env", prompt={**HOSTILE, **RAW}[name])
    source = Path(folder, "bin", "activate_this.py").read_bytes()
    compile(source, "activate_this.py", "exec")


_SCHEME = "nt" if os.name == "nt" else "posix_prefix"
_PACKAGES = sysconfig.get_path("purelib", _SCHEME, {"base": "."})


def _with_packages(folder: Path, pth: str = "") -> Path:
    """Make an environment that has a folder of packages; return its script for Python."""
    environments.make(folder, prompt=folder.name.upper())
    packages = folder / _PACKAGES
    packages.mkdir(parents=True)
    (packages / "more.pth").write_text(pth)
    return folder / "bin" / "activate_this.py"


_PATH = ["/usr/bin", "/bin"]

#: What Python needs to start on Windows.
_NEEDED = {name: os.environ[name] for name in ("SYSTEMROOT",) if name in os.environ}


def _tell(*scripts: Path, path: str = os.pathsep.join(_PATH)) -> list[Any]:
    """Return what a Python that runs *scripts* has in its variables, ``sys.prefix`` and path."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", _TELL, *scripts],
        env={**_NEEDED, "PATH": path},
        stdout=subprocess.PIPE,
        check=True,
    )
    return list(json.loads(done.stdout))


def test_activate_this(tmp_path: Path) -> None:
    """A running Python finds the environment's programs and imports its packages."""
    names = ["a b", "it's $(x) \u2603"]
    scripts = [_with_packages(tmp_path / name, "sub\n") for name in names]
    for name in names:
        (tmp_path / name / _PACKAGES / "sub").mkdir()
    told, prefix, path, unique = _tell(*scripts, *scripts)
    env = str(tmp_path / names[1])
    assert told == {
        "PATH": os.pathsep.join([*(str(script.parent) for script in reversed(scripts)), *_PATH]),
        "PYTHONHOME": None,
        "VIRTUAL_ENV": env,
        "VIRTUAL_ENV_PROMPT": names[1].upper(),
    }
    assert prefix == env
    assert path[:2] == [
        os.path.join(env, os.path.normpath(_PACKAGES), *end) for end in ((), ("sub",))
    ]
    assert unique


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param(":/bin:", "@::/bin:", id="empty elements"),
        pytest.param("/bin:@:/a:@", "@:/bin:/a", id="there already"),
        pytest.param("", "@", id="empty"),
    ],
)
def test_activate_this_path(path: str, expected: str, tmp_path: Path) -> None:
    """The directory of the scripts is first on PATH, and once; the rest stays as it is."""
    script = _with_packages(tmp_path / "env")
    told, *_ = _tell(script, path=path.replace(":", os.pathsep).replace("@", str(script.parent)))
    assert told["PATH"] == expected.replace(":", os.pathsep).replace("@", str(script.parent))


@pytest.mark.parametrize(
    "pth",
    [
        pytest.param("import traceback, wave", id="imports"),
        pytest.param("import sys; sys.path.insert(0, '/inserted')", id="inserts"),
        pytest.param("import sys; sys.path[:] = sys.path[1:]", id="removes"),
    ],
)
def test_activate_this_runs_pth(pth: str, tmp_path: Path) -> None:
    """What a ``.pth`` file runs finds the standard library, and its changes are kept."""
    script = _with_packages(tmp_path / "env", f"{pth}\n")
    _, _, path, unique = _tell(script)
    assert os.path.join(tmp_path, "env", os.path.normpath(_PACKAGES)) in path[:2]
    assert ("/inserted" in path) == ("/inserted" in pth)
    assert os.path.dirname(os.__file__) in path
    assert unique


def _embedded_wheels() -> str:
    """Return the folder of the wheels that virtualenv carries, setuptools among them."""
    from virtualenv.seed.wheels import embed

    return os.path.dirname(str(embed.__file__))


_PROJECT = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "demo"
version = "1"
[tool.setuptools]
packages = ["demo"]
package-dir = { demo = "src/demo" }
"""


@pytest.mark.once
def test_activate_this_editable(tmp_path: Path) -> None:
    """An editable install by setuptools, which brings code of its own, can be imported."""
    (tmp_path / "project" / "src" / "demo").mkdir(parents=True)
    (tmp_path / "project" / "src" / "demo" / "__init__.py").write_text("told = 'found'\n")
    (tmp_path / "project" / "pyproject.toml").write_text(_PROJECT)
    newvenv.create(tmp_path / "env", symlinks=True, with_pip=True)
    scripts = tmp_path / "env" / _platform.BIN_NAME
    pip = [str(scripts / "pip"), "-q", "install", "--no-index"]
    wheels = ["--find-links", _embedded_wheels(), "--upgrade", "setuptools"]
    subprocess.run([*pip, *wheels], check=True)
    project = ["--no-build-isolation", "-e", str(tmp_path / "project")]
    subprocess.run([*pip, *project], check=True)
    script = scripts / "activate_this.py"
    code = f"import runpy; runpy.run_path({str(script)!r}); import demo, wave; print(demo.told)"
    done = subprocess.run([sys.executable, "-I", "-c", code], stdout=subprocess.PIPE, check=True)
    assert done.stdout == b"found\n"


_SPOILED = {
    "is for Python 2.7, and this is": lambda env: (env / "pyvenv.cfg").write_text("version=2.7.1"),
    "is for Python": lambda env: (env / _PACKAGES).rename(env / "other"),
    "moved or copied; .* newvenv --repair DIR$": lambda env: (env / "pyvenv.cfg").unlink(),
}


@pytest.mark.parametrize(("message", "spoil"), _SPOILED.items())
def test_activate_this_refuses(
    message: str, spoil: Callable[[Path], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An environment of another Python, or that is gone, is an error; nothing is changed."""
    script = _with_packages(tmp_path / "env")
    spoil(tmp_path / "env")
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = (dict(os.environ), list(sys.path), sys.prefix)
    with pytest.raises(RuntimeError, match=message):
        runpy.run_path(str(script))
    assert (dict(os.environ), sys.path, sys.prefix) == before
