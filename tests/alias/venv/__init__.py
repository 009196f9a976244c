"""Stands where the standard library's ``venv`` is looked for, and is newvenv."""

import sys

import newvenv

sys.modules[__name__] = newvenv
