"""Names of cases for people: what all ids of a comparison have in common is said once, not in every row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

_SEPARATOR = "/"


class Names(NamedTuple):
    """`short` is by id, and tells every id from the others; `common` is what was left out of each."""

    short: Mapping[str, str]
    common: str


def short_names(ids: Iterable[str]) -> Names:
    """Without the parts in which no id differs from another; ids of unlike forms keep all of theirs.

    The first part, the model, always stays.
    """
    unique = list(dict.fromkeys(ids))
    parts = [case_id.split(_SEPARATOR) for case_id in unique]
    if len({len(each) for each in parts}) != 1:
        return Names({case_id: case_id for case_id in unique}, "")
    differing = [len(set(column)) > 1 for column in zip(*parts, strict=True)]
    kept = [True, *differing[1:]]
    short = {case_id: _joined(each, kept) for case_id, each in zip(unique, parts, strict=True)}
    return Names(short, _joined(parts[0], [not is_kept for is_kept in kept]))


def _joined(parts: Iterable[str], chosen: Iterable[bool]) -> str:
    return _SEPARATOR.join(part for part, is_chosen in zip(parts, chosen, strict=True) if is_chosen)
