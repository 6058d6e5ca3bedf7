"""What all ids of a comparison have in common: said once, not in every row."""

from __future__ import annotations

from collections.abc import Iterable

_SEPARATOR = "/"


def shared_axes(ids: Iterable[str]) -> str:
    """The axes that `zoobench.compare.outcome.short_names` leaves out of each id: those that no two differ in.

    The model is not among them. Empty where ids are not made of the same axes, and so are left whole.
    """
    axes = [case_id.split(_SEPARATOR) for case_id in ids]
    if len({len(parts) for parts in axes}) != 1:
        return ""
    return _SEPARATOR.join(values[0] for values in list(zip(*axes, strict=True))[1:] if len(set(values)) == 1)
