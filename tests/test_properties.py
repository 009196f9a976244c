"""What holds whatever a prompt, a folder or a path is called."""

from __future__ import annotations

import ast
import os
import shlex
import shutil
import subprocess
import tempfile
import types
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import newvenv
from builders import config
from newvenv import _cli, _config, _preflight

if TYPE_CHECKING:
    from collections.abc import Iterator

posix = pytest.mark.skipif(os.name == "nt", reason="these are names that POSIX allows")

#: Characters that some reader of ``pyvenv.cfg``, or some shell, takes for something else.
SPECIAL = (
    "\n\r\x0b\x0c\x1c\x85\u2028\u2029 \t='\"\\$`!;&|#~*?[]{}()<>%^:/-.,\x1b\x7f\u200f\U0001f40d"
)

#: How the file system's undecodable bytes look to Python.
UNDECODABLE = [chr(0xDC80 + number) for number in range(128)]

characters = st.one_of(
    st.sampled_from(SPECIAL),
    st.characters(codec="utf-8", exclude_characters="\0"),
)
texts = st.lists(characters, max_size=12).map("".join)
any_texts = st.lists(st.one_of(characters, st.sampled_from(UNDECODABLE)), max_size=12).map("".join)
words = st.lists(any_texts, min_size=1, max_size=40)

quickly = settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
rarely = settings(quickly, max_examples=20)


def as_site_reads(text: str) -> list[tuple[str, str]]:
    """Return the keys and values that the interpreter sees in a ``pyvenv.cfg``."""
    pairs = [line.partition("=") for line in text.split("\n")]
    return [(key.strip().lower(), value.strip()) for key, sign, value in pairs if sign]


def as_bytes(text: str) -> bytes:
    """Return the bytes that a name of a file, or a word of a command line, has."""
    return text.encode("utf-8", "surrogateescape")


def is_name(name: str) -> bool:
    """Can a folder be called *name* that shall become an environment?"""
    return 0 < len(as_bytes(name)) < 200 and name not in (".", "..") and os.pathsep not in name


names = any_texts.map(lambda text: text.replace("/", "")).filter(is_name)


# pyvenv.cfg


def text_of(prompt: str | None, env_dir: str, *, system: bool, clear: bool) -> str:
    """Return the file for an environment *env_dir* of a base in an ordinary place."""
    context = types.SimpleNamespace(
        env_dir=env_dir, python_dir="/usr/bin", executable="/usr/bin/python3"
    )
    options = _config.options(
        symlinks=False,
        with_pip=False,
        system_site_packages=system,
        clear=clear,
        upgrade=False,
        upgrade_deps=False,
        prompt=prompt,
        scm_ignore_files=(),
    )
    return _config.text(context, options, prompt, system)


@given(prompt=any_texts, name=any_texts, system=st.booleans(), clear=st.booleans())
@example("x\ninclude-system-site-packages = true\n#", "\nhome = /evil", False, False)
@quickly
def test_configuration_is_what_was_meant(prompt: str, name: str, system: bool, clear: bool) -> None:
    """The interpreter reads exactly the keys and values that were meant, each once."""
    pairs = as_site_reads(text_of(prompt, "/envs/" + name, system=system, clear=clear))
    values = dict(pairs)

    assert [key for key, _ in pairs] == [
        "home",
        "include-system-site-packages",
        "version",
        "prompt",
        "executable",
        "command",
    ]
    assert values["home"] == "/usr/bin"
    assert values["include-system-site-packages"] == str(system).lower()
    assert ast.literal_eval(values["prompt"]) == prompt


@given(prompt=any_texts, name=any_texts)
@quickly
def test_configuration_has_its_lines(prompt: str, name: str) -> None:
    """However a reader divides lines, there is one for each key, and it is UTF-8."""
    text = text_of(prompt, "/envs/" + name, system=False, clear=False)

    assert len(text.splitlines()) == 6
    assert text.encode("utf-8").decode("utf-8-sig") == text


@given(prompt=any_texts)
@quickly
def test_prompt_is_remembered(prompt: str) -> None:
    """An upgrade finds the prompt that the environment was made with."""
    with tempfile.TemporaryDirectory() as folder:
        text = text_of(prompt, folder, system=True, clear=False)
        Path(folder, "pyvenv.cfg").write_bytes(text.encode("utf-8"))

        assert _config.recall(folder) == (prompt, True)


# The command in it


def without_blanks(text: str) -> str:
    """Return *text* without blanks, which the recorded command leaves unquoted."""
    return text.replace(" ", "")


#: A text that all shells can read back: what can't be printed takes another form.
printable = st.text(st.characters(min_codepoint=32, codec="utf-8").filter(str.isprintable))


@posix
@given(prompt=printable, name=printable.map(without_blanks), clear=st.booleans())
@quickly
def test_command_means_what_was_asked_for(prompt: str, name: str, clear: bool) -> None:
    """The recorded command, read as a shell does, stands for the same environment."""
    values = dict(as_site_reads(text_of(prompt, "/envs/" + name, system=True, clear=clear)))
    found = shlex.split(values["command"])
    options = _cli.parse(found[3:])

    assert found[1:3] == ["-m", "venv"]
    assert options["dirs"] == ["/envs/" + name]
    assert options["prompt"] == prompt
    assert (options["system_site_packages"], options["clear"]) == (True, clear)
    assert (options["symlinks"], options["with_pip"]) == (False, False)


def shell_reads(shell: str, quoted: list[str]) -> list[bytes]:
    """Return the words that a *shell* makes of these, each of which is quoted already."""
    script = "printf '%s\\0' " + " ".join(quoted)
    return subprocess.check_output([shell, "-c", as_bytes(script)]).split(b"\0")[:-1]


bash = pytest.mark.skipif(not shutil.which("bash"), reason="there is no bash")
sh = pytest.mark.skipif(not shutil.which("sh"), reason="there is no sh")


@posix
@bash
@given(words)
@rarely
def test_bash_reads_words(words: list[str]) -> None:
    """Bash reads each quoted word as it was, whatever is in it, but for unquoted blanks."""
    quoted = [_config.quote(word, False) for word in words]
    read = b"".join(shell_reads("bash", quoted))

    assert read.replace(b" ", b"") == as_bytes(without_blanks("".join(words)))


@posix
@sh
@given(st.lists(printable, min_size=1, max_size=40))
@rarely
def test_sh_reads_words(words: list[str]) -> None:
    """Any shell reads each quoted word as it was, if it can be printed, but for blanks."""
    quoted = [_config.quote(word, False) for word in words]
    read = b"".join(shell_reads("sh", quoted))

    assert read.replace(b" ", b"") == as_bytes(without_blanks("".join(words)))


@posix
@bash
@given(words)
@rarely
def test_bash_reads_prompts(prompts: list[str]) -> None:
    """Bash reads the prompt's option as one word, and runs nothing that is in it."""
    quoted = [_config._double_quote(prompt) for prompt in prompts]

    assert shell_reads("bash", quoted) == [as_bytes(prompt) for prompt in prompts]


@given(any_texts)
@quickly
def test_quoted_words_are_one_line(word: str) -> None:
    """A quoted word can be printed, so it is one line, for whichever system it is."""
    assert _config.quote(word, False).isprintable()
    assert _config.quote(word, True).isprintable()


# Folders


@posix
@given(any_texts)
@quickly
def test_target_is_a_path_or_refused(name: str) -> None:
    """A folder's name stands for an absolute path, or is refused for being empty."""
    try:
        path = _preflight.target(name)
    except ValueError:
        path = "/" * (not name.strip())

    assert path.startswith("/")


@pytest.fixture(scope="module")
def place() -> Iterator[str]:
    """Return a folder for environments of any name."""
    with tempfile.TemporaryDirectory() as folder:
        yield folder


@posix
@given(name=names, prompt=st.one_of(st.none(), any_texts))
@example(name="-rf", prompt=None)
@example(name=" ", prompt="")
@example(name="\n", prompt="\n")
@example(name="$(exit 1)", prompt="`exit 1`")
@example(name="__VENV_PROMPT__", prompt="__VENV_DIR__")
@example(name=UNDECODABLE[-1], prompt=UNDECODABLE[0])
@rarely
def test_any_name(place: str, name: str, prompt: str | None) -> None:
    """A folder of any name becomes an environment whose Python knows its place."""
    env = os.path.join(place, name)
    newvenv.create(env, symlinks=True, prompt=prompt, clear=True)
    python = os.fsencode(os.path.join(env, "bin", "python"))
    script = "import os, sys; sys.stdout.buffer.write(os.fsencode(sys.prefix))"
    prefix = subprocess.check_output([python, "-c", script])

    assert prefix == os.fsencode(env)
    assert "home" in config(Path(env))
    assert {"activate", "activate.csh"} <= set(os.listdir(os.path.join(env, "bin")))


@posix
@bash
@given(name=names, prompt=any_texts)
@example(name="$(touch oops)", prompt="$(touch oops)`touch oops`")
@example(name="a'b\"c", prompt="a\nb")
@rarely
def test_any_name_is_activated(place: str, name: str, prompt: str) -> None:
    """Activation of a folder of any name sets exactly that, and runs nothing else."""
    env = os.path.join(place, name)
    newvenv.create(env, symlinks=True, prompt=prompt, clear=True)
    script = (
        'cd "$1" && . ./bin/activate && '
        'printf "%s\\0" "$VIRTUAL_ENV" "$VIRTUAL_ENV_PROMPT" "${PATH%%:*}"'
    )
    command = [os.fsencode(word) for word in ("bash", "-c", script, "bash", env)]
    output = subprocess.check_output(command, env={**os.environ, "PS1": "$ "})
    expected = [env, prompt, os.path.join(env, "bin"), ""]

    assert output.split(b"\0") == [as_bytes(word) for word in expected]
    assert "oops" not in os.listdir(env)


@posix
@given(name=names)
@rarely
def test_upgrade_of_any_name(place: str, name: str) -> None:
    """What an environment was made with is found again, whatever it is called."""
    env = os.path.join(place, name)
    newvenv.create(env, symlinks=True, prompt=name, system_site_packages=True, clear=True)
    first = config(Path(env))
    newvenv.main(["--upgrade", "--without-pip", "--", env])
    second = config(Path(env))
    for values in (first, second):
        del values["command"]

    assert second == first
