"""Errors that the user can fix. Each message is one line: what was wrong, and what would be right.

Everything else that can go wrong while measuring is a `zoobench.records.Failure`, which is a result, not an
error.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ZoobenchError(Exception):
    """An error that the user can fix. The command line prints its text alone and exits with `exit_code`."""

    exit_code = 2


class UnknownNameError(ZoobenchError):
    """A name that is not in the list it should come from; the nearest ones are offered."""

    def __init__(self, kind: str, name: str, known: Iterable[str], *, where_listed: str = "") -> None:
        super().__init__(_unknown_name_text(kind, name, sorted(known), where_listed))


class BadInputError(ZoobenchError):
    """A value that cannot be used."""


class StoreError(ZoobenchError):
    """A results folder that cannot be read or written."""


class IdentityError(ZoobenchError):
    """A side is not what it is taken for: other code was loaded, or it needs another environment."""

    exit_code = 5


_MAX_LISTED = 20
"""A line with hundreds of names would not be read."""


def _unknown_name_text(kind: str, name: str, known: list[str], where_listed: str) -> str:
    nearest = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    if nearest:
        hint = f"did you mean {_either(nearest)}?"
    elif where_listed:
        hint = f"{where_listed} prints the names"
    else:
        hint = f"known: {_listed(known)}"
    return f"unknown {kind} {name!r}: {hint}"


def _listed(names: list[str]) -> str:
    more = len(names) - _MAX_LISTED
    return ", ".join(names[:_MAX_LISTED]) + (f" and {more} more" if more > 0 else "") if names else "none"


def _either(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
