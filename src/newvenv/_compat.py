"""What differs between Python versions: the only place that asks for one.

newvenv has the semantics of CPython 3.15's ``venv`` everywhere, but for these points,
in which each version's own users and test suite expect their own answer.
"""

import sys

_VERSION = sys.version_info[:2]

#: The running version as names and paths have it, ``"3.X"``.
VERSION = "{}.{}".format(*_VERSION)

#: Does ``context.prompt`` read ``"(name) "`` rather than ``"name"``?
DECORATED_PROMPT = _VERSION < (3, 13)

#: The distributions that ``ensurepip`` installs and ``--upgrade-deps`` upgrades.
CORE_VENV_DEPS: tuple[str, ...] = ("pip", "setuptools") if _VERSION < (3, 12) else ("pip",)

#: Is pip upgraded by ``subprocess.check_call(cmd)`` with nothing but the command?
UPGRADE_BY_CHECK_CALL = _VERSION < (3, 10)

#: Does the standard library have ``--without-scm-ignore-files``, and record it?
SCM_OPTION = _VERSION >= (3, 13)

#: Is ``lib64`` a link to ``lib`` (later the platlib directory is made instead, gh-133951)?
LIB64_LINK = _VERSION < (3, 15)

#: Does ``sysconfig`` know the scheme ``venv`` (bpo-45413)?
VENV_SCHEME = _VERSION >= (3, 11)

#: Is the headers' directory named after the version, as the scheme ``venv`` has it?
VERSIONED_INCLUDE = (3, 11) <= _VERSION < (3, 14)

#: Does the environment get the extra name that 3.14 was given for its number?
PI_NAME = _VERSION == (3, 14)

#: Is there ``-P`` and ``PYTHONSAFEPATH`` (gh-57684)?
SAFE_PATH = _VERSION >= (3, 11)

#: The module that has SHA-256 without OpenSSL.
SHA256_MODULE = "_sha2" if _VERSION >= (3, 12) else "_sha256"

#: What usage texts call the program; None leaves it to argparse.
PROGRAM = "venv" if _VERSION < (3, 14) else None

#: Does ``site`` run ``.start`` files only, and no more ``import`` lines (PEP 829)?
START_FILES = _VERSION >= (3, 18)
