"""Why a model has no count."""

from __future__ import annotations


class UncountableError(Exception):
    """A model whose cost its shapes alone do not tell; the text is one line that says why.

    It is a result (an `Unavailable` count), not a user's mistake: the model may run well on real tensors.
    """
