"""All that a shell of the sh family knows, to be compared before and after."""

from __future__ import annotations

import re
from pathlib import Path

#: Writes everything to files whose names begin with $1, by the shell's own commands.
_DUMP = r"""
dump () {
    {prefix} set >| "$1.variables"
    {prefix} export -p >| "$1.exported"
    {prefix} alias >| "$1.aliases" 2>/dev/null || :
    {prefix} set +o >| "$1.options" || :
    {prefix} echo "$-" >| "$1.flags"
    {prefix} typeset -fp >| "$1.functions" 2>/dev/null || :
    case ${BASH_VERSION-} in ?*) {prefix} shopt -p >| "$1.shopt" || : ;; esac
    {prefix} trap >| "$1.trap"
    {prefix} echo "${PATH-unset}" >| "$1.path"
}
"""
KINDS = (
    *("variables", "exported", "aliases", "options", "flags"),
    *("functions", "shopt", "trap", "path"),
)

#: What changes by itself, or by any use of PATH (ksh93's _AST_FEATURES) or of a pattern
#: (mksh's KSH_MATCH), and what this function itself is called with (zsh's argv).
_VOLATILE = re.compile(
    r"(typeset -\w+ |export |declare -\w+ |local )?"
    r"('?[?!_#*]'?|@|argv|_AST_FEATURES|KSH_MATCH|S?RANDOM|SECONDS|LINENO|EPOCH\w+|PIPESTATUS(\[\d+\])?|BASH_\w+|OPTIND|HISTCMD"
    r"|TTYIDLE|status|pipestatus|ZSH_\w+|zsh_\w+|func\w+|YASH_LE_TIMEOUT|PPID|BASHPID)(=|$)"
)


def dumper(shell: str) -> str:
    """Return the definition of the function ``dump`` for the shell of this name."""
    prefix = "builtin" if shell.startswith("zsh") else "command"
    return _DUMP.replace("{prefix}", prefix).replace("{{", "{").replace("}", "}")


def read(folder: Path, name: str) -> dict[str, list[str]]:
    """Return what ``dump name`` has written in *folder*, by kind, without the volatile."""
    return {kind: _lines(folder / f"{name}.{kind}") for kind in KINDS}


def _lines(path: Path) -> list[str]:
    if not path.exists():
        return []
    text = path.read_text(encoding="utf-8", errors="surrogateescape")
    return [line for line in text.splitlines() if not _VOLATILE.match(line)]
