"""What the documents say, held against what is there."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Callable

import pytest

import api_page
import figures
import newvenv
from conftest import Run
from environments import needs_links
from newvenv import _cli

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
README = ROOT / "README.md"
VERSION = sys.version_info[:2]

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(not README.exists(), reason="the documents are not installed"),
]


def _text(page: Path) -> str:
    return page.read_text("utf-8") if page.exists() else ""


def _fenced(page: Path, language: str) -> list[str]:
    """Return the fenced blocks of a page that are marked as being in a *language*."""
    return re.findall(rf"(?ms)^```{language}\n(.*?)^```$", _text(page))


def _pages_with(language: str, but: Path | None = None) -> list[object]:
    pages = [page for page in PAGES if page != but and _fenced(page, language)]
    return [pytest.param(page, id=page.name) for page in pages]


def _table(page: Path, heading: str) -> list[list[str]]:
    """Return the rows, as lists of cells, of the first table below a *heading*."""
    section = page.read_text("utf-8").partition(f"\n## {heading}\n")[2]
    found = re.search(r"(?m)^\|.*\n\|[ :|-]+\n((?:\|.*\n)+)", section)
    assert found, heading
    return [[cell.strip() for cell in row.split("|")[1:-1]] for row in found[1].splitlines()]


def _options(text: str) -> set[str]:
    """Return the options that a text speaks of, without what they are given."""
    return set(re.findall(r"(?<![\w-])(--?[a-zA-Z][\w-]*)", text))


def test_ci_runs_the_commands_of_the_readme() -> None:
    """The two commands for a checkout in README.md are those that CI runs."""
    commands = [block.splitlines() for block in _fenced(README, "sh")]
    script = (ROOT / ".ci" / "run").read_text("utf-8").splitlines()

    assert script[-2:] in commands


@pytest.mark.skipif(VERSION != (3, 13), reason="the help of 3.13 is recorded")
def test_usage(run: Run) -> None:
    """The usage text in README.md is the program's."""
    result = run(sys.executable, "-m", "newvenv", "--help", env={**os.environ, "COLUMNS": "80"})
    usage = result.stdout.partition("\n\n")[0]

    assert f"{usage}\n" in _fenced(README, "text")


@pytest.mark.parametrize(
    ("page", "region"), figures.PAGES.items(), ids=lambda value: str(value)[-9:]
)
def test_figures(page: Path, region: str) -> None:
    """The figures on a page are those that were measured last: see figures.py."""
    text = page.read_text("utf-8")

    assert f"<!-- {region} -->" in text
    assert figures.render(text) == text


@pytest.mark.parametrize(
    "name",
    sorted(
        set(
            re.findall(
                r"NEWVENV_(?!PATH\b|TEST)[A-Z]+(?:_[A-Z]+)*",
                "".join(page.read_text("utf-8") for page in PAGES),
            )
        )
    ),
)
def test_variable(name: str) -> None:
    """Each variable that a page names is one that the code reads."""
    sources = [path.read_text("utf-8") for path in (ROOT / "src").rglob("*.py")]

    assert any(f'"{name}"' in source for source in sources)


@pytest.mark.parametrize(
    ("page", "link"),
    [
        pytest.param(page, link, id=f"{page.name}-{link}")
        for page in PAGES
        for link in sorted(set(re.findall(r"\]\(([^)\s:]+)\)", page.read_text("utf-8"))))
    ],
)
def test_link(page: Path, link: str) -> None:
    """Each page, and each heading on it, that a page points to is there."""
    name, _, heading = link.partition("#")
    target = (page.parent / name) if name else page
    headings = re.findall(r"(?m)^#+ (.*)$", target.read_text("utf-8")) if heading else []
    anchors = [re.sub(r"[^\w -]", "", line).lower().replace(" ", "-") for line in headings]

    assert target.exists()
    assert heading in ["", *anchors]


#: Where the links of README.md lead, which is also shown where there are no files.
_PROJECT = r"https://(?:github\.com/newvenv/newvenv/blob|raw\.githubusercontent\.com/newvenv/newvenv)/main/"


@pytest.mark.parametrize(
    "link", sorted(set(re.findall(rf"\]\({_PROJECT}([^)]+)\)", _text(README))))
)
def test_absolute_link(link: str) -> None:
    """What README.md points to in the project's repository is in this checkout."""
    test_link(README, link)


def test_readme_has_absolute_links() -> None:
    """No link in README.md needs files beside it, as the package index has none."""
    links = re.findall(r"\]\(([^)]+)\)", _text(README))

    assert [link for link in links if not link.startswith("https://")] == []


@needs_links
@pytest.mark.parametrize("page", _pages_with("python"))
def test_python(page: Path, tmp_path: Path, run: Run) -> None:
    """The Python examples of a page work, one after the other."""
    code = "\n".join(_fenced(page, "python"))
    result = run(sys.executable, "-W", "error", "-c", code, cwd=tmp_path)

    assert (result.returncode, result.stderr) == (0, "")


#: A command, with the name of the active environment before it, and what it prints.
_STEP = r"(?m)^(\([^)\n]+\) )?\$ (.*)\n((?:(?!(?:\([^)\n]+\) )?\$ ).*\n)*)"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the directory in which the pages' commands run, with newvenv as a command."""
    for name, module in {"python3": "", "newvenv": "-m newvenv"}.items():
        (tmp_path / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {module} "$@"\n')
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join([str(tmp_path), os.environ["PATH"]]))
    monkeypatch.setenv("NEWVENV_PATH", str(Path(newvenv.__file__).parents[1]))
    (tmp_path / "project").mkdir()
    return tmp_path / "project"


@pytest.mark.skipif(os.name == "nt", reason="the examples are for a shell of POSIX")
@pytest.mark.parametrize("page", _pages_with("console", but=README))
def test_console(page: Path, project: Path, run: Run) -> None:
    """The commands of a page print what the page says; ``...`` stands for anything."""
    for block in _fenced(page, "console"):
        steps = re.findall(_STEP, block)
        script = "".join(f"{command}\nprintf '\\0'\n" for _, command, _ in steps)
        result = run("bash", "-c", script, cwd=project)
        outputs = result.stdout.split("\0")

        assert result.stderr == ""
        for (_, command, expected), output in zip(steps, outputs):
            pattern = ".*".join(map(re.escape, expected.split("...")))
            assert re.fullmatch(pattern, output), f"{command}\n{output}"


@pytest.mark.skipif(
    os.name == "nt" or VERSION < (3, 12) or sys.implementation.name != "cpython",
    reason="what is recorded is a terminal of POSIX, and a CPython that brings pip alone",
)
def test_recordings(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """README.md shows what people see, but for versions and the directory's name."""
    for name, value in {"SHELL": "/bin/bash", "TERM": "dumb", "COLUMNS": "80"}.items():
        monkeypatch.setenv(name, value)
    steps = re.findall(_STEP, "".join(_fenced(README, "console")))
    prompt = "${VIRTUAL_ENV_PROMPT:+($VIRTUAL_ENV_PROMPT) }"
    commands = [command.replace("3.12", "{}.{}".format(*VERSION)) for _, command, _ in steps]
    script = "".join(f"printf %s\\\\0 \"{prompt}\"\n{one}\nprintf '\\0'\n" for one in commands)
    seen = _on_terminal(["bash", "-c", script], project).split("\0")[:-1]

    assert seen[::2] == [before for before, _, _ in steps]
    for (_, command, expected), output in zip(steps, seen[1::2]):
        pattern = re.sub(r"\d+(?:\\\.\d+)+", r"[\\d.]+", re.escape(expected))
        pattern = pattern.replace(re.escape("/home/you/project"), re.escape(str(project)))
        assert re.fullmatch(pattern, output), f"{command}\n{output}"


def _on_terminal(command: list[str], directory: Path) -> str:
    """Return what *command* shows on a terminal, ending lines as programs do."""
    import pty

    reading, writing = pty.openpty()
    process = subprocess.Popen(
        command, cwd=directory, stdin=subprocess.DEVNULL, stdout=writing, stderr=writing
    )
    os.close(writing)
    data = b""
    try:
        while chunk := os.read(reading, 1 << 16):
            data += chunk
    except OSError:
        pass  # EIO: how Linux says that the other end is closed.
    os.close(reading)
    process.wait()
    return data.decode("utf-8").replace("\r\n", "\n")


# docs/api.md


def test_api_page() -> None:
    """What docs/api.md says of functions is what their docstrings say: see api_page.py."""
    text = api_page.PAGE.read_text("utf-8")

    assert api_page.render(text) == text


class _Recorder(newvenv.EnvBuilder):
    """Notes which hooks are called, and what is new in the context by then."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(
            system_site_packages=True,
            symlinks=os.name != "nt",
            with_pip=True,
            prompt="project",
            upgrade_deps=True,
            scm_ignore_files={"git"},
        )
        self.calls: dict[str, list[str]] = {}
        self.seen: set[str] = set()
        for name in names:
            setattr(self, name, self._noting(name, getattr(self, name)))

    def _noting(self, name: str, hook: Callable[..., object]) -> Callable[..., object]:
        def noting(*args: object, **kwargs: object) -> object:
            contexts = [vars(arg) for arg in args if isinstance(arg, SimpleNamespace)]
            new = [key for context in contexts for key in context if key not in self.seen]
            self.calls.setdefault(name, new)
            self.seen.update(new)
            return None if name == "upgrade_dependencies" else hook(*args, **kwargs)

        return noting


def test_order_of_hooks(tmp_path: Path) -> None:
    """The table of hooks has them in the order in which they are called."""
    rows = _table(api_page.PAGE, "The order of the hooks")
    expected = {row[1].strip("`"): re.findall(r"`(\w+)`", row[3]) for row in rows}
    recorder = _Recorder(list(expected))
    recorder.create(tmp_path / "env")

    assert list(recorder.calls.items()) == list(expected.items())


def test_context(tmp_path: Path) -> None:
    """The table of the context has all that is in one."""
    rows = _table(api_page.PAGE, "The context")
    context = newvenv.EnvBuilder(symlinks=os.name != "nt").create(tmp_path / "env")

    assert [row[0].strip("`") for row in rows] == list(vars(context))


@pytest.mark.skipif(VERSION != (3, 13) or os.name == "nt", reason="the examples are for 3.13")
def test_context_examples(tmp_path: Path) -> None:
    """The examples of the context's values are what there would be."""
    rows = _table(api_page.PAGE, "The context")
    builder = newvenv.EnvBuilder(symlinks=True, prompt="project")
    context = builder.create(tmp_path / ".venv")
    names = {context.python_dir: "/usr/local/bin", str(tmp_path): "/home/you/project"}
    expected = {row[0].strip("`"): row[1].strip("`") for row in rows if row[1].startswith("`")}
    found = {key: str(value) for key, value in vars(context).items() if key in expected}
    for old, new in names.items():
        found = {key: value.replace(old, new) for key, value in found.items()}
    exe = context.python_exe
    found = {key: re.sub(rf"{exe}$", "python3.13", value) for key, value in found.items()}

    assert found == expected


# docs/switching.md

SWITCHING = ROOT / "docs" / "switching.md"

#: Options in the column of newvenv that are not its own.
_OF_OTHER_PROGRAMS = {"-m", "-r"}


@pytest.mark.skipif(VERSION < (3, 13), reason="older versions have fewer options")
def test_options_of_venv(run: Run) -> None:
    """The table for those who come from ``venv`` has all of its options."""
    text = run(sys.executable, "-m", "venv", "--help").stdout
    (options, *_), _, _ = _table(SWITCHING, "From `venv`")

    assert _options(options) == set(re.findall(r"(?m)^  (?:-h, )?(--[a-z-]+)", text)) - {"--help"}


@pytest.mark.parametrize("heading", ["From virtualenv", "From `uv venv`"])
def test_options_of_peers(run: Run, heading: str) -> None:
    """The options that the peers are said to have are theirs."""
    words = re.sub("From|`", "", heading).split()
    script = shutil.which(words[0], path=os.path.dirname(sys.executable))
    if not script:
        pytest.skip(f"{words[0]} is not here")
    text = run(script, *words[1:], "--help").stdout
    found = {option for row in _table(SWITCHING, heading) for option in _options(row[0])}

    assert found <= _options(text)


@pytest.mark.parametrize("heading", ["From `venv`", "From virtualenv", "From `uv venv`"])
def test_options_of_newvenv(run: Run, heading: str) -> None:
    """The options that newvenv is said to have are in its help."""
    text = run(sys.executable, "-m", "newvenv", "--help").stdout
    rows = _table(SWITCHING, heading)
    same = {option for row in rows if "the same" in row[1] for option in _options(row[0])}
    found = same | {option for row in rows for option in _options(row[1])}

    assert found - _options(text) <= _OF_OTHER_PROGRAMS


@pytest.mark.parametrize(
    ("page", "test"),
    [
        (page.name, test)
        for page in sorted((ROOT / "docs").glob("*.md"))
        for test in sorted(
            set(re.findall(r"`(?:tests/)?(?:\w+\.py::)?(test_\w+)`", page.read_text("utf-8")))
        )
    ],
)
def test_proof(page: str, test: str) -> None:
    """Each test that a page names as a proof exists."""
    sources = "".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("*.py"))

    assert f"def {test}(" in sources or (ROOT / "tests" / f"{test}.py").exists(), page


# docs/README.md and docs/command-line.md


def test_index() -> None:
    """The index has each page in docs, and those beside README.md."""
    pages = {path.name for path in PAGES} - {"README.md"}
    links = re.findall(r"\]\((?:\.\./)?([^)]+)\)", _text(ROOT / "docs" / "README.md"))

    assert set(links) - {"README.md"} == pages


def test_added_options() -> None:
    """The page on the command line has each option that newvenv adds, and no other."""
    known = {switch for option in [*_cli.STANDARD, *_cli.ADDED] for switch in option.switches}
    added = {switch for option in _cli.ADDED for switch in option.switches}
    named = _options(_text(ROOT / "docs" / "command-line.md"))

    assert added <= named <= known | {"--p", "--c", "-m", "--help"}


# docs/architecture.md

ARCHITECTURE = ROOT / "docs" / "architecture.md"
PACKAGE = ROOT / "src" / "newvenv"

#: Which modules import from above, inside functions, as the page says.
_LOOKS_UP = {
    ("__init__", "_cli"),
    ("_cli", "_usage"),
    ("_cli", "_result"),
    ("_result", "_terminal"),
    ("_python", "_result"),
}


def _modules() -> list[str]:
    """Return the modules and packages in newvenv as the page has them, from the top."""
    return [row[0].strip("`") for row in _table(ARCHITECTURE, "The modules")]


def _imports() -> set[tuple[str, str, bool]]:
    """Return which module imports which, and whether it does so as it is loaded."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        below = path.relative_to(PACKAGE)
        tree = ast.parse(path.read_text("utf-8"))
        depth, name = len(below.parts), Path(below.parts[0]).stem
        eager = {id(node) for node in tree.body}
        for node in _outside_type_checking(tree):
            if isinstance(node, ast.ImportFrom) and node.level == depth:
                names = [node.module.split(".")[0]] if node.module else [a.name for a in node.names]
                found |= {(name, other, id(node) in eager) for other in names}
    return found


def _outside_type_checking(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test)):
            yield child
            yield from _outside_type_checking(child)


def test_modules() -> None:
    """The page has each module and package, and no other."""
    present = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py"}
    packages = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}

    assert sorted(_modules()) == sorted(present | packages)


def test_layers() -> None:
    """A module imports only from rows below its own, but for what the page says."""
    order = _modules()
    upward = {
        (name, other, eager)
        for name, other, eager in _imports()
        if other in order and order.index(other) < order.index(name)
    }

    assert upward == {(name, other, False) for name, other in _LOOKS_UP}
