"""The activation scripts: find the templates, fill them in one pass, write them.

Also what activation means without a shell: :func:`environment`.
"""

from __future__ import annotations

import os

from . import _compat, _config, _files, _quoting

TYPE_CHECKING = False
if TYPE_CHECKING:
    import types
    from collections.abc import Callable, Iterator

_PLACEHOLDER = "__VENV_"

#: On Windows these are put in place by the platform's room, not copied with the scripts.
_INTERPRETERS = ("python", "venv")
_BINARIES = (".exe", ".pdb")


def templates() -> str:
    """The folder of newvenv's own templates, which has a subfolder per ``os.name``.

    Beside this module when installed; else the one of the checkout.
    """
    package = os.path.dirname(os.path.abspath(__file__))
    installed = os.path.join(package, "scripts")
    if os.path.isdir(installed):
        return installed
    return os.path.join(os.path.dirname(os.path.dirname(package)), "scripts_templates")


def install(
    path: str,
    context: types.SimpleNamespace,
    replace_variables: Callable[[str, types.SimpleNamespace], str],
) -> None:
    """Install the scripts of ``<path>/common`` and ``<path>/<os.name>``, subfolders too.

    :param context: has ``bin_path``; gets ``script_path``, the template being filled.
    :param replace_variables: the builder's hook, called with each template's text.

    A file that is not UTF-8 is left out with a warning. One that the hook leaves as it is
    is copied to the byte, so that a signed script stays signed.
    """
    for folder, names in _folders(path):
        target = os.path.join(context.bin_path, *_below_bin(folder, path))
        if not os.path.isdir(target):
            os.makedirs(target)
        for name in names:
            _install_one(os.path.join(folder, name), target, context, replace_variables)


def render(text: str, context: types.SimpleNamespace) -> str:
    """Fill the placeholders of the template *text*, each with a literal of its language.

    The language goes by the end of ``context.script_path``; without one it is sh. What has
    been filled in is never looked at again, so a placeholder in a name is just a name.
    A harmless value takes no quotes where the template has quoted it itself.
    """
    quote = _quoting.for_script(getattr(context, "script_path", ""))
    rendered: list[str] = []
    start = 0
    for begin, end in _placeholders(text):
        value = _writable(_VALUES[text[begin:end]](context))
        bare = _quoting.is_harmless(value) and _is_quoted(text, begin)
        rendered += text[start:begin], value if bare else quote(value)
        start = end
    return "".join(rendered) + text[start:]


def environment(env_dir: str | os.PathLike[str]) -> dict[str, str | None]:
    """What activation changes among the environment variables, for use without a shell.

    :return: the new value of each variable; None means that it has to be unset.
    :raises OSError: *env_dir* has no readable ``pyvenv.cfg``.

    The value of ``PATH`` comes from ``os.environ``, which is not changed::

        changes = activation_environment("venv")
        env = {k: v for k, v in {**os.environ, **changes}.items() if v is not None}
        subprocess.run(["python", "-V"], env=env)
    """
    env_dir = os.path.abspath(os.fspath(env_dir))
    prompt = _config.prompt(_config.read(env_dir))
    folders = os.environ.get("PATH", "").split(os.pathsep)
    bin_path = _bin_path(env_dir)
    rest = [] if folders == [""] else [folder for folder in folders if folder != bin_path]
    return {
        "PATH": os.pathsep.join([bin_path, *rest]),
        "PYTHONHOME": None,
        "VIRTUAL_ENV": env_dir,
        "VIRTUAL_ENV_PROMPT": os.path.basename(env_dir) if prompt is None else prompt,
    }


def _folders(path: str) -> Iterator[tuple[str, list[str]]]:
    """Each folder whose files are to be installed, and their names."""
    for folder, subfolders, names in os.walk(path):
        if folder == path:
            subfolders[:] = [name for name in subfolders if name in ("common", os.name)]
            continue
        # An installer may have compiled templates that are Python.
        subfolders[:] = [name for name in subfolders if name != "__pycache__"]
        yield folder, names


def _below_bin(folder: str, path: str) -> list[str]:
    """The names that lead from the scripts' folder to where *folder* is installed."""
    return os.path.relpath(folder, path).split(os.sep)[1:]


def _install_one(
    source: str,
    target: str,
    context: types.SimpleNamespace,
    replace_variables: Callable[[str, types.SimpleNamespace], str],
) -> None:
    """Install the file *source* in the folder *target*."""
    name = os.path.basename(source)
    binary = os.name == "nt" and source.endswith(_BINARIES)
    if binary and os.path.normcase(name).startswith(_INTERPRETERS):
        return
    with open(source, "rb") as file:
        data = file.read()
        mode = os.fstat(file.fileno()).st_mode & 0o7777
    if not binary:
        filled = _fill(source, data, context, replace_variables)
        if filled is None:
            return
        data = filled
    _files.write(os.path.join(target, name), data, mode, exact_mode=True)


def _fill(
    source: str,
    data: bytes,
    context: types.SimpleNamespace,
    replace_variables: Callable[[str, types.SimpleNamespace], str],
) -> bytes | None:
    """The template *data* with its variables replaced; None, and a warning, if it is no text."""
    context.script_path = source
    try:
        text = replace_variables(data.decode("utf-8"), context)
        return text.encode("utf-8", "surrogateescape")
    except UnicodeError as error:
        from . import logger

        logger.warning("unable to copy script %r, may be binary: %s", source, error)
        return None


def _placeholders(text: str) -> Iterator[tuple[int, int]]:
    """Where the known placeholders begin and end in *text*.

    A regular expression would say the same, but costs more to import than all templates
    to fill.
    """
    begin = text.find(_PLACEHOLDER)
    while begin >= 0:
        end = text.find("__", begin + len(_PLACEHOLDER)) + 2
        if text[begin:end] in _VALUES:
            yield begin, end
        else:
            end = begin + 1
        begin = text.find(_PLACEHOLDER, end)


def _is_quoted(text: str, begin: int) -> bool:
    """Has the template quoted, or commented out, the place *begin* by itself?

    To be asked for harmless values only, for which a wrong guess does no harm either.
    """
    line = text[text.rfind("\n", 0, begin) + 1 : begin]
    return line.startswith("#") or any(line.count(quote) % 2 for quote in "\"'")


def _writable(value: str) -> str:
    """*value* such that, written as UTF-8, it has the bytes that the file system has.

    What no name can have, a NUL or half a surrogate pair, is left out or replaced.
    """
    try:
        data = value.encode("utf-8") if os.name == "nt" else os.fsencode(value)
    except UnicodeEncodeError:
        data = value.encode("utf-8", "replace")
    return data.replace(b"\0", b"").decode("utf-8", "surrogateescape")


def _bare_prompt(context: types.SimpleNamespace) -> str:
    """The prompt without what older versions put around it in the context."""
    prompt = str(context.prompt)
    decorated = _compat.DECORATED_PROMPT and prompt.startswith("(") and prompt.endswith(") ")
    return prompt[1:-2] if decorated else prompt


_VALUES: dict[str, Callable[[types.SimpleNamespace], str]] = {
    "__VENV_DIR__": lambda context: str(context.env_dir),
    "__VENV_NAME__": lambda context: str(context.env_name),
    "__VENV_PROMPT__": lambda context: str(context.prompt),
    "__VENV_BIN_NAME__": lambda context: str(context.bin_name),
    "__VENV_PYTHON__": lambda context: str(context.env_exe),
    # Beyond the standard library's, for the templates of newvenv: the name alone on every
    # version, and as the text of a prompt in shells whose prompts have escapes.
    "__VENV_BARE_PROMPT__": _bare_prompt,
    "__VENV_BASH_PROMPT__": lambda context: _quoting.bash_prompt(_bare_prompt(context)),
    "__VENV_TCSH_PROMPT__": lambda context: _quoting.tcsh_prompt(_bare_prompt(context)),
    "__VENV_CSH_PROMPT__": lambda context: _quoting.csh_prompt(_bare_prompt(context)),
    "__VENV_BATCH_PROMPT__": lambda context: _quoting.batch_prompt(_bare_prompt(context)),
}


def _bin_path(env_dir: str) -> str:
    """The folder of the scripts of *env_dir*; MSYS2's Python on Windows calls it ``bin``."""
    scripts = os.path.join(env_dir, "Scripts")
    return scripts if os.name == "nt" and os.path.isdir(scripts) else os.path.join(env_dir, "bin")
