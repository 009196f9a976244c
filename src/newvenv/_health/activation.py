"""The activation scripts: do they name the place where the environment is?

A script that is exactly what newvenv writes is written anew. In any other one, of
another tool or edited by its user, only the path is replaced, and the name in its prompt.
"""

from __future__ import annotations

import os

from .. import _activation, _compat, _config, _files, _layout, _quoting
from . import disk, literals, packages
from .interpreter import follow, remedy
from .problem import Problem, mendable

TYPE_CHECKING = False
if TYPE_CHECKING:
    import types
    from collections.abc import Iterator

    from .environment import Environment

#: The activation scripts that each maker of environments writes on every platform.
_COMMON = ("activate", "activate.csh", "activate.fish")

#: The one by which newvenv's environments are known: no other tool writes it.
_OURS = "activate.elv"


def read(env: Environment) -> dict[str, str]:
    """Return the text of each activation script that there is, by name."""
    found = {}
    for name in env.names:
        if is_activation(name):
            data = disk.contents(os.path.join(env.bin_path, name))
            if data is not None:
                found[name] = data.decode("utf-8", "surrogateescape")
    return found


def is_activation(name: str) -> bool:
    """Is *name* that of a script that activates, or of one that takes it back?"""
    return os.path.splitext(name)[0].lower() in ("activate", "activate_this", "deactivate")


def former_paths(env: Environment) -> dict[str, list[str]]:
    """Return the other places that activation scripts name, and the scripts that do."""
    found: dict[str, list[str]] = {}
    for name, text in read(env).items():
        path = literals.said(name, text, env.path)
        if path and not env.is_here(path):
            found.setdefault(path, []).append(name)
    return found


def find(env: Environment) -> Iterator[Problem]:
    """Yield the activation scripts that name another place, and those that are missing."""
    for path, names in former_paths(env).items():
        yield _moved(env, path, names)
    missing = _missing(env)
    if missing:
        yield _lost(env, missing)


def _moved(env: Environment, former: str, names: list[str]) -> Problem:
    message = f"{packages.listed(names)} would activate {former}"

    def mend() -> str:
        for name in names:
            _relocate(env, name, former)
        follow(env, former)
        return f"{packages.listed(names)} now activate {env.path}"

    path = os.path.join(env.bin_path, names[0])
    return mendable("activation-moved", path, message, remedy(env), mend)


def _lost(env: Environment, names: list[str]) -> Problem:
    def mend() -> str:
        _files.make_directory(env.bin_path)
        for name, (data, mode) in own(env, env.path).items():
            if name in names:
                _files.write(os.path.join(env.bin_path, name), data, mode, exact_mode=True)
        return f"{packages.listed(names)} written"

    path = os.path.join(env.bin_path, names[0])
    message = f"{packages.listed(names)} missing"
    return mendable("activation-missing", path, message, remedy(env), mend)


def _missing(env: Environment) -> list[str]:
    """Return the activation scripts that should be there.

    virtualenv and uv can be told to write none, or only some.
    """
    present = [name for name in env.names if is_activation(name)]
    if env.maker() != "venv" and (env.names and not present):
        return []
    if env.maker() == "venv" and _OURS in present:
        names = _own_names()
    elif env.maker() == "venv":
        names = [*_COMMON]
    else:
        names = ["activate"]
    known = {name.lower() for name in present}
    return [name for name in names if name.lower() not in known]


def _own_names() -> list[str]:
    """Return the names of newvenv's own scripts."""
    root = _activation.templates()
    found = [disk.names_in(os.path.join(root, part)) for part in ("common", os.name)]
    return [name for names in found for name in names if is_activation(name)]


# What they should say.


def own(env: Environment, path: str) -> dict[str, tuple[bytes, int]]:
    """Return newvenv's own scripts for *env* in the directory *path*: contents and mode."""
    scripts = _activation.rendered(_activation.templates(), _context(env, path))
    return {name: (data, mode) for name, data, mode in scripts}


def _context(env: Environment, path: str) -> types.SimpleNamespace:
    """Return what templates ask of a context, for *env* in the directory *path*."""
    name, prompt = os.path.basename(path), prompt_of(env, path)
    bin_name = os.path.basename(env.bin_path)
    bin_path = os.path.join(path, bin_name)
    return _layout._SimpleNamespace(
        env_dir=path,
        env_name=name,
        prompt=f"({prompt}) " if _compat.DECORATED_PROMPT else prompt,
        bin_name=bin_name,
        bin_path=bin_path,
        env_exe=os.path.join(bin_path, os.path.basename(env.python())),
    )


def prompt_of(env: Environment, path: str) -> str:
    """Return the prompt of *env* in the directory *path*, whose name it is by default."""
    prompt = _config.prompt(env.config or {})
    return os.path.basename(path) if prompt is None else prompt


# Moving a script.


def _relocate(env: Environment, name: str, former: str) -> None:
    """Let the script *name* say the path of *env* instead of *former*."""
    path = os.path.join(env.bin_path, name)
    data = disk.contents(path) or b""
    before, after = own(env, former).get(name), own(env, env.path).get(name)
    if before and after and data == before[0]:
        data = after[0]
    else:
        text = data.decode("utf-8", "surrogateescape")
        text = relocated(name, text, former, env.path, _prompts(env, former))
        data = text.encode("utf-8", "surrogateescape")
    disk.rewrite(path, data)


def _prompts(env: Environment, former: str) -> tuple[str, str]:
    """Return the prompt before and after a move."""
    return prompt_of(env, former), prompt_of(env, env.path)


def relocated(name: str, text: str, former: str, path: str, prompts: tuple[str, str]) -> str:
    """Return *text*, of a script called *name*, with *path* instead of *former*.

    :param prompts: what its prompt shows, and what it is to show.
    """
    quote = _quoting.for_script(name)
    for form in literals.forms(name, former):
        is_bare = form == former
        text = _replace(text, form, path if is_bare and _is_safe(path) else quote(path), is_bare)
    before, after = prompts
    if before != after and _quoting.is_harmless(after):
        frames = [(frame, before) for frame in _PROMPTS]
        frames += [(frame, form) for frame in _WORDS for form in literals.forms(name, before)]
        for frame, form in frames:
            text = text.replace(frame.format(form), frame.format(after))
    return text


def _is_safe(path: str) -> bool:
    return _quoting.is_harmless(path)


#: How scripts write the prompt: the standard library's, of all versions.
_PROMPTS = (
    '"({}) ',
    "'({}) '",
    'VIRTUAL_ENV_PROMPT="{}"',
    'VIRTUAL_ENV_PROMPT "{}"',
    '(set_color 4B8BBE) "{}" ',
)
#: The same where it is a word of its own, with quotes only if it needs some (gh-124651).
_WORDS = (
    '"("{}") ',
    "VIRTUAL_ENV_PROMPT={}\n",
    "VIRTUAL_ENV_PROMPT {}\n",
    "(set_color 4B8BBE) {} ",
)


def _replace(text: str, form: str, replacement: str, is_bare: bool) -> str:
    """Replace *form* in *text*, but not where it is only the beginning of a longer path."""
    pieces: list[str] = []
    start = 0
    position = text.find(form)
    while position >= 0:
        end = position + len(form)
        following = text[end : end + 1]
        is_longer = is_bare and (following.isalnum() or following in "-_.") and following
        pieces += text[start:position], form if is_longer else replacement
        start, position = end, text.find(form, end)
    return "".join([*pieces, text[start:]])
