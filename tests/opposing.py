"""Sides that live in this process, on a clock that moves only as they work: for the order of things, and deadlines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

import msgspec
import numpy as np
from fakes import FakeClock

from zoobench.cases import Case
from zoobench.compare.checkouts import Checkout
from zoobench.compare.messages import (
    Compute,
    CountedFacts,
    CountFacts,
    Discover,
    Discovery,
    ListCases,
    Listed,
    Output,
    Prepare,
    Prepared,
    Release,
    Released,
    Reply,
    TakeBlock,
    TakenBlock,
    Warm,
    WarmUp,
    WorkerRequest,
)
from zoobench.compare.spec import RequestFailedError
from zoobench.records import Environment, Failure, FailureKind
from zoobench.records.comparison import Block, SideName

START_S = 4.0
BUILD_S = 1.0
CALL_S = 0.25
COUNT_S = 2.0

SOFTWARE = {"torch": "2", "torchvision": "1"}


class Act(msgspec.Struct):
    """What a side does instead of answering: at the `nth` request of that kind for that case. Then it is over."""

    request: type[WorkerRequest]
    failure: Failure = Failure(kind=FailureKind.CRASH, message="it broke", where="here")
    side: SideName = SideName.HEAD
    model: str = ""
    nth: int = 1
    is_dead: bool = True
    is_missing: bool = False
    is_lasting: bool = False
    interrupts: bool = False
    seen: int = 0


class Stage(msgspec.Struct):
    """Everything that fake sides share. `asked` is each request with its side and the time at which it began."""

    clock: FakeClock
    cases: Mapping[SideName, tuple[Case, ...]] = {}
    call_s: Mapping[SideName, float] = {}
    outputs: Mapping[SideName, float] = {}
    acts: list[Act] = []
    asked: list[tuple[SideName, WorkerRequest, float]] = []
    hash_seeds: list[int] = []
    living: list[FakeSide] = []
    unknown: Mapping[SideName, dict[str, str]] = {}
    trees: Mapping[SideName, str] = {}
    torch: str = "2"

    def start(self, checkout: Checkout, hash_seed: int) -> Any:
        self.hash_seeds.append(hash_seed)
        return FakeSide(self, checkout.name)

    def requests(self, kind: type[WorkerRequest]) -> list[tuple[SideName, Any]]:
        return [(side, request) for side, request, _ in self.asked if isinstance(request, kind)]


class FakeSide:
    """As `SideProcess`."""

    def __init__(self, stage: Stage, side: SideName) -> None:
        self.side = side
        self.spent_s = 0.0
        self._stage = stage
        self._case: Case | None = None
        self._sent: WorkerRequest | None = None
        self._is_dead = False

    def __enter__(self) -> Self:
        self._stage.living.append(self)
        self._stage.clock.advance(START_S / 2)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stage.living.remove(self)

    def ask(self, request: WorkerRequest, kind: type[Any], limit_s: float) -> Any:
        self.send(request)
        return self.reply(kind, limit_s)

    def send(self, request: WorkerRequest) -> None:
        assert self._sent is None, "one request at a time"
        assert not self._is_dead, "a dead worker is asked no more"
        self._sent = request

    def reply(self, kind: type[Any], limit_s: float) -> Any:
        request, self._sent = self._sent, None
        assert request is not None
        assert limit_s > 0
        self._stage.asked.append((self.side, request, self._stage.clock()))
        if isinstance(request, Prepare):
            self._case = request.case
        self._act(request)
        began_s = self._stage.clock()
        reply = _ANSWERS[type(request)](self, request)
        self.spent_s = self._stage.clock() - began_s
        assert isinstance(reply, kind)
        return reply

    def _act(self, request: WorkerRequest) -> None:
        for act in self._stage.acts:
            if not isinstance(request, act.request) or act.side is not self.side:
                continue
            if act.model and (self._case is None or self._case.model.name != act.model):
                continue
            act.seen += 1
            if act.seen == act.nth or (act.is_lasting and act.seen > act.nth):
                if act.interrupts:
                    raise KeyboardInterrupt
                self._is_dead = act.is_dead
                raise RequestFailedError(self.side, act.failure, is_dead=act.is_dead, is_missing=act.is_missing)

    def _introduction(self, _: Discover) -> Reply:
        environment = Environment(
            host={"processor": "fake"}, software={**SOFTWARE, "torch": self._stage.torch}, settings={}, commit={}
        )
        return Discovery(environment=environment, loaded={"nets": "nets/__init__.py"})

    def _listed(self, _: ListCases) -> Reply:
        return Listed(cases=self._stage.cases[self.side], unknown=self._stage.unknown.get(self.side, {}))

    def _prepared(self, _: Prepare) -> Reply:
        self._stage.clock.advance(BUILD_S)
        return Prepared()

    def _counted(self, _: CountFacts) -> Reply:
        self._stage.clock.advance(COUNT_S)
        return CountedFacts(exact={"parameters": 7.0}, unavailable={"graph_breaks": "eager"})

    def _output(self, _: Compute) -> Reply:
        value = self._stage.outputs.get(self.side, 1.0)
        return Output(shape=(1, 1), values=np.array([value], dtype="<f4").tobytes())

    def _warm(self, request: WarmUp) -> Reply:
        self._stage.clock.advance(request.bound_s)
        return Warm(call_s=self._call_s)

    def _block(self, request: TakeBlock) -> Reply:
        self._stage.clock.advance((request.rounds * request.calls_a_round + 1) * self._call_s)
        samples = (self._call_s,) * request.rounds
        return TakenBlock(block=Block(samples, {"page_faults": (0.0,) * request.rounds}))

    def _released(self, _: Release) -> Reply:
        return Released()

    @property
    def _call_s(self) -> float:
        return self._stage.call_s.get(self.side, CALL_S)


_ANSWERS: dict[type, Callable[[Any, Any], Reply]] = {
    Discover: FakeSide._introduction,
    ListCases: FakeSide._listed,
    Prepare: FakeSide._prepared,
    CountFacts: FakeSide._counted,
    Compute: FakeSide._output,
    WarmUp: FakeSide._warm,
    TakeBlock: FakeSide._block,
    Release: FakeSide._released,
}
