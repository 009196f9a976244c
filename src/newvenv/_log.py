"""What a run tells about itself: records for the logger, and steps for a terminal.

``logging`` costs more than an environment does. As long as no one has imported it, no
one can have asked for a record below the level of a warning, so none is made.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

#: Shows on a terminal what is being done; set by the command line.
show_step: Callable[[str], object] | None = None


def step(text: str) -> None:
    """Say that work begins which may take longer than a moment: what it is, in a few words."""
    if show_step is not None:
        show_step(text)


def info(message: str, *values: object) -> None:
    """Log a decision, in a sentence for users (``-v``)."""
    if "logging" in sys.modules:
        from . import logger

        logger.info(message, *values)


def debug(message: str, *values: object) -> None:
    """Log a detail (``-vv``)."""
    if "logging" in sys.modules:
        from . import logger

        logger.debug(message, *values)
