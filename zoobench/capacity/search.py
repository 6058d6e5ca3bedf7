"""The search itself: whole numbers and an oracle, nothing else."""

from __future__ import annotations

from collections.abc import Callable

Fits = Callable[[int], bool]
"""Whether a batch fits. Dear to ask: no batch is asked about twice."""

Guess = Callable[[int, int], int]
"""Where to divide what lies between a batch that fits and a larger one that does not."""

LARGEST_BATCH = 2**16
"""Where a search ends that has met no limit, if nobody says otherwise."""

GUESSES = 4
"""So many divisions are where the guess says, those after them in the middle: a bad guess costs no more than these."""


def halfway(fitting: int, too_large: int) -> int:
    """The middle: what is best without an idea of the answer."""
    return (fitting + too_large) // 2


def largest_fitting(fits: Fits, *, most: int, guess: Guess = halfway) -> int:
    """The largest batch that fits, by doubling and then bisection: 0 if one image does not, `most` if that many do.

    Of the answer it is known by asking that it fits, and of one more, unless the answer is `most`, that it does not.
    For an answer n it asks at most 2 log₂(n) + 2 times, and `GUESSES` times more if every guess is bad; if the first
    one is right, only twice after doubling.

    Memory need not grow with every image: a kernel may take another algorithm at another batch. Where some batch fits
    although a smaller one does not, the answer is still such an edge (n fits, n + 1 does not), the one that the search
    comes to; what fits beyond it is not looked for, since a user who needs it there cannot rely on it.
    """
    fitting, batch = 0, 1
    while fits(batch):
        fitting = batch
        if batch == most:
            return most
        batch = min(2 * batch, most)
    return _divide(fits, fitting, batch, guess)


def _divide(fits: Fits, fitting: int, too_large: int, guess: Guess) -> int:
    guesses_left = GUESSES
    while too_large - fitting > 1:
        where = guess(fitting, too_large) if guesses_left > 0 else halfway(fitting, too_large)
        guesses_left -= 1
        batch = min(max(where, fitting + 1), too_large - 1)
        if fits(batch):
            fitting = batch
        else:
            too_large = batch
    return fitting
