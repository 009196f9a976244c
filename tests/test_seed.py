"""pip in an environment: the same as by the standard library, by the fast way or the slow one."""

from __future__ import annotations

import base64
import contextlib
import csv
import errno
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import newvenv
from builders import copies
from environments import BIN
from newvenv import _compat, _layout, _log, _seed
from newvenv._seed import scripts as _scripts
from newvenv._seed import sources
from newvenv._seed import wheel as _wheel
from trees import tree
from wheels import PIP, make_wheel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Run

POSIX = pytest.mark.skipif(os.name == "nt", reason="first lines and modes")
ENSUREPIP = pytest.mark.skipif(
    importlib.util.find_spec("ensurepip") is None, reason="no ensurepip to compare with"
)
TAG = sys.implementation.cache_tag

#: Not the usual umask: the laxest that is, or the strictest; each other version of Python.
UMASK = [0o002, 0o077][sys.version_info[1] % 2]


class Calls:
    """Stands for the slow way and notes how it is asked for."""

    def __init__(self) -> None:
        self.calls: list[tuple[object, ...]] = []

    def __call__(self, _: object, *args: str, **kwargs: object) -> None:
        """Note the arguments."""
        self.calls.append((*args, kwargs))


def context_of(path: Path) -> types.SimpleNamespace:
    """Return the context of a new environment without pip, or of the one there is."""
    builder = newvenv.EnvBuilder(symlinks=os.name != "nt")
    context = builder.ensure_directories(path)
    builder.create_configuration(context)
    builder.setup_python(context)
    return context


def seeded(path: Path) -> types.SimpleNamespace:
    """Make an environment with pip, by the fast way."""
    context, calls = context_of(path), Calls()
    _seed.install(context, calls)
    assert calls.calls == []
    return context


def site(path: Path) -> Path:
    """Return the site-packages of an environment, which need not be there any more."""
    return Path(newvenv.EnvBuilder()._venv_path(str(path), "purelib"))


def entries(path: Path) -> list[str]:
    """Return what is in an environment's site-packages and among its scripts."""
    scripts = [one.name for one in (path / BIN).glob("*") if "ctivate" not in one.name]
    packages = [one.name for one in site(path).glob("*")]
    return sorted(packages + scripts)


def contents(path: Path) -> dict[str, bytes]:
    """Return what each file of an environment's packages and scripts holds, bytecode aside."""
    files = [*site(path).rglob("*"), *path.glob(f"{BIN}/pip*")]
    return {
        file.relative_to(path).as_posix(): _timeless(file)
        for file in files
        if file.is_file() and file.suffix != ".pyc"
    }


def _timeless(path: Path) -> bytes:
    """Return what is in *path* without the time that pip puts into Windows' scripts.

    They end in a ZIP file. Nor is their hash, which depends on it, in a RECORD.
    """
    data = path.read_bytes()
    if path.parent.name == "Scripts":
        data = re.sub(rb"(?s)(PK\x03\x04.{6}|PK\x01\x02.{8}).{4}", rb"\1", data)
    return re.sub(rb"(?m)^(\.\./\.\./Scripts/\S+\.exe),.*\r\n", rb"\1", data)


def without_interpreter(path: Path) -> list[str]:
    """Return :func:`entries` but for the names of the interpreter."""
    return [name for name in entries(path) if not name.startswith(("pypy", "pyth", "\U0001d70bth"))]


#: The status of ``pip check`` and what it says: a PyPy brings a package without what that needs.
_CHECKED = {
    "cpython": r"0 No broken requirements found\.\n",
    "pypy": r"(0 No broken requirements found|1 cffi \S* requires pycparser, which is not .*)\.\n",
}[sys.implementation.name]


def assert_checked(pip: Path, run: Run) -> None:
    """Let *pip* check what is installed."""
    done = run(pip, "check")
    assert re.fullmatch(_CHECKED, f"{done.returncode} {done.stdout}")


@contextlib.contextmanager
def umask(mask: int) -> Iterator[None]:
    """Set the umask for a time."""
    old = os.umask(mask)
    try:
        yield
    finally:
        os.umask(old)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder for environments, with the bound on paths that pip knows in mind."""
    return tmp_path_factory.mktemp("e")


@pytest.fixture(scope="module")
def standard(place: Path, run: Run) -> dict[str, Any]:
    """Return what the standard library's venv makes of an environment called ``same``.

    Modes are as pip makes them.
    """
    path = place / "same"
    with umask(UMASK):
        done = run(_layout.base_executable(), "-m", "venv", path)
    assert done.returncode == 0, done.stdout + done.stderr
    found = {"contents": contents(path), "tree": tree(path), "entries": entries(path)}
    shutil.rmtree(path)
    return found


@pytest.fixture(scope="module")
def ours(place: Path, standard: dict[str, Any]) -> Path:  # noqa: ARG001  # its place is free now
    """Return an environment of ours, of the same name, from an image that another umask had."""
    seeded(place / "other")
    with umask(UMASK):
        seeded(place / "same")
    return place / "same"


@pytest.fixture
def copy_of_ours(place: Path) -> Iterator[Path]:
    """Return an environment to change."""
    path = place / "changed"
    with umask(UMASK):
        seeded(path)
    yield path
    shutil.rmtree(path)


# The same as the standard library's.


@ENSUREPIP
def test_same_contents(standard: dict[str, Any], ours: Path) -> None:
    """Every file is there, byte for byte: sources, RECORD, INSTALLER, scripts."""
    found = contents(ours)
    assert found.keys() == standard["contents"].keys()
    assert [name for name in found if found[name] != standard["contents"][name]] == []


@ENSUREPIP
def test_same_tree(standard: dict[str, Any], ours: Path) -> None:
    """Every folder and every mode is the same, bytecode included."""
    expected = {
        name: entry
        for name, entry in standard["tree"].items()
        if "ctivate" not in name and name not in (".gitignore", "pyvenv.cfg")
    }
    found = tree(ours)
    if os.name == "nt":  # where scripts have a time in them: see test_same_contents
        expected.update({name: found[name] for name in expected if name.startswith(f"{BIN}/pip")})
    assert {name: found.get(name) for name in expected} == expected
    assert found.keys() - standard["tree"].keys() == set()


def test_record_is_true(ours: Path) -> None:
    """Each line of RECORD names a file with that hash and size, and no file is missing."""
    listed = set()
    for record in site(ours).glob("*.dist-info/RECORD"):
        with record.open(newline="", encoding="utf-8") as file:
            for name, digest, size in csv.reader(file):
                path = Path(os.path.normpath(site(ours) / name))
                listed.add(path)
                assert digest in ("", _sha256(path))
                assert size in ("", str(path.stat().st_size))
    files = {path for path in site(ours).rglob("*") if path.is_file()}
    assert files | {*ours.glob(f"{BIN}/pip*")} == listed


def _sha256(path: Path) -> str:
    digest = hashlib.sha256(path.read_bytes()).digest()
    return "sha256=" + base64.urlsafe_b64encode(digest).decode().rstrip("=")


def test_bytecode_is_used(ours: Path, run: Run) -> None:
    """Python takes all bytecode for valid: it compiles nothing, and writes nothing."""
    before = {path: path.stat().st_ino for path in site(ours).rglob("*.pyc")}
    python = ours / BIN / "python"
    code = "import compileall, sys; sys.exit(not compileall.compile_dir(sys.argv[1], quiet=2))"
    run(python, "-c", code, site(ours))
    assert {path: path.stat().st_ino for path in site(ours).rglob("*.pyc")} == before
    traced = run(python, "-v", "-c", "import pip._internal.cli.main").stderr
    assert os.path.join("pip", "_internal") in traced
    assert "could not create" not in traced
    assert "bytecode is stale" not in traced


def test_pip_check(ours: Path, run: Run) -> None:
    """Pip finds nothing wrong with what is installed, and says where it is."""
    assert_checked(ours / BIN / "pip", run)
    assert str(site(ours)) in run(ours / BIN / "pip3", "--version").stdout


def test_pip_uninstalls_itself(copy_of_ours: Path, run: Run) -> None:
    """Uninstalling pip leaves nothing of it behind."""
    python = copy_of_ours / BIN / "python"
    done = run(python, "-m", "pip", "uninstall", "-y", *_compat.CORE_VENV_DEPS)
    assert done.returncode == 0, done.stdout + done.stderr
    assert without_interpreter(copy_of_ours) == []


@ENSUREPIP
def test_ensurepip_uninstalls(copy_of_ours: Path, run: Run) -> None:
    """``python -m ensurepip._uninstall`` knows the pip that we installed as its own."""
    done = run(copy_of_ours / BIN / "python", "-m", "ensurepip._uninstall")
    assert done.returncode == 0, done.stdout + done.stderr
    assert [name for name in entries(copy_of_ours) if name.startswith("pip")] == []


@ENSUREPIP
def test_pip_upgrades_itself(ours: Path, copy_of_ours: Path, run: Run) -> None:
    """Pip replaces itself, and no other environment notices."""
    other = contents(ours)
    [wheel] = [seed for seed in sources.find() if Path(seed).name.startswith("pip-")]
    command = ["install", "--no-index", "--upgrade", "--force-reinstall", wheel]
    done = run(copy_of_ours / BIN / "python", "-m", "pip", *command)
    assert done.returncode == 0, done.stdout + done.stderr
    assert_checked(copy_of_ours / BIN / "pip", run)
    assert contents(ours) == other


def test_nothing_dear_is_loaded(place: Path, ours: Path, run: Run, package_path: str) -> None:
    """With an image at hand no process is started and no dear module loaded."""
    code = """if True:
        import subprocess, sys, types
        import newvenv
        from newvenv import _layout, _seed
        sys.modules.pop("subprocess")
        before = set(sys.modules)
        context = types.SimpleNamespace(**eval(sys.argv[1]))
        context.executable = _layout.base_executable()
        _seed.check(context.executable)
        _seed.install(context, None)
        print(*sorted(set(sys.modules) - before))
    """
    values = vars(context_of(place / "warm"))
    done = run(sys.executable, "-c", code, repr(values), env=_environment(package_path))
    assert done.returncode == 0, done.stderr
    cheap = {"binascii", "fcntl", "_sha2", "_sha256", "sysconfig"}
    unimportant = ("_sysconfigdata", "importlib")  # the latter is there in any case, and frozen
    loaded = {name for name in done.stdout.split() if not name.startswith(unimportant)}
    assert {name for name in loaded - cheap if not name.startswith("newvenv.")} == set()
    assert contents(place / "warm").keys() == contents(ours).keys()


def _environment(package_path: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": package_path}


# Scripts.


#: Folder names that mean something to a kernel, a shell or Python.
NAMES = {
    "plain": "plain",
    "blank": "two words",
    "long": "x" * 120,
    "long and blank": "x y" * 40,
    "umlaut": "größe",
    "quotes": 'it\'s "so"',
    "shell": "$HOME `x` $(touch evil) & ; | < > * ? [a] {b} ! ~ #",
    "short shell": "$(touch evil)",
    "backslash": "a\\nb \\x \\N \\",
    "triple quotes": "a ''' b",
    "line break": "a\nb",
    "carriage return": "a\rb",
    "tab": "a\tb",
    "encoding": "coding=utf-42",
    "encoding and blank": "# coding: utf-42",
    "not UTF-8": b"\xff\xfe".decode("utf-8", "surrogateescape"),
}


def _run_script(folder: Path, run: Run) -> str:
    """Make *folder* a place of scripts, run one of them there, and return what it prints."""
    folder.mkdir(exist_ok=True)
    python, script = folder / "python3", folder / "script"
    if not python.is_symlink():
        python.symlink_to(_layout.base_executable())
    body = b"import sys\nprint(sys.argv[1:])\n"
    script.write_bytes(_scripts.first_line(str(python)) + body)
    script.chmod(0o755)
    return run(script, "a b", "$c", cwd=folder.parent).stdout


@POSIX
@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_first_line_works(name: str, tmp_path: Path, run: Run) -> None:
    """A script runs under the interpreter of its environment, whatever that is called."""
    assert _run_script(tmp_path / name, run) == "['a b', '$c']\n"
    assert not [path for path in tmp_path.rglob("evil") if path.name == "evil"]


@POSIX
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    name=st.text(
        st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1
    ).filter(lambda name: len(name.encode()) < 200 and name not in (".", ".."))
)
def test_first_line_works_everywhere(name: str, tmp_path: Path, run: Run) -> None:
    """A script runs in a folder of any name."""
    assert _run_script(tmp_path / name, run) == "['a b', '$c']\n"


@POSIX
def test_first_line_is_pips(ours: Path, run: Run) -> None:
    """Where pip's own first line works, ours is the same."""
    paths = [
        "/e/bin/python",
        "/two words/bin/python",
        "/größe/bin/python",
        "/it's/bin/python",
        '/"so"/bin/python',
        "/$HOME/bin/python",
        *(f"/{'x' * length}/bin/python" for length in range(100, 130)),
        *(f"/{'x' * length} y/bin/python" for length in range(100, 130)),
    ]
    code = """if True:
        import sys
        from pip._vendor.distlib.scripts import ScriptMaker
        from pip._vendor.distlib.util import get_executable
        for sys.executable in eval(sys.argv[1]):
            print(ScriptMaker(None, "/")._get_shebang("utf-8").hex())
    """
    done = run(ours / BIN / "python", "-c", code, repr(paths))
    assert [bytes.fromhex(line).rstrip(b"\n") for line in done.stdout.splitlines()] == [
        _scripts.first_line(path).rstrip(b"\n") for path in paths
    ]


@pytest.mark.parametrize(
    ("python", "expected"),
    [
        (r"C:\env\Scripts\python.exe", b"#!C:\\env\\Scripts\\python.exe\n\r\n"),
        (r"C:\two words\python.exe", b'#!"C:\\two words\\python.exe"\n\r\n'),
    ],
)
def test_first_line_on_windows(python: str, expected: bytes) -> None:
    """On Windows the launcher reads the interpreter's name, in quotes if need be."""
    assert _scripts.first_line(python, "nt") == expected


# The slow way.

SLOW = (
    *(() if _compat.SAFE_PATH else ("-I",)),
    *("-m", "ensurepip", "--upgrade", "--default-pip"),
    {"stderr": subprocess.STDOUT},
)


def _other_base(context: types.SimpleNamespace, _: pytest.MonkeyPatch) -> None:
    context.executable = "/usr/bin/other-python"


def _other_python(context: types.SimpleNamespace, _: pytest.MonkeyPatch) -> None:
    os.unlink(context.env_exec_cmd)
    os.symlink("/bin/sh", context.env_exec_cmd)


def _other_command(context: types.SimpleNamespace, _: pytest.MonkeyPatch) -> None:
    context.env_exec_cmd = sys.executable


def _other_library(context: types.SimpleNamespace, _: pytest.MonkeyPatch) -> None:
    context.lib_path = str(Path(context.env_dir).parent)


def _no_tag(_: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.implementation, "cache_tag", None)


def _other_implementation(_: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.implementation, "name", "graalpy")


def _bytecode_elsewhere(_: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPYCACHEPREFIX", "/tmp")


def _optimized(_: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONOPTIMIZE", "1")


def _no_library(context: types.SimpleNamespace, _: pytest.MonkeyPatch) -> None:
    del context.lib_path


def _embedded(context: types.SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Python run in a program that is no Python: what ``sys`` says is a guess."""
    real = os.stat
    monkeypatch.setattr(
        os, "stat", lambda path, **how: real("/bin/sh" if path == "/proc/self/exe" else path, **how)
    )
    monkeypatch.setitem(_seed._compared, context.executable, False)


def _reproducible(_: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1600000000")


def _without_ranges(_: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONNODEBUGRANGES", "1")


def _other_wheels(_: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "_newest", lambda *_, **__: ())


@ENSUREPIP
@POSIX
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_other_base, "'/usr/bin/other-python'"),
        (_other_python, "neither a link to"),
        (_other_command, "is not in the environment"),
        (_other_library, "is not in the environment"),
        (_no_library, "the context has no lib_path"),
        (_no_tag, "keeps its bytecode elsewhere"),
        (_other_implementation, "images are not made for graalpy"),
        (_bytecode_elsewhere, "PYTHONPYCACHEPREFIX is set"),
        (_optimized, "PYTHONOPTIMIZE is set"),
        (_reproducible, "SOURCE_DATE_EPOCH is set"),
        (_without_ranges, "PYTHONNODEBUGRANGES is set"),
        (_embedded, "may be another Python than the running one"),
        (_other_wheels, "no wheel of pip was found"),
    ],
)
@pytest.mark.parametrize("cache", ["cold", "warm"])
def test_slow_way_is_taken(
    change: Any,
    reason: str,
    cache: str,
    tmp_path: Path,
    place: Path,
    ours: Path,  # noqa: ARG001 - the cache is warm
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Whatever is unusual is left to ensurepip, be the cache cold or warm, and users are told."""
    context, calls = context_of(place / f"{change.__name__}-{cache}"), Calls()
    directory = {"cold": str(tmp_path / "empty"), "warm": os.environ["NEWVENV_CACHE_DIR"]}[cache]
    monkeypatch.setenv("NEWVENV_CACHE_DIR", directory)
    caplog.set_level("INFO", "newvenv")
    change(context, monkeypatch)
    _seed.install(context, calls)
    assert calls.calls == [SLOW]
    assert reason in caplog.text


@ENSUREPIP
def test_slow_way_is_known_once(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What could not be cloned is not tried again when the interpreter is in its place."""
    context, calls = context_of(place / "once"), Calls()
    tries: list[int] = []
    monkeypatch.setattr(sources, "find", lambda: tries.append(1))
    refusal = _seed.clone(context)
    _seed.install(context, calls, refusal)
    assert (calls.calls, tries) == ([SLOW], [1])


def test_clone_needs_no_interpreter(place: Path, ours: Path) -> None:
    """Pip can be put in before the interpreter."""
    builder = newvenv.EnvBuilder(symlinks=True)
    context = builder.ensure_directories(place / "bare")
    assert _seed.clone(context) is None
    assert entries(place / "bare") == without_interpreter(ours)


@POSIX
@copies
def test_copied_interpreter_is_the_running_one(tmp_path: Path, run: Run, package_path: str) -> None:
    """A copy of the base's interpreter, which runs newvenv, is known for what it is."""
    newvenv.create(tmp_path / "copy", symlinks=False)
    code = "from newvenv import _layout, _seed; print(_seed._is_running(_layout.base_executable()))"
    # Beside the base, python3 may be another version.
    python = tmp_path / "copy" / BIN / "python{}.{}".format(*sys.version_info[:2])
    done = run(python, "-c", code, env=_environment(package_path))
    assert (done.stdout, python.is_symlink()) == ("True\n", False)


@POSIX
def test_other_program_is_not_the_running_one() -> None:
    """A program with other contents, or one that is missing, is not the running interpreter."""
    assert not _seed._is_running("/bin/sh")
    assert not _seed._is_running("/bin/missing")


def test_without_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system does not tell which program runs, its place must be Python's."""
    real = os.path.exists
    monkeypatch.setattr(os.path, "exists", lambda path: path != "/proc/self/exe" and real(path))
    assert _seed._is_running(_layout.base_executable())
    assert not _seed._is_running("/bin/sh") or sys.base_prefix in ("/", "/usr")


def test_steps_are_told(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Making an image, and ensurepip, are steps that a terminal can show; cloning is none."""
    steps: list[str] = []
    monkeypatch.setattr(_log, "show_step", steps.append)
    monkeypatch.setenv("NEWVENV_CACHE_DIR", str(tmp_path))
    seeded(place / "steps1")
    seeded(place / "steps2")
    assert steps == ["Preparing pip for this Python"]
    monkeypatch.setenv("PYTHONOPTIMIZE", "1")
    _seed.install(context_of(place / "steps3"), Calls())
    assert steps[1:] == ["Installing pip"]


@ENSUREPIP
def test_slow_way_fails(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the slow way raises reaches the caller as it is."""
    error = subprocess.CalledProcessError(1, ["python"], output=b"no room")

    def fail(*_: object, **__: object) -> None:
        raise error

    context = context_of(place / "failing")
    monkeypatch.setattr(sys.implementation, "name", "other")
    with pytest.raises(subprocess.CalledProcessError) as caught:
        _seed.install(context, fail)
    assert caught.value is error


@ENSUREPIP
def test_slow_way_fails_too(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When ensurepip fails after the fast way, the error names the first cause and a remedy."""
    for seed in sources.find():
        (tmp_path / Path(seed).name).write_bytes(b"no archive")
    monkeypatch.setattr(sources, "find", lambda: sorted(map(str, tmp_path.glob("*.whl"))))
    monkeypatch.setenv("NEWVENV_CACHE_DIR", str(tmp_path / "cache"))

    def fail(*_: object, **__: object) -> None:
        raise subprocess.CalledProcessError(1, ["python"], output=b"Traceback ...")

    with pytest.raises(subprocess.CalledProcessError, match=r"whl' is damaged") as caught:
        _seed.install(context_of(place / "damaged"), fail)
    assert caught.value.output == b"Traceback ..."
    assert str(caught.value).endswith("or make the environment --without-pip")


@POSIX
def test_file_size_limit(place: Path, tmp_path: Path, run: Run, package_path: str) -> None:
    """A limit of file sizes is an error at once, about the environment."""
    code = """if True:
        import resource, sys, types
        from newvenv import _layout, _seed
        resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))
        context = types.SimpleNamespace(**eval(sys.argv[1]))
        context.executable = _layout.base_executable()
        _seed.install(context, None)
    """
    context = context_of(place / "limited")
    variables = {**_environment(package_path), "NEWVENV_CACHE_DIR": str(tmp_path)}
    done = run(sys.executable, "-c", code, repr(vars(context)), env=variables)
    last = done.stderr.splitlines()[-1]
    assert last.startswith("OSError: [Errno 27] File too large: ")
    assert context.lib_path in last
    assert os.listdir(context.lib_path) == []


@pytest.mark.usefixtures("ours")
def test_full_target(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk is an error at once, about a file: no other way helps against that."""
    context, calls = context_of(place / "full"), Calls()
    real, left = os.write, 100

    def write(descriptor: int, data: bytes) -> int:
        nonlocal left
        left -= 1
        if left < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(descriptor, data)

    monkeypatch.setattr(os, "write", write)
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)) as caught:
        _seed.install(context, calls)
    assert Path(caught.value.filename).parent.is_relative_to(Path(context.lib_path, "pip"))
    assert calls.calls == []
    assert os.listdir(context.lib_path) == []


# Where pip comes from.


@pytest.fixture
def nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Take away all places that a pip can come from."""
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    monkeypatch.setattr(sources, "_distribution_wheels", lambda: None)
    monkeypatch.delenv("NEWVENV_WHEEL_DIR", raising=False)
    monkeypatch.setenv("NEWVENV_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(
        sys, "path", [path for path in sys.path if not [*Path(path).glob("pip-*.dist-info")]]
    )


@pytest.mark.usefixtures("nothing")
def test_check_without_any(place: Path) -> None:
    """Without a pip anywhere the error names what to install, and where else to put it."""
    with pytest.raises(ValueError, match=r"--without-pip, or .* in NEWVENV_WHEEL_DIR, or install"):
        _seed.check(_layout.base_executable())
    _seed.check("/usr/bin/other-python")
    with pytest.raises(ValueError, match="no ensurepip to install pip: no wheel of pip"):
        _seed.install(context_of(place / "none"), Calls())


@pytest.mark.usefixtures("nothing")
@pytest.mark.parametrize(
    ("is_debian", "end"),
    [(True, "sudo apt install python{}.{}-venv"), (False, "of your distribution that has it")],
)
def test_check_names_the_remedy(is_debian: bool, end: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """On Debian and its kin the error ends in a line to paste."""
    real = os.path.exists
    monkeypatch.setattr(
        os.path, "exists", lambda path: is_debian if path == "/etc/debian_version" else real(path)
    )
    with pytest.raises(ValueError, match="comes without ensurepip") as caught:
        _seed.check(_layout.base_executable())
    assert str(caught.value).endswith(end.format(*sys.version_info))


@pytest.mark.usefixtures("nothing")
def test_check_looks_in_the_library_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is called ensurepip in the current folder is not taken for the real one."""
    (tmp_path / "ensurepip" / "_bundled").mkdir(parents=True)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.delitem(sys.modules, "ensurepip")
    assert sources.ensurepip() in (None, str(Path(os.__file__).parent / "ensurepip"))


@pytest.mark.usefixtures("nothing")
def test_check_when_ensurepip_is_blocked(monkeypatch: pytest.MonkeyPatch) -> None:
    """An ensurepip that a finder refuses to import is none."""

    class Blocker:
        @staticmethod
        def find_spec(name: str, *_: object) -> None:
            if name == "ensurepip":
                raise ImportError(name)

    monkeypatch.delitem(sys.modules, "ensurepip")
    monkeypatch.setattr(sys, "meta_path", [Blocker, *sys.meta_path])
    with pytest.raises(ValueError, match="comes without ensurepip"):
        _seed.check(_layout.base_executable())


@ENSUREPIP
def test_wheels_of_the_distribution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a Linux distribution keeps the bundle elsewhere, that is what is installed."""
    for seed in sources.find():
        shutil.copy(seed, tmp_path)
    real = sources._newest
    monkeypatch.setattr(
        sources, "_newest", lambda path, **how: () if "_bundled" in str(path) else real(path, **how)
    )
    monkeypatch.setattr(sources, "_distribution_wheels", lambda: str(tmp_path))
    assert {os.path.dirname(seed) for seed in sources.find()} == {str(tmp_path)}
    (tmp_path / "pip-0.1-py3-none-any.whl").write_bytes(b"")
    assert sources.find() == ()


@pytest.mark.usefixtures("nothing")
def test_wheels_of_the_user(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without ensurepip the newest wheel in NEWVENV_WHEEL_DIR is installed."""
    Path(make_wheel(tmp_path, PIP)).rename(tmp_path / "pip-10.0-py3-none-any.whl")
    (tmp_path / "pip-9.0.1-py3-none-any.whl").write_bytes(b"not this one")
    monkeypatch.setenv("NEWVENV_WHEEL_DIR", str(tmp_path))
    monkeypatch.setattr(_wheel, "read", _renamed(_wheel.read, tmp_path))
    _seed.check(_layout.base_executable())
    seeded(place / "wheels")
    assert "pip-1.0.dist-info" in entries(place / "wheels")


@ENSUREPIP
def test_pip_installs_itself(
    place: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without ensurepip, and where an image is not right, pip installs itself from its wheel."""
    for seed in sources.find():
        shutil.copy(seed, tmp_path)
    monkeypatch.setattr(sources, "_distribution_wheels", lambda: None)
    monkeypatch.setenv("NEWVENV_WHEEL_DIR", str(tmp_path))
    monkeypatch.setenv("PYTHONOPTIMIZE", "1")
    monkeypatch.setenv("PIP_PREFIX", "/nowhere")
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    context = context_of(place / "wheel")
    _seed.install(context, newvenv.EnvBuilder()._call_new_python)
    assert_checked(place / "wheel" / BIN / "pip3", run)


@ENSUREPIP
@pytest.mark.parametrize("value", [None, ...], ids=["None", "missing"])
def test_frozen_modules(value: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where modules have no file, as in frozen programs, ensurepip is found all the same."""
    expected = sources.ensurepip()
    monkeypatch.delattr(os, "__file__")
    if value is None:
        monkeypatch.setattr(os, "__file__", None, raising=False)
    assert os.path.samefile(str(sources.ensurepip()), str(expected))


def _renamed(real: Any, folder: Path) -> Any:
    """Read a wheel under the name that its metadata has."""

    def wheel(path: str) -> Any:
        other = folder / "pip-1.0-py3-none-any.whl"
        shutil.copy(path, other)
        return real(str(other))

    return wheel


@ENSUREPIP
def test_pip_beside_us(
    place: Path, ours: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without ensurepip a pip that the running Python can import is installed."""
    expected = tree(ours)
    request = tmp_path / "cache"
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    monkeypatch.setattr(sources, "_distribution_wheels", lambda: None)
    monkeypatch.setenv("NEWVENV_CACHE_DIR", str(request))
    monkeypatch.setattr(sys, "path", [str(site(ours)), *sys.path])
    with umask(UMASK):  # as there
        seeded(place / "beside")
    found = tree(place / "beside")
    assert {name: found.get(name) for name in expected} == expected


@pytest.mark.usefixtures("nothing")
def test_pip_without_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pip of which no RECORD says what belongs to it is none to make an image of."""
    (tmp_path / "pip-1.0.dist-info").mkdir()
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    assert sources.find() == ()
    (tmp_path / "pip-1.0.dist-info" / "RECORD").touch()
    assert sources.find() == [str(tmp_path / "pip-1.0.dist-info")]


# Environments that exist.


def test_same_version_is_kept(copy_of_ours: Path) -> None:
    """Installing pip where it is installed changes nothing."""
    (site(copy_of_ours) / "pip" / "__init__.py").write_text("mine = True\n")
    before = {path: _change(path) for path in copy_of_ours.rglob("*pip*")}
    seeded(copy_of_ours)
    assert {path: _change(path) for path in before} == before


def _change(path: Path) -> tuple[int, int]:
    """Return what tells whether *path* has been replaced or changed."""
    status = path.lstat()
    return status.st_ino, status.st_ctime_ns


@ENSUREPIP
@pytest.mark.parametrize(("version", "expected"), [("0.1", [SLOW]), ("9999.0", [])])
def test_other_version(copy_of_ours: Path, version: str, expected: list[object]) -> None:
    """Whether to replace an older pip is for ensurepip to say; a newer one stays."""
    [info] = site(copy_of_ours).glob("pip-*.dist-info")
    info.rename(info.with_name(f"pip-{version}.dist-info"))
    context, calls = context_of(copy_of_ours), Calls()
    _seed.install(context, calls)
    assert calls.calls == expected


@ENSUREPIP
def test_foreign_package_is_left_to_ensurepip(place: Path) -> None:
    """A package called pip that was not installed is not replaced by ours."""
    context, calls = context_of(place / "foreign"), Calls()
    mine = Path(context.lib_path, "pip", "mine.py")
    mine.parent.mkdir()
    mine.write_text("")
    _seed.install(context, calls)
    assert calls.calls == [SLOW]
    assert os.listdir(context.lib_path) == ["pip"]


def test_interrupted_installation(ours: Path, copy_of_ours: Path) -> None:
    """What a killed run has left unfinished is finished."""
    expected = tree(ours)
    for pattern in ("pip-*.dist-info", "setuptools-*.dist-info"):
        for info in site(copy_of_ours).glob(pattern):
            shutil.rmtree(info)
    for script in copy_of_ours.glob(f"{BIN}/pip*"):
        script.unlink()
    with umask(UMASK):  # as there
        seeded(copy_of_ours)
    found = tree(copy_of_ours)
    assert {name: entry[:2] for name, entry in found.items()} == {
        name: entry[:2] for name, entry in expected.items()
    }


def test_nothing_is_imported_from_here(
    tmp_path: Path, run: Run, base_python: str, package_path: str
) -> None:
    """The program imports nothing from the current directory, with a cold cache and a warm one."""
    names = "zipfile zlib csv hashlib marshal subprocess ast configparser textwrap installer fcntl"
    own = {"cpython": "", "pypy": "textwrap"}  # what ``-m`` itself imports from there
    for name in {*names.split()} - {own[sys.implementation.name]}:
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported from here')")
    variables = {**_environment(package_path), "NEWVENV_CACHE_DIR": str(tmp_path / "cache")}
    for env in ("cold", "warm"):
        done = run(base_python, "-m", "newvenv", env, cwd=tmp_path, env=variables)
        assert (done.returncode, done.stderr) == (0, "")
        assert [*tmp_path.glob(f"{env}/*/pip*")]
