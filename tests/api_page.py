"""Write what the docstrings say into docs/api.md: ``python tests/api_page.py``.

The page has regions, from a line ``<!-- NAME -->`` to a line ``<!-- end -->``, whose text
is made here. Everything else on it is written by hand.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
import textwrap
from pathlib import Path
from types import FunctionType
from typing import Any

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "api.md"

#: Names that begin with an underscore and are the standard library's all the same.
SEMI_PRIVATE = ("_venv_path", "_same_path", "_setup_pip", "_call_new_python")

#: Where to break the line of a signature.
_WIDTH = 96


def render(text: str) -> str:
    """Return *text*, a page, with its regions made anew."""
    return re.sub(
        r"(?ms)^<!-- (functions|EnvBuilder|cache|alias) -->$.*?^<!-- end -->$",
        lambda region: f"<!-- {region[1]} -->\n\n{_region(region[1])}\n<!-- end -->",
        text,
    )


def _region(name: str) -> str:
    return {"functions": functions, "EnvBuilder": builder}.get(name, lambda: module(name))()


def functions() -> str:
    """Return the section on each public function and class, but for ``EnvBuilder``."""
    import newvenv

    found = [(name, getattr(newvenv, name)) for name in newvenv.__all__ if name != "EnvBuilder"]
    return "\n".join(entry(name, item) for name, item in found if callable(item))


def builder() -> str:
    """Return the sections on ``EnvBuilder`` and its methods, in the order of the source."""
    from newvenv import EnvBuilder

    texts = [entry("EnvBuilder", EnvBuilder)]
    for name, member in vars(EnvBuilder).items():
        function = getattr(member, "__func__", member)
        is_public = not name.startswith("_") or name in SEMI_PRIVATE
        if is_public and isinstance(function, FunctionType):
            texts.append(entry(name, function, level=4))
    return "\n".join(texts)


def module(name: str) -> str:
    """Return the sections on the public functions of the module ``newvenv.NAME``."""
    found = __import__(f"newvenv.{name}", fromlist=["main"])
    return "\n".join(
        entry(f"{name}.{function.__name__}", function)
        for function in vars(found).values()
        if isinstance(function, FunctionType)
        and function.__module__ == found.__name__
        and not function.__name__.startswith("_")
    )


def entry(name: str, item: Any, level: int = 3) -> str:
    """Return the section on one function, method or class."""
    text = _markdown(inspect.cleandoc(item.__doc__))
    return f"{'#' * level} `{name}`\n\n```text\n{signature(name, item)}\n```\n\n{text}\n"


def _annotation(node: ast.expr) -> str:
    """Return an annotation as it is meant, be it written as a string."""
    is_string = isinstance(node, ast.Constant) and isinstance(node.value, str)
    return str(node.value) if is_string else ast.unparse(node)  # type: ignore[attr-defined]


def signature(name: str, item: Any) -> str:
    """Return how *item* is called, as it is written in the source."""
    node = _definition(item)
    parts = _parameters(node.args)
    returns = f" -> {_annotation(node.returns)}" if node.returns and node.name != "__init__" else ""
    parts = [part.replace("str | os.PathLike[str]", "Path") for part in parts]
    line = f"{name}({', '.join(parts)}){returns}"
    if len(line) > _WIDTH:
        line = "{}(\n    {},\n){}".format(name, ",\n    ".join(parts), returns)
    return line


def _definition(item: Any) -> ast.FunctionDef:
    """Return the syntax tree of a function, or of a class's ``__init__``.

    Annotations that are not kept at run time are there, too.
    """
    function = vars(item)["__init__"] if isinstance(item, type) else item
    node = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    assert isinstance(node, ast.FunctionDef)
    return node


def _parameters(args: ast.arguments) -> list[str]:
    values = [None] * (len(args.args) - len(args.defaults)) + list(args.defaults)
    parts = [_parameter(arg, value) for arg, value in zip(args.args, values)]
    if args.vararg:
        parts.append("*" + _parameter(args.vararg, None))
    elif args.kwonlyargs:
        parts.append("*")
    parts += [_parameter(arg, value) for arg, value in zip(args.kwonlyargs, args.kw_defaults)]
    if args.kwarg:
        parts.append("**" + _parameter(args.kwarg, None))
    return [part for part in parts if part not in ("self", "cls")]


def _parameter(arg: ast.arg, value: ast.expr | None) -> str:
    annotation = f": {_annotation(arg.annotation)}" if arg.annotation else ""
    return arg.arg + annotation + (f" = {ast.unparse(value)}" if value else "")


def _markdown(docstring: str) -> str:
    """Return a docstring in reStructuredText, of which we use little, as Markdown."""
    text = re.sub(r":\w+:`~?([^`]+)`", r"`\1`", docstring)
    text = re.sub(r"``([^`]+)``", r"`\1`", text)
    fields = re.findall(_FIELD, text)
    text = re.sub(r"\n{3,}", "\n\n", re.sub(_FIELD, "", text)).rstrip() + "\n"
    text = re.sub(r"(?m)(?:^>>> .*\n?)+", r"```pycon\n\g<0>```\n", text)
    text = re.sub(r"::\n\n((?:    .*\n)+)", _code, text)
    items = [_field(" ".join(field.split())) for field in fields]
    return "\n".join([text.rstrip(), *(["", *items] if items else [])])


#: A field of a docstring, with the indented lines that belong to it.
_FIELD = r"(?m)^:(?:param|returns?|raises)\b.*\n?(?:^ +.*\n?)*"


def _code(block: re.Match[str]) -> str:
    """Return an indented example as one that GitHub colours, and that the tests don't run."""
    return f":\n\n```py\n{textwrap.dedent(block[1])}```\n"


def _field(field: str) -> str:
    """Return one field of a docstring as an item of a list."""
    kind, _, text = field[1:].partition(":")
    word, _, name = kind.partition(" ")
    intro = {
        "param": f"`{name}`",
        "raises": f"raises `{name}`",
        "returns": "returns",
        "return": "returns",
    }[word]
    return f"- {intro}: {text.strip()}"


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT / "src"))
    PAGE.write_text(render(PAGE.read_text("utf-8")), "utf-8")
