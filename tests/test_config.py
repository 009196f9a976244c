"""The text of ``pyvenv.cfg``: its lines, its quoting, and reading one."""

from __future__ import annotations

import os
import sys
import types
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from newvenv import _compat, _config, _platform

FULL_VERSION = "{}.{}.{}".format(*sys.version_info[:3])

posix = pytest.mark.skipif(os.name == "nt", reason="these are quotes of POSIX")

#: A property that makes files may take its time.
NO_CLOCK = settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)

#: The attributes of a plain builder, as :func:`_config.options` takes them.
PLAIN: dict[str, Any] = {
    "symlinks": True,
    "with_pip": True,
    "system_site_packages": False,
    "clear": False,
    "upgrade": False,
    "upgrade_deps": False,
    "prompt": None,
    "scm_ignore_files": {"git"},
}


@pytest.fixture
def context(monkeypatch: pytest.MonkeyPatch) -> types.SimpleNamespace:
    """Return what the text needs of a context, for an interpreter ``/base/python3``."""
    monkeypatch.setattr(sys, "executable", "/base/python3")
    monkeypatch.setattr(os.path, "realpath", lambda path: f"{path}.real")
    return types.SimpleNamespace(
        env_dir="/some/env", python_dir="/base", executable="/base/python3"
    )


# The lines


def test_text(context: types.SimpleNamespace) -> None:
    """The lines are the standard library's, in its order."""
    assert _config.text(context, ["--one", "--two"], None, False) == (
        "home = /base\n"
        "include-system-site-packages = false\n"
        f"version = {FULL_VERSION}\n"
        "executable = /base/python3.real\n"
        "command = /base/python3 -m venv --one --two /some/env\n"
    )


def test_text_with_prompt(context: types.SimpleNamespace) -> None:
    """The prompt has a line after the version."""
    lines = _config.text(context, [], "p", True).splitlines()

    assert lines[1] == "include-system-site-packages = true"
    assert lines[3] == "prompt = 'p'"
    assert len(lines) == 6


@pytest.mark.parametrize(
    ("prompt", "value"),
    [
        pytest.param("", "''", id="empty"),
        pytest.param("it's", '"it\'s"', id="quote"),
        pytest.param("a\nb", r"'a\nb'", id="line-break"),
        pytest.param("\u2028", r"'\u2028'", id="line-separator"),
        pytest.param("\udcff", r"'\udcff'", id="undecodable"),
        pytest.param("é", "'é'", id="accent"),
        pytest.param(True, "True", id="no-string"),
    ],
)
def test_prompt(context: types.SimpleNamespace, prompt: Any, value: str) -> None:
    """The prompt is written as Python's literal."""
    assert f"\nprompt = {value}\n" in _config.text(context, [], prompt, False)


@pytest.mark.parametrize("executable", ["", None])
def test_unknown_executable(
    context: types.SimpleNamespace, monkeypatch: pytest.MonkeyPatch, executable: Any
) -> None:
    """Where Python does not know its executable, the base's is named."""
    monkeypatch.setattr(sys, "executable", executable)
    text = _config.text(context, [], None, False)

    assert "\nexecutable = /base/python3.real\ncommand = /base/python3 -m venv " in text


@pytest.mark.parametrize(
    "home",
    [
        pytest.param("/a\nhome = /b", id="newline"),
        pytest.param("/a\rb", id="return"),
        pytest.param("/a\n", id="at-the-end"),
        pytest.param("/a\x0b", id="vertical-tab"),
        pytest.param("/a\x85", id="next-line"),
        pytest.param("/a\u2028", id="line-separator"),
        pytest.param("/a\udcff", id="undecodable"),
    ],
)
def test_impossible_home(context: types.SimpleNamespace, home: str) -> None:
    """An interpreter's directory that no line of text can name is refused."""
    context.python_dir = home

    with pytest.raises(ValueError, match="can't write home"):
        _config.text(context, [], None, False)


@pytest.mark.parametrize(
    ("env_dir", "word"),
    [
        pytest.param("/a b", "/a b", id="blank"),
        pytest.param("/a `b`", "'/a `b`'", id="command", marks=posix),
        pytest.param("/a\nhome = /b", r"$'/a\012home = /b'", id="newline"),
        pytest.param("/\udcff", r"$'/\377'", id="undecodable"),
    ],
)
def test_hostile_directory(context: types.SimpleNamespace, env_dir: str, word: str) -> None:
    """The environment's directory is text on one line, whatever it is called."""
    context.env_dir = env_dir
    text = _config.text(context, [], None, False)

    assert text.endswith(f"\ncommand = /base/python3 -m venv {word}\n")
    assert len(text.splitlines()) == 5


# The options of the command


@pytest.fixture
def newest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the running version one that records each option, on POSIX."""
    monkeypatch.setattr(_compat, "SCM_OPTION", True)
    monkeypatch.setattr(_platform, "DEFAULT_SYMLINKS", True)


@pytest.mark.parametrize(
    ("attributes", "options"),
    [
        pytest.param({}, [], id="none"),
        pytest.param({"symlinks": False}, ["--copies"], id="copies"),
        pytest.param({"with_pip": False}, ["--without-pip"], id="without-pip"),
        pytest.param({"system_site_packages": True}, ["--system-site-packages"], id="system"),
        pytest.param({"clear": True}, ["--clear"], id="clear"),
        pytest.param({"upgrade": True}, ["--upgrade"], id="upgrade"),
        pytest.param({"upgrade_deps": True}, ["--upgrade-deps"], id="upgrade-deps"),
        pytest.param({"prompt": "p q"}, ['--prompt="p q"'], id="prompt"),
        pytest.param({"prompt": "."}, ['--prompt="."'], id="dot"),
        pytest.param({"prompt": ""}, ['--prompt=""'], id="empty-prompt"),
        pytest.param({"prompt": True}, ['--prompt="True"'], id="no-string"),
        pytest.param({"prompt": "$(x)"}, ["--prompt='$(x)'"], id="command", marks=posix),
        pytest.param({"prompt": "a\nb"}, [r"--prompt=$'a\012b'"], id="line-break"),
        pytest.param({"scm_ignore_files": set()}, ["--without-scm-ignore-files"], id="scm"),
        pytest.param(
            {
                "symlinks": False,
                "with_pip": False,
                "system_site_packages": True,
                "clear": True,
                "upgrade": True,
                "upgrade_deps": True,
                "prompt": "p",
                "scm_ignore_files": set(),
            },
            [
                "--copies",
                "--without-pip",
                "--system-site-packages",
                "--clear",
                "--upgrade",
                "--upgrade-deps",
                '--prompt="p"',
                "--without-scm-ignore-files",
            ],
            id="all",
        ),
    ],
)
@pytest.mark.usefixtures("newest")
def test_options(attributes: dict[str, Any], options: list[str]) -> None:
    """Each attribute that is not the command line's default has its option, in order."""
    assert _config.options(**{**PLAIN, **attributes}) == options


@pytest.mark.parametrize(("symlinks", "options"), [(True, ["--symlinks"]), (False, [])])
@pytest.mark.usefixtures("newest")
def test_options_where_copies_are_usual(
    monkeypatch: pytest.MonkeyPatch, symlinks: bool, options: list[str]
) -> None:
    """Where copies are the default, links are what is recorded."""
    monkeypatch.setattr(_platform, "DEFAULT_SYMLINKS", False)

    assert _config.options(**{**PLAIN, "symlinks": symlinks}) == options


def test_options_before_scm_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before 3.13 there is no option for ignore files to record."""
    monkeypatch.setattr(_compat, "SCM_OPTION", False)
    monkeypatch.setattr(_platform, "DEFAULT_SYMLINKS", True)

    assert _config.options(**{**PLAIN, "scm_ignore_files": set()}) == []


# Quoting

HARMLESS = ["a", "a b", "/usr/bin/python3", "a_b@c%d+e=f:g,h.i/j-k", "été", "日本"]


@pytest.mark.parametrize("word", HARMLESS)
@pytest.mark.parametrize("windows", [False, True], ids=["posix", "windows"])
def test_harmless_words(word: str, windows: bool) -> None:
    """What no shell could take for code is left as it is, as ``venv`` does, blanks included."""
    assert _config.quote(word, windows) == word


@pytest.mark.parametrize(
    ("word", "posix", "windows"),
    [
        pytest.param("", "''", '""', id="empty"),
        pytest.param("a (b)", "'a (b)'", '"a (b)"', id="parentheses"),
        pytest.param("a; b", "'a; b'", '"a; b"', id="semicolon"),
        pytest.param("C:\\a", "'C:\\a'", "C:\\a", id="backslash"),
        pytest.param("a~1", "'a~1'", "a~1", id="tilde"),
        pytest.param("it's", "'it'\"'\"'s'", '"it\'s"', id="quote"),
        pytest.param('a"b', "'a\"b'", "'a\"b'", id="double-quote"),
        pytest.param("$HOME", "'$HOME'", '"$HOME"', id="dollar"),
        pytest.param("a\tb", "$'a\\011b'", "$'a\\011b'", id="tab"),
        pytest.param("a\nb'c\\d", "$'a\\012b\\'c\\\\d'", "$'a\\012b\\'c\\\\d'", id="newline"),
        pytest.param("\u2028", "$'\\342\\200\\250'", "$'\\342\\200\\250'", id="separator"),
        pytest.param("\udcff", "$'\\377'", "$'\\377'", id="undecodable"),
    ],
)
def test_quote(word: str, posix: str, windows: str) -> None:
    """Other words are quoted, on one line."""
    assert (_config.quote(word, False), _config.quote(word, True)) == (posix, windows)


# Reading


@pytest.mark.parametrize(
    ("text", "values"),
    [
        pytest.param("", {}, id="empty"),
        pytest.param("home = /a\n", {"home": "/a"}, id="usual"),
        pytest.param("HOME=/a", {"home": "/a"}, id="case-and-blanks"),
        pytest.param("a = 1\na = 2\n", {"a": "2"}, id="last-wins"),
        pytest.param("a = b = c\n", {"a": "b = c"}, id="equals-in-value"),
        pytest.param("nonsense\na = 1\n", {"a": "1"}, id="no-equals"),
        pytest.param("a =\n", {"a": ""}, id="no-value"),
    ],
)
def test_read(tmp_path: Path, text: str, values: dict[str, str]) -> None:
    """A file is read as ``site`` reads it."""
    (tmp_path / "pyvenv.cfg").write_text(text)

    assert _config.read(str(tmp_path)) == values


def test_read_nothing(tmp_path: Path) -> None:
    """Without a file there is nothing to read."""
    with pytest.raises(FileNotFoundError):
        _config.read(str(tmp_path))


def test_read_no_text(tmp_path: Path) -> None:
    """Bytes that are no text are kept as paths have them."""
    (tmp_path / "pyvenv.cfg").write_bytes(b"home = \xff\n")

    assert _config.read(str(tmp_path)) == {"home": "\udcff"}


@given(data=st.binary())
@NO_CLOCK
def test_any_bytes(data: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whatever a file holds is read, and read as ``site`` does."""
    env_dir = tmp_path_factory.mktemp("env")
    (env_dir / "pyvenv.cfg").write_bytes(data)
    with open(env_dir / "pyvenv.cfg", encoding="utf-8", errors="surrogateescape") as file:
        pairs = [line.partition("=") for line in file if "=" in line]
    prompt, _ = _config.recall(str(env_dir))

    assert _config.read(str(env_dir)) == {
        key.strip().lower(): value.strip() for key, _, value in pairs
    }
    assert "\0" not in (prompt or "")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Return a directory whose ``pyvenv.cfg`` is one, too."""
    (tmp_path / "pyvenv.cfg").mkdir()
    return tmp_path


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    """Return a directory whose ``pyvenv.cfg`` is a FIFO that nothing is written to."""
    os.mkfifo(tmp_path / "pyvenv.cfg")
    return tmp_path


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """Return a directory whose ``pyvenv.cfg`` has a terabyte."""
    with open(tmp_path / "pyvenv.cfg", "wb") as file:
        file.truncate(1 << 40)
    return tmp_path


@pytest.mark.parametrize(
    "kind",
    [
        "directory",
        pytest.param("fifo", marks=pytest.mark.skipif(os.name == "nt", reason="no FIFOs")),
        "large",
    ],
)
def test_read_no_file(kind: str, request: pytest.FixtureRequest) -> None:
    """What is no ordinary file is an error that names it, and nothing waits for it."""
    env_dir = request.getfixturevalue(kind)
    with pytest.raises(OSError, match=r"pyvenv\.cfg"):
        _config.read(str(env_dir))

    assert _config.recall(str(env_dir)) == (None, None)


def test_parse() -> None:
    """All keys are there, in the order of the lines, those unknown and repeated, too."""
    assert _config.parse("Home = /a\r\nuv=0.5\n# text\n\nhome =/b") == [
        ("home", "/a"),
        ("uv", "0.5"),
        ("home", "/b"),
    ]


@pytest.mark.parametrize(
    ("text", "prompt"),
    [
        pytest.param("'p'", "p", id="quoted"),
        pytest.param('"it\'s"', "it's", id="double-quotes"),
        pytest.param(r"'a\nb'", "a\nb", id="line-break"),
        pytest.param(r"'\x1b\u2028\U0001f40d'", "\x1b\u2028\U0001f40d", id="numbers"),
        pytest.param("''", "", id="empty-string"),
        pytest.param("plain text", "plain text", id="not-quoted"),
        pytest.param("3.10", "3.10", id="number"),
        pytest.param("0x10", "0x10", id="hexadecimal"),
        pytest.param("1_0", "1_0", id="digits"),
        pytest.param("True", "True", id="constant"),
        pytest.param("{[]}", "{[]}", id="no-literal"),
        pytest.param("-" * 100_000, "-" * 100_000, id="signs"),
        pytest.param("'unclosed", "'unclosed", id="not-closed"),
        pytest.param("'a' 'b'", "'a' 'b'", id="two-strings"),
        pytest.param("'a', 'b'", "'a', 'b'", id="tuple"),
        pytest.param("'a'.upper()", "'a'.upper()", id="code"),
        pytest.param(r"'C:\dir'", r"'C:\dir'", id="no-escape"),
        pytest.param(r"'\U00110000'", r"'\U00110000'", id="no-character"),
        pytest.param("b'bytes'", "b'bytes'", id="bytes"),
        pytest.param(r"'a\x00b'", r"'a\x00b'", id="null"),
        pytest.param("a\0b", None, id="bare-null"),
        pytest.param("", None, id="empty"),
    ],
)
def test_read_prompt(text: str, prompt: str | None) -> None:
    """A prompt is what ``repr`` has written, and all other text stands for itself."""
    assert _config.prompt({"prompt": text}) == prompt


def test_no_prompt() -> None:
    """Without the key there is no prompt."""
    assert _config.prompt({}) is None


@given(prompt=st.text(st.characters(exclude_characters="\0")))
def test_written_prompt(prompt: str) -> None:
    """Each prompt that is written is read as it was."""
    assert _config.prompt({"prompt": repr(prompt)}) == prompt


@pytest.mark.parametrize(
    ("text", "prompt", "system"),
    [
        pytest.param("", None, None, id="empty"),
        pytest.param("home = /a\nprompt = 'p'\n", "p", None, id="no-key"),
        pytest.param("include-system-site-packages = True\n", None, True, id="case"),
        pytest.param("include-system-site-packages = false\n", None, False, id="false"),
        pytest.param("include-system-site-packages = yes\n", None, False, id="neither"),
        pytest.param("include-system-site-packages =\n", None, False, id="no-value"),
        pytest.param("prompt =\ninclude-system-site-pack", None, None, id="truncated"),
    ],
)
def test_recall(tmp_path: Path, text: str, prompt: str | None, system: bool | None) -> None:
    """Prompt and system packages are what the file says, and None where it does not."""
    (tmp_path / "pyvenv.cfg").write_text(text)

    assert _config.recall(str(tmp_path)) == (prompt, system)


def test_recall_nothing(tmp_path: Path) -> None:
    """Without a file there is nothing to remember."""
    assert _config.recall(str(tmp_path)) == (None, None)


# Changing


@pytest.mark.parametrize(
    ("text", "result"),
    [
        pytest.param("home = /a\n", "home = /new\n", id="usual"),
        pytest.param("uv = 1\nHOME=/a", "uv = 1\nHOME=/new", id="spelling"),
        pytest.param("home\t=  /a \r\nx = y\r\n", "home\t=  /new \r\nx = y\r\n", id="blanks"),
        pytest.param("home = /a\nhome = /b\n", "home = /new\nhome = /new\n", id="twice"),
        pytest.param("home =\n", "home = /new\n", id="no-value"),
        pytest.param("home = =\n", "home = /new\n", id="equals"),
        pytest.param("home\n", "home\nhome = /new\n", id="no-equals"),
        pytest.param("a = \udcff\x85b\n", "a = \udcff\x85b\nhome = /new\n", id="missing"),
        pytest.param("a = 1", "a = 1\nhome = /new\n", id="unfinished-line"),
        pytest.param("a = 1\r\n", "a = 1\r\nhome = /new\r\n", id="missing-on-windows"),
        pytest.param("", "home = /new\n", id="empty"),
    ],
)
def test_updated(text: str, result: str) -> None:
    """A value is changed in its place, and all else stays."""
    assert _config.updated(text, {"home": "/new"}) == result


def test_updated_several() -> None:
    """Several values are changed at once, and what is missing comes last."""
    text = _config.updated("version = 1\nhome = /a\n", {"home": "/b", "x": "2", "version": "3"})

    assert text == "version = 3\nhome = /b\nx = 2\n"


@pytest.mark.parametrize("value", ["/a\nhome = /b", "/\u2028", "/\udcff"])
def test_updated_with_impossible_value(value: str) -> None:
    """A value that is not one line of text is refused."""
    with pytest.raises(ValueError, match="can't write home"):
        _config.updated("", {"home": value})


@given(text=st.text(st.sampled_from("home =/\r\n\x85a")), value=st.sampled_from(["/b", "c d"]))
def test_updated_as_read(text: str, value: str) -> None:
    """What is written is read, and nothing else has changed."""
    others = [pair for pair in _config.parse(text) if pair[0] != "home"]
    pairs = _config.parse(_config.updated(text, {"home": value}))

    assert {pair for pair in pairs if pair[0] == "home"} == {("home", value)}
    assert [pair for pair in pairs if pair[0] != "home"] == others
