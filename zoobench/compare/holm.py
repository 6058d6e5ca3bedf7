"""Many tests at once: adjusted probabilities that bound the chance of any false one."""

from __future__ import annotations

from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Holm's step-down adjusted p-values, in the order given.

    Calling every test whose adjusted p is at most α calls a false one with probability at most α, however the tests
    depend on each other. Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of
    Statistics 6 (1979).
    """
    adjusted, largest, tests = [1.0] * len(p_values), 0.0, len(p_values)
    for place, index in enumerate(sorted(range(tests), key=p_values.__getitem__)):
        largest = max(largest, (tests - place) * p_values[index])
        adjusted[index] = min(1.0, largest)
    return tuple(adjusted)
