"""What can go wrong with a side."""

from __future__ import annotations

from zoobench.compare.evidence import SideName
from zoobench.compare.result import Exit
from zoobench.errors import ZoobenchError
from zoobench.records import Failure


class SideError(ZoobenchError):
    """A side that cannot be measured at all."""

    exit_code = Exit.NO_COMPARISON

    def __init__(self, side: SideName, message: str) -> None:
        super().__init__(f"the {side} cannot be measured: {message}")


class RequestFailedError(Exception):
    """A request of which nothing came. `is_dead` if the worker is gone, `is_missing` if its side has no such model."""

    def __init__(self, side: SideName, failure: Failure, *, is_dead: bool = False, is_missing: bool = False) -> None:
        super().__init__(f"{side}: {failure.message}")
        self.side = side
        self.failure = failure
        self.is_dead = is_dead
        self.is_missing = is_missing


class NothingToCompareError(ZoobenchError):
    """No case on either side."""

    exit_code = Exit.NO_COMPARISON
