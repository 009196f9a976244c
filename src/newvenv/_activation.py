"""The activation scripts: find the templates, fill them in one pass, write them.

Also what activation means without a shell: :func:`activation_environment`.
"""

from __future__ import annotations

import os

from . import _compat, _config, _files, _quoting

TYPE_CHECKING = False
if TYPE_CHECKING:
    import types
    from collections.abc import Callable, Iterable, Iterator

    #: A template: its path, the name of the script that it becomes, relative to the
    #: directory of the scripts, its contents and its mode.
    _Source = tuple[str, str, bytes, int]

    #: A placeholder in a template, and whether that quotes it by itself.
    _Slot = tuple[str, bool]
    #: What is around the slots, with a gap for each; the slots; and each slot once.
    _Parts = tuple[list[bytes], list[_Slot], set[_Slot]]

_PLACEHOLDER = "__VENV_"

#: On Windows these are put in place by the platform's module, not copied with the scripts.
_INTERPRETERS = ("python", "venv")
_BINARIES = (".exe", ".pdb")

#: What only the first of many environments has to pay for: where newvenv's own templates
#: are, by the path of this module; what they are, by their directory; and the parts of
#: templates, so many at most.
_directories: dict[str, str] = {}
_own: dict[str, list[_Source]] = {}
_parts: dict[str | bytes, _Parts] = {}
_MOST_PARTS = 64


def templates() -> str:
    """Return the directory of newvenv's own templates, with a subdirectory per ``os.name``.

    It lies beside this module, or in the checkout that this module is part of. In a ZIP
    archive it is no directory to the file system, but :func:`rendered` reads it.
    """
    if __file__ in _directories:
        return _directories[__file__]
    package = os.path.dirname(os.path.abspath(__file__))
    installed = os.path.join(package, "scripts")
    checkout = os.path.join(os.path.dirname(os.path.dirname(package)), "scripts_templates")
    found = next(filter(os.path.isdir, (installed, checkout)), installed)
    return _directories.setdefault(__file__, found)


def install(
    path: str,
    context: types.SimpleNamespace,
    replace_variables: Callable[[str, types.SimpleNamespace], str] | None = None,
) -> None:
    """Write what :func:`rendered` yields into ``context.bin_path``.

    The modes are exact, whatever the umask.
    """
    prefix = os.path.join(context.bin_path, "")
    for name, data, mode in rendered(path, context, replace_variables):
        target = prefix + name
        if os.sep in name and not os.path.isdir(os.path.dirname(target)):
            _files.make_directory(os.path.dirname(target))
        _files.write(target, data, mode, exact_mode=True)


def rendered(
    path: str,
    context: types.SimpleNamespace,
    replace_variables: Callable[[str, types.SimpleNamespace], str] | None = None,
) -> Iterator[tuple[str, bytes, int]]:
    """Yield the scripts of ``<path>/common`` and ``<path>/<os.name>``, without writing them.

    :param context: gets ``script_path``, the path of the template being filled.
    :param replace_variables: the builder's hook, called with each template's text; by
        default :func:`render`.
    :return: for each script its path relative to ``context.bin_path``, contents and mode.

    A file that is not UTF-8 is left out with a warning. One that the hook leaves as it is
    stays the same to the byte, so that a signed script stays signed.
    """
    for source, name, data, mode in _sources(path):
        contents = data if _is_binary(source) else _fill(source, data, context, replace_variables)
        if contents is not None:
            yield name, contents, mode


def render(text: str, context: types.SimpleNamespace) -> str:
    """Fill the placeholders of the template *text*, each with a literal of its language.

    The language goes by the end of ``context.script_path``; without one it is sh. What has
    been filled in is never looked at again, so a placeholder in a name is just a name.
    A harmless value takes no quotes where the template has quoted it itself.
    """
    return _filled(text, context).decode("utf-8", "surrogateescape")


def activation_environment(env_dir: str | os.PathLike[str]) -> dict[str, str | None]:
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
    directories = os.environ.get("PATH", "").split(os.pathsep)
    bin_path = _bin_path(env_dir)
    others = [directory for directory in directories if directory != bin_path]
    rest = [] if directories == [""] else others
    return {
        "PATH": os.pathsep.join([bin_path, *rest]),
        "PYTHONHOME": None,
        "VIRTUAL_ENV": env_dir,
        "VIRTUAL_ENV_PROMPT": os.path.basename(env_dir) if prompt is None else prompt,
    }


def _sources(path: str) -> Iterable[_Source]:
    """Return the files to be installed from *path*; newvenv's own are read once in a process."""
    if path not in _own:
        if path != templates():
            return _read_sources(path)
        _own[path] = list(_read_sources(path) if os.path.isdir(path) else _read_archive(path))
    return _own[path]


def _read_archive(path: str) -> Iterator[_Source]:
    """Yield newvenv's own templates where the package is in an archive, or none.

    Archives made by ``zipapp`` and wheels do not say the modes.
    """
    from importlib.resources import files

    package = files(__package__)
    for directory in ("common", os.name):
        try:
            found = list((package / "scripts" / directory).iterdir())
        except (OSError, ValueError):
            from . import logger

            logger.warning("No activation scripts: newvenv has no templates in %r", path)
            return
        for template in found:
            if template.is_file():
                source = os.path.join(path, directory, template.name)
                yield source, template.name, template.read_bytes(), 0o644


def _read_sources(path: str) -> Iterator[_Source]:
    for directory, subdirectories, names in os.walk(path):
        if directory == path:
            subdirectories[:] = [name for name in subdirectories if name in ("common", os.name)]
            continue
        # An installer may have compiled templates that are Python.
        subdirectories[:] = [name for name in subdirectories if name != "__pycache__"]
        below = os.path.join("", *os.path.relpath(directory, path).split(os.sep)[1:])
        for name in names:
            source = os.path.join(directory, name)
            if not (_is_binary(source) and os.path.normcase(name).startswith(_INTERPRETERS)):
                with open(source, "rb") as file:
                    mode = os.fstat(file.fileno()).st_mode & 0o7777
                    yield source, os.path.join(below, name), file.read(), mode


def _is_binary(source: str) -> bool:
    return os.name == "nt" and source.endswith(_BINARIES)


def _fill(
    source: str,
    data: bytes,
    context: types.SimpleNamespace,
    replace_variables: Callable[[str, types.SimpleNamespace], str] | None,
) -> bytes | None:
    """The template *data* with its variables replaced; None, and a warning, if it is no text."""
    context.script_path = source
    try:
        if replace_variables is None:
            return _filled(data, context)
        text = replace_variables(data.decode("utf-8"), context)
        return text.encode("utf-8", "surrogateescape")
    except UnicodeError as error:
        from . import logger

        logger.warning("unable to copy script %r, may be binary: %s", source, error)
        return None


def _filled(template: str | bytes, context: types.SimpleNamespace) -> bytes:
    """What :func:`render` returns, in UTF-8: most of it is never anything else."""
    quote = _quoting.for_script(getattr(context, "script_path", ""))
    if template not in _parts:
        if len(_parts) >= _MOST_PARTS:
            _parts.clear()
        _parts[template] = _take_apart(template)
    pieces, slots, distinct = _parts[template]
    literals = {}
    for placeholder, is_quoted in distinct:
        value = _writable(_VALUES[placeholder](context))
        literal = value if is_quoted and _quoting.is_harmless(value) else quote(value)
        literals[placeholder, is_quoted] = literal.encode("utf-8", "surrogateescape")
    pieces = pieces.copy()
    pieces[1::2] = [literals[slot] for slot in slots]
    return b"".join(pieces)


def _take_apart(template: str | bytes) -> _Parts:
    """Return the parts of *template*, of which those at odd places are to be filled.

    A regular expression would say the same, but costs more to import than all templates
    to fill.
    """
    text = template if isinstance(template, str) else template.decode("utf-8")
    pieces: list[str] = []
    slots: list[_Slot] = []
    start, begin = 0, text.find(_PLACEHOLDER)
    while begin >= 0:
        end = text.find("__", begin + len(_PLACEHOLDER)) + 2
        if text[begin:end] in _VALUES:
            pieces += text[start:begin], ""
            slots.append((text[begin:end], _is_quoted(text, begin)))
            start = end
        else:
            end = begin + 1
        begin = text.find(_PLACEHOLDER, end)
    pieces.append(text[start:])
    return [piece.encode("utf-8", "surrogateescape") for piece in pieces], slots, {*slots}


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
    if value.isascii() and "\0" not in value:
        return value
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
    """Return *env_dir*'s directory of scripts; MSYS2's Python on Windows calls it ``bin``."""
    scripts = os.path.join(env_dir, "Scripts")
    return scripts if os.name == "nt" and os.path.isdir(scripts) else os.path.join(env_dir, "bin")
