"""Why a model has no count."""

from __future__ import annotations

import textwrap
from typing import Final

_REASON_LENGTH = 200

FORWARD_ERRORS: Final = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What a forward raises when it meets a tensor without values, or an input it cannot take."""


class UncountableError(Exception):
    """A model whose cost its shapes alone do not tell; the text is one line that says why.

    It is a result (an `Unavailable` count), not a user's mistake: the model may run well on real tensors.
    """


def refusal(subject: str, reason: str | Exception) -> UncountableError:
    """The error of one line: "(subject) cannot be counted: (reason)", cut where it is too long to read."""
    why = reason if isinstance(reason, str) else str(reason) or type(reason).__name__
    return UncountableError(textwrap.shorten(f"{subject}: {why}", _REASON_LENGTH, placeholder=" …"))
