"""The pilot: every pair of cases is built on both sides, counted, called for its output, and warmed up once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeVar

import msgspec

from zoobench.compare.evidence import Contest, Facts, SideName
from zoobench.experiment.agreement import output_error, tolerance_of
from zoobench.experiment.assignment import Pair
from zoobench.experiment.cost import Cost, warm_up_bound_s
from zoobench.experiment.errors import RequestFailedError
from zoobench.experiment.messages import (
    EXACT_METRICS,
    Compute,
    Counted,
    CountFacts,
    Output,
    Prepare,
    Prepared,
    Release,
    Released,
    Request,
    Warm,
    WarmUp,
)
from zoobench.experiment.opponents import Opponents
from zoobench.records import Failure, FailureKind

WARM_UP_BOUND_S = 2.0
"""Of the pilot's: as long as a case's own may take (`zoobench.cases.Budget`)."""

_SEED = 0
"""Of layouts: the pilot takes no blocks."""

AnyReply = TypeVar("AnyReply")


class Tried(NamedTuple):
    """What the pilot found: the contest; what it costs, if it runs on both sides; what a reader must know.

    `is_over` if a worker died: both are to be replaced.
    """

    contest: Contest
    cost: Cost | None
    notes: tuple[str, ...]
    is_over: bool


def try_pair(opponents: Opponents, pair: Pair, *, injected_ratio: float, limit_s: float) -> Tried:
    """Try one pair on both sides: at the same time, but for what is timed. A side that failed is asked no more."""
    trial = _Trial(opponents, pair, limit_s)
    trial.build()
    trial.count()
    trial.compute()
    trial.warm_up()
    trial.release()
    return Tried(
        contest=_contest_of(pair, trial.seen, injected_ratio),
        cost=_cost_of(pair, trial.seen, opponents.start_s, is_injected=injected_ratio > 0),
        notes=tuple(trial.notes),
        is_over=trial.is_over,
    )


class _Seen(msgspec.Struct, kw_only=True):
    """What one side has said so far."""

    facts: Facts = Facts()
    output: Output | None = None
    build_s: float = 0.0


class _Trial:
    """One pair on its way through the pilot."""

    def __init__(self, opponents: Opponents, pair: Pair, limit_s: float) -> None:
        cases = {SideName.BASE: pair.base, SideName.HEAD: pair.head}
        self._requests: dict[SideName, Request] = {
            side: Prepare(case=case, seed=_SEED, is_control=pair.is_control)
            for side, case in cases.items()
            if case is not None
        }
        self._opponents = opponents
        self._pair = pair
        self._limit_s = limit_s
        self.seen = {side: _Seen() if side in self._requests else _Seen(facts=_WITHOUT_CASE) for side in SideName}
        self.notes: list[str] = []
        self.is_over = False

    def build(self) -> None:
        for side, reply in self._ask(self._requests, Prepared).items():
            if isinstance(reply, RequestFailedError):
                self._fail(side, reply)
            self.seen[side].build_s = self._opponents[side].spent_s

    def count(self) -> None:
        for side, reply in self._ask(dict.fromkeys(self._running(), CountFacts()), Counted).items():
            if isinstance(reply, Counted):
                self._learn(side, exact=reply.exact, unavailable=reply.unavailable)
            else:
                self._learn(side, unavailable=dict.fromkeys(EXACT_METRICS, reply.failure.message))

    def compute(self) -> None:
        for side, reply in self._ask(dict.fromkeys(self._running(), Compute()), Output).items():
            if isinstance(reply, Output):
                self.seen[side].output = reply
            else:
                self.notes.append(f"{self._pair.id}: the {side} gave no output to compare: {reply.failure.message}")

    def warm_up(self) -> None:
        """One side after the other."""
        for side in self._running():
            for reply in self._ask({side: WarmUp(bound_s=WARM_UP_BOUND_S)}, Warm).values():
                if isinstance(reply, RequestFailedError):
                    self._fail(side, reply)
                else:
                    self._learn(side, call_s=reply.call_s)

    def release(self) -> None:
        if not self.is_over:
            self._ask(dict.fromkeys(SideName, Release()), Released)

    def _ask(
        self, requests: Mapping[SideName, Request], kind: type[AnyReply]
    ) -> dict[SideName, AnyReply | RequestFailedError]:
        """The replies of the living; a death is noted here."""
        replies = self._opponents.ask_both(requests, kind, self._limit_s)
        dead = {
            side: reply for side, reply in replies.items() if isinstance(reply, RequestFailedError) and reply.is_dead
        }
        for side, error in dead.items():
            self.is_over = True
            self._fail(side, error)
        return {side: reply for side, reply in replies.items() if side not in dead}

    def _running(self) -> tuple[SideName, ...]:
        return tuple(side for side in self._requests if self.seen[side].facts.failure is None)

    def _fail(self, side: SideName, error: RequestFailedError) -> None:
        self._learn(side, failure=error.failure, is_missing=error.is_missing)

    def _learn(self, side: SideName, **fields: Any) -> None:
        self.seen[side].facts = msgspec.structs.replace(self.seen[side].facts, **fields)


def _contest_of(pair: Pair, seen: Mapping[SideName, _Seen], injected_ratio: float) -> Contest:
    base, head = seen[SideName.BASE], seen[SideName.HEAD]
    error = output_error(base.output, head.output) if base.output and head.output else None
    return Contest(
        id=pair.id,
        base_case=pair.base,
        head_case=pair.head,
        base=base.facts,
        head=head.facts,
        output_error=error,
        output_tolerance=max(tolerance_of(case.precision) for case in pair.cases),
        is_control=pair.is_control,
        injected_ratio=injected_ratio,
    )


def _cost_of(pair: Pair, seen: Mapping[SideName, _Seen], start_s: float, *, is_injected: bool) -> Cost | None:
    """None unless both sides run it."""
    calls_s = [one.facts.call_s for one in seen.values() if one.facts.call_s is not None]
    if len(calls_s) < len(SideName):
        return None
    call_s = sum(calls_s) / len(calls_s)
    warm_up_s = len(SideName) * warm_up_bound_s(call_s, is_injected=is_injected)
    own_start_s = start_s if pair.needs_own_processes else 0.0
    fixed_s = own_start_s + sum(one.build_s for one in seen.values()) + warm_up_s
    return Cost(contest=pair.id, fixed_s=fixed_s, call_s=call_s)


_WITHOUT_CASE = Facts(
    failure=Failure(kind=FailureKind.BUILD, message="this side has no such case", where="build"), is_missing=True
)
