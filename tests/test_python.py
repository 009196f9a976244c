"""``--python``: which interpreter is meant, and that running newvenv there gives the same."""

from __future__ import annotations

import json
import os
import shutil
import stat
import sys
import zipfile
from pathlib import Path
from typing import Any, Callable

import pytest

import newvenv
from builders import config
from conftest import Run
from environments import BIN
from newvenv import _python
from trees import tree

VERSION = "{}.{}.{}".format(*sys.version_info[:3])

#: Runs the program from a package that lies in the directory of the first argument.
PROGRAM = """
import sys
sys.path.insert(0, sys.argv.pop(1))
from newvenv.__main__ import main
sys.exit(main())
"""

Start = Callable[..., Any]

pytestmark = pytest.mark.usefixtures("measured")

posix = pytest.mark.skipif(os.name == "nt", reason="POSIX's links and scripts")


@pytest.fixture
def start(run: Run, package_path: str) -> Start:
    """Return a function that runs the program, without leaving a trace in variables."""
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def start(*args: object, package: object = package_path, **options: Any) -> Any:
        options["env"] = {**variables, **options.pop("env", {})}
        return run(sys.executable, "-c", PROGRAM, package, *args, **options)

    return start


@pytest.fixture
def spied(package_path: str, tmp_path: Path) -> Callable[[str], Path]:
    """Return a function that makes a copy of the package which runs code when it works."""

    def spied(code: str) -> Path:
        package = tmp_path / "spied"
        shutil.copytree(package_path, package, ignore=shutil.ignore_patterns("*.pyc"))
        with open(package / "newvenv" / "_activation.py", "a", encoding="utf-8") as file:
            file.write(f"\n{code}\n")
        return package

    return spied


def script(path: Path, text: str) -> Path:
    """Make an executable file."""
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


# What is handed over


def test_same_as_there(
    run: Run, start: Start, package_path: str, base_python: str, tmp_path: Path
) -> None:
    """Tree, configuration and output are those of running newvenv in that interpreter."""
    options = ["--prompt=p", "--system-site-packages", "env"]
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    ours = start("-p", base_python, *options, cwd=tmp_path / "a")
    variables = {**os.environ, "PYTHONPATH": package_path}
    there = run(base_python, "-m", "newvenv", *options, cwd=tmp_path / "b", env=variables)

    assert (ours.returncode, ours.stdout, ours.stderr) == (0, "", "")
    assert there.returncode == 0
    assert tree(tmp_path / "a" / "env") == tree(tmp_path / "b" / "env")
    assert config(tmp_path / "a" / "env")["command"].startswith(f"{base_python} -m venv ")


def test_nothing_is_left(
    start: Start, spied: Callable[[str], Path], base_python: str, tmp_path: Path
) -> None:
    """Neither ``sys.path`` nor the variables have anything of ours, and the directory neither."""
    names = "print(sys.path, sorted(os.environ), sys.argv[1:], __name__)"
    package = spied(f"import os, sys; {names}; import json")
    (tmp_path / "here").mkdir()
    script(tmp_path / "here" / "json.py", "raise SystemExit('from the directory')")
    variables = {"A": "b"}
    result = start(
        *("-p", base_python, "--without-pip", "env"),
        package=package,
        cwd=tmp_path / "here",
        env=variables,
    )

    assert (result.returncode, result.stderr) == (0, "")
    assert str(package) not in result.stdout
    assert "''" not in result.stdout
    assert str(sorted({*os.environ, "A"} - {"PYTHONPATH"})) in result.stdout
    assert "['--without-pip', 'env'] newvenv._activation" in result.stdout


@posix
def test_signal(
    start: Start, spied: Callable[[str], Path], base_python: str, tmp_path: Path
) -> None:
    """A signal ends the run there, with its message and status, and nothing is left."""
    package = spied("import os; os.kill(os.getpid(), 15)")
    result = start("-p", base_python, "--without-pip", tmp_path / "env", package=package)

    assert result.returncode == 143
    assert result.stderr == f"Error: interrupted while making {str(tmp_path / 'env')!r}\n"
    assert not (tmp_path / "env").exists()


@posix
def test_same_process(
    start: Start, spied: Callable[[str], Path], base_python: str, tmp_path: Path
) -> None:
    """The interpreter takes the process over, so that whoever waits for it waits for both."""
    package = spied("import os; print(os.getppid())")
    result = start("-p", base_python, "--without-pip", tmp_path / "env", package=package)

    assert int(result.stdout) == os.getpid()


def test_newvenv_that_is_there(start: Start, tmp_path: Path) -> None:
    """Another newvenv in the interpreter's own packages is not used, even if it is loaded."""
    start("--without-pip", tmp_path / "old")
    context = newvenv.EnvBuilder().ensure_directories(tmp_path / "old")
    package = Path(context.lib_path, "newvenv")
    package.mkdir()
    (package / "__init__.py").write_text("raise SystemExit('the other one')")
    (Path(context.lib_path) / "x.pth").write_text(
        "import sys, types; sys.modules['newvenv'] = types.ModuleType('newvenv')\n"
    )
    result = start("-p", tmp_path / "old", "--without-pip", tmp_path / "env")

    assert (result.returncode, result.stderr) == (0, "")
    assert config(tmp_path / "env")["version"] == VERSION


@pytest.mark.parametrize("where", ["installed", "zip"])
def test_places_of_the_package(
    start: Start, package_path: str, base_python: str, tmp_path: Path, where: str
) -> None:
    """It works wherever newvenv itself has been imported from."""
    archive = tmp_path / "a b.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in Path(package_path, "newvenv").rglob("*.*"):
            file.write(path, path.relative_to(package_path))
    package = {"installed": package_path, "zip": str(archive)}[where]
    result = start("-p", base_python, "--without-pip", tmp_path / "env", package=package)

    assert result.returncode == 0, result.stderr
    assert config(tmp_path / "env")["version"] == VERSION


def test_settings(run: Run, spied: Callable[[str], Path], base_python: str, tmp_path: Path) -> None:
    """Isolated mode stays isolated."""
    package = spied("import sys; print(sys.flags.isolated)")
    words = ["-p", base_python, "--without-pip", tmp_path / "env"]
    result = run(sys.executable, "-I", "-c", PROGRAM, package, *words)

    assert (result.stdout, result.stderr) == ("1\n", "")


@pytest.mark.parametrize("args", [["--nonsense"], ["--help"], ["-V"], []], ids=str)
def test_other_output(run: Run, package_path: str, base_python: str, args: list[str]) -> None:
    """Usage errors, help and version are those of newvenv there."""
    variables = {**os.environ, "PYTHONPATH": package_path}
    ours = run(sys.executable, "-m", "newvenv", "-p", base_python, *args, env=variables)
    there = run(base_python, "-m", "newvenv", *args, env=variables)

    assert (ours.returncode, ours.stdout, ours.stderr) == (
        there.returncode,
        there.stdout,
        there.stderr,
    )


def test_in_a_host(base_python: str, tmp_path: Path) -> None:
    """Called by another program, the interpreter is run as a process of its own."""
    newvenv.main(["-p", base_python, "--without-pip", str(tmp_path / "env")])

    assert config(tmp_path / "env")["version"] == VERSION


@pytest.mark.usefixtures("capfd")
def test_failure_in_a_host(base_python: str, tmp_path: Path) -> None:
    """Its status is passed on."""
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit) as ended:
        newvenv.main(["-p", base_python, "--without-pip", str(tmp_path / "file")])

    assert ended.value.code == 1


@posix
def test_signal_in_a_host(base_python: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that a signal has ended has the status that shells give it."""
    monkeypatch.setattr(_python, "_BOOTSTRAP", "import os; os.kill(os.getpid(), 9)")
    with pytest.raises(SystemExit) as ended:
        newvenv.main(["-p", base_python, "env"])

    assert ended.value.code == 137


#: Runs the program in a thread, as a host may.
IN_A_THREAD = """
import sys, threading
sys.path.insert(0, sys.argv.pop(1))
from newvenv.__main__ import main
ended = []
thread = threading.Thread(target=lambda: ended.append(main()))
thread.start()
thread.join()
print("still here", ended)
"""


def test_in_a_thread(run: Run, package_path: str, base_python: str, tmp_path: Path) -> None:
    """A program that runs the command line in a thread does not become the interpreter."""
    words = ["-p", base_python, "--without-pip", tmp_path / "env"]
    result = run(sys.executable, "-c", IN_A_THREAD, package_path, *words)

    assert (result.stdout, result.stderr) == ("still here [0]\n", "")
    assert config(tmp_path / "env")["version"] == VERSION


# Which interpreter is meant


@pytest.mark.parametrize("form", ["{}", "{}/", "./{}"])
def test_environment(start: Start, tmp_path: Path, form: str) -> None:
    """An environment's directory stands for its interpreter."""
    start("--without-pip", "old", cwd=tmp_path)
    result = start("-p", form.format("old"), "--without-pip", "env", cwd=tmp_path)

    assert (result.returncode, result.stderr) == (0, "")
    assert config(tmp_path / "env")["command"].startswith(str(tmp_path / "old" / BIN))


@posix
def test_home(start: Start, base_python: str, tmp_path: Path) -> None:
    """A path may begin in the home directory, which shells leave to us after ``=``."""
    (tmp_path / "python3").symlink_to(base_python)
    words = ["--python=~/python3", "--without-pip", tmp_path / "env"]
    result = start(*words, env={"HOME": str(tmp_path)})

    assert (result.returncode, result.stderr) == (0, "")


@posix
def test_installation(start: Start, base_python: str, tmp_path: Path) -> None:
    """An installation's directory does, too."""
    (tmp_path / "there" / "bin").mkdir(parents=True)
    (tmp_path / "there" / "bin" / "python3").symlink_to(base_python)
    result = start("-p", tmp_path / "there", "--without-pip", tmp_path / "env")

    assert (result.returncode, result.stderr) == (0, "")


@posix
def test_command(start: Start, base_python: str, tmp_path: Path) -> None:
    """A command is looked for on PATH; what can't be used there is passed over."""
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    script(tmp_path / "first" / "python-x", "#!/bin/sh\necho not here >&2; exit 127\n")
    (tmp_path / "second" / "python-x").symlink_to(base_python)
    path = os.pathsep.join([str(tmp_path / "first"), str(tmp_path / "second"), os.environ["PATH"]])
    result = start("-p", "python-x", "--without-pip", tmp_path / "env", env={"PATH": path})

    assert (result.returncode, result.stderr) == (0, "")
    assert (tmp_path / "env" / "pyvenv.cfg").exists()


@posix
@pytest.mark.parametrize("path", ["", ":/nowhere"], ids=["empty", "empty-element"])
def test_no_command_in_the_current_directory(start: Start, tmp_path: Path, path: str) -> None:
    """A command is never one that merely lies in the current directory."""
    script(tmp_path / "python-x", "#!/bin/sh\ntouch was-run\n")
    start("-p", "python-x", "env", cwd=tmp_path, env={"PATH": path})

    assert os.listdir(tmp_path) == ["python-x"]


@posix
def test_wrapper(start: Start, base_python: str, tmp_path: Path) -> None:
    """A script that stands for an interpreter, as pyenv's do, is used as it is."""
    wrapper = script(tmp_path / "python3", f"#!/bin/sh\nA=b exec '{base_python}' \"$@\"\n")
    result = start("-p", wrapper, "--without-pip", tmp_path / "env")

    assert (result.returncode, result.stderr) == (0, "")


def test_path_is_not_started_twice(monkeypatch: pytest.MonkeyPatch, base_python: str) -> None:
    """What is an interpreter by its looks is not started to find out."""
    monkeypatch.setattr(_python, "_asked", None)
    real = os.path.realpath(base_python)

    assert _python.find(real) == real


@pytest.mark.parametrize("form", ["{}.{}", "=={}.{}.*", ">={}.{},<{}.99"])
def test_version(start: Start, base_python: str, tmp_path: Path, form: str) -> None:
    """A version is found by python-discovery."""
    pytest.importorskip("python_discovery")
    major, minor = sys.version_info[:2]
    path = os.pathsep.join([os.path.dirname(base_python), os.environ["PATH"]])
    python = form.format(major, minor, major)
    result = start("-p", python, "--without-pip", tmp_path / "env", env={"PATH": path})

    assert (result.returncode, result.stderr) == (0, "")
    assert config(tmp_path / "env")["version"].split(".") >= [str(major), str(minor)]


# Errors


def check(result: Any, directory: Path, *words: object) -> None:
    """Check that the result is one line with *words*, and that nothing was made."""
    assert [word for word in words if str(word) not in result.stderr] == []
    assert result.stderr.startswith("Error: ")
    assert (result.returncode, result.stdout, result.stderr.count("\n")) == (1, "", 1)
    assert not (directory / "env").exists()


@posix
@pytest.mark.parametrize(
    ("python", "words"),
    [
        pytest.param("", ["is empty"], id="empty"),
        pytest.param(" ", ["is empty"], id="blank"),
        pytest.param("python3 -I", ["'python3 -I'", "several words"], id="words"),
        pytest.param("./nothing", ["./nothing", "{directory}/nothing", "no file"], id="missing"),
        pytest.param("/bin/true", ["/bin/true", "no Python"], id="program"),
        pytest.param("true", ["--python true", "no Python"], id="command"),
        pytest.param("nonsense-x", ["nonsense-x", "on PATH"], id="no-command"),
        pytest.param("./directory", ["{directory}/directory", "no Python in"], id="directory"),
        pytest.param("./plain", ["{directory}/plain", "can't be executed"], id="not-executable"),
        pytest.param("./tool", ["{directory}/tool", "no Python"], id="script"),
        pytest.param("./python-tool", ["no Python"], id="script-in-python"),
        pytest.param("./python-silent", ["no Python"], id="silent"),
        pytest.param("./python-failing", ["no Python", "the reason"], id="failing"),
        pytest.param("./python-broken", ["can't run", "No such file"], id="no-interpreter"),
    ],
)
def test_no_interpreter(start: Start, tmp_path: Path, python: str, words: list[str]) -> None:
    """What is no interpreter is named in one line; it is not run if it has no such name."""
    (tmp_path / "directory").mkdir()
    (tmp_path / "plain").touch()
    script(tmp_path / "tool", "#!/bin/sh\ntouch was-run\n")
    script(tmp_path / "python-tool", f"#!{sys.executable}\nopen('was-run', 'w')\n")
    script(tmp_path / "python-silent", "#!/bin/sh\nexit 0\n")
    script(tmp_path / "python-failing", "#!/bin/sh\necho the reason >&2; exit 3\n")
    script(tmp_path / "python-broken", "#!/nowhere/sh\n")
    result = start("-p", python, "env", cwd=tmp_path)

    check(result, tmp_path, *(word.format(directory=tmp_path) for word in words))
    assert not (tmp_path / "was-run").exists()


def test_error_for_programs(start: Start, tmp_path: Path) -> None:
    """With ``--json`` the error is an object, too."""
    result = start("--json", "-p", "./nothing", "env", cwd=tmp_path)
    found = json.loads(result.stdout)

    assert list(found) == ["env_dir", "error"]
    assert result.stderr == f"Error: {found['error']}\n"


def test_without_python_discovery(run: Run, tmp_path: Path) -> None:
    """Where python-discovery is missing, the error says what to install."""
    program = (
        "import sys; sys.modules['python_discovery'] = None; "
        "from newvenv.__main__ import main; sys.exit(main())"
    )
    result = run(sys.executable, "-c", program, "-p", "0.1", "env", cwd=tmp_path)

    check(result, tmp_path, "-m pip install python-discovery", sys.executable)


@pytest.mark.parametrize("python", ["0.1", "pypy0.1", "<>!"])
def test_version_that_is_not_there(start: Start, tmp_path: Path, python: str) -> None:
    """A version that is not found is named."""
    pytest.importorskip("python_discovery")
    result = start("-p", python, "env", cwd=tmp_path, env={"HOME": str(tmp_path)})

    check(result, tmp_path, python)


def test_old_version(run: Run, tmp_path: Path) -> None:
    """An interpreter that is too old says so itself."""
    bootstrap = _python._BOOTSTRAP.replace("(3, 9)", "(9, 9)")
    result = run(sys.executable, "-c", bootstrap, "place", "newvenv", "env", cwd=tmp_path)

    check(result, tmp_path, sys.executable, "needs 3.9 or newer", "--python")


@pytest.mark.parametrize("version", ["2.7", "3.6", "3.7", "3.8"])
def test_old_interpreter(start: Start, tmp_path: Path, version: str) -> None:
    """The beginning of the run is understood by any old interpreter that is there."""
    directorys = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin"))
    path = os.pathsep.join(map(str, [*directorys, os.environ["PATH"]]))
    python = shutil.which(f"python{version}", path=path)
    if not directorys or python is None:
        pytest.skip(f"pyenv has no Python {version} here")
    result = start("-p", python, "env", cwd=tmp_path)

    check(result, tmp_path, python, f"is Python {version}", "--python")
