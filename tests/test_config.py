"""The text of ``pyvenv.cfg``: its lines, its quoting, and reading one."""

from __future__ import annotations

import os
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from newvenv import _compat, _config, _platform

FULL_VERSION = "{}.{}.{}".format(*sys.version_info[:3])

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
    """An interpreter's folder that no line of text can name is refused."""
    context.python_dir = home

    with pytest.raises(ValueError, match="cannot say home"):
        _config.text(context, [], None, False)


@pytest.mark.parametrize(
    ("env_dir", "word"),
    [
        pytest.param("/a b", "'/a b'", id="blank"),
        pytest.param("/a\nhome = /b", r"$'/a\012home = /b'", id="newline"),
        pytest.param("/\udcff", r"$'/\377'", id="undecodable"),
    ],
)
def test_hostile_folder(context: types.SimpleNamespace, env_dir: str, word: str) -> None:
    """The environment's folder is one word of one line, whatever it is called."""
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
        pytest.param({"prompt": "$(x)"}, ["--prompt='$(x)'"], id="command"),
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

HARMLESS = ["a", "/usr/bin/python3", "a_b@c%d+e=f:g,h.i/j-k", "été", "日本"]


@pytest.mark.parametrize("word", HARMLESS)
@pytest.mark.parametrize("windows", [False, True], ids=["posix", "windows"])
def test_harmless_words(word: str, windows: bool) -> None:
    """What every shell takes for itself is left as it is."""
    assert _config.quote(word, windows) == word


@pytest.mark.parametrize(
    ("word", "posix", "windows"),
    [
        pytest.param("", "''", '""', id="empty"),
        pytest.param("a b", "'a b'", '"a b"', id="blank"),
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


@pytest.mark.parametrize(
    ("text", "prompt", "system"),
    [
        pytest.param("home = /a\nprompt = 'p'\n", "p", True, id="no-key"),
        pytest.param("include-system-site-packages = True\n", None, True, id="case"),
        pytest.param("include-system-site-packages = false\n", None, False, id="false"),
        pytest.param("include-system-site-packages = yes\n", None, False, id="neither"),
        pytest.param("prompt = 'a\\nb'\n", "a\nb", True, id="escaped"),
        pytest.param("prompt = plain text\n", "plain text", True, id="not-quoted"),
        pytest.param("prompt = 'unclosed\n", "'unclosed", True, id="not-closed"),
        pytest.param("prompt = True\n", "True", True, id="no-string"),
        pytest.param("prompt = ''\n", "", True, id="empty-string"),
        pytest.param("prompt =\n", None, True, id="empty"),
    ],
)
def test_recall(tmp_path: Path, text: str, prompt: str | None, system: bool) -> None:
    """Prompt and system packages are those that the environment was made with."""
    (tmp_path / "pyvenv.cfg").write_text(text)

    assert _config.recall(str(tmp_path)) == (prompt, system)


def test_recall_nothing(tmp_path: Path) -> None:
    """Without a file there is nothing to remember."""
    assert _config.recall(str(tmp_path)) == (None, False)
