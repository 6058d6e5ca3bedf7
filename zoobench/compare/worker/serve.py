"""A side's worker: it answers one request after the other, and computes only while it has one."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from typing import Any

import msgspec

from zoobench.compare import messages
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
    Refusal,
    Release,
    Released,
    Reply,
    TakeBlock,
    TakenBlock,
    Warm,
    WarmUp,
    WorkerReply,
    WorkerRequest,
)
from zoobench.compare.worker.prepared_case import PreparedCase
from zoobench.compare.worker.side_zoo import SideZoo, is_missing, refusal_of
from zoobench.devices.device import BUILD
from zoobench.measure.worker.environment import describe_machine

_REQUESTS: msgspec.msgpack.Decoder[WorkerRequest] = msgspec.msgpack.Decoder(WorkerRequest)


def serve(requests: int, replies: int, folder: str) -> None:
    """Answer until the pipe of requests closes.

    What is imported by now is never garbage: to look through it again took 0.18 s whenever a case was released.
    """
    gc.freeze()
    worker = Worker(SideZoo(folder))
    gc.collect()
    gc.freeze()  # what was imported stays: to look through it after every case would take a tenth of a second
    while True:
        try:
            request = _REQUESTS.decode(messages.receive(requests))
            messages.send(replies, msgspec.msgpack.encode(_answer(worker, request)))
        except messages.ClosedError:
            return


def _answer(worker: Worker, request: WorkerRequest) -> WorkerReply:
    began_s = time.monotonic()
    try:
        reply = worker.answer(request)
    except Exception as error:  # noqa: BLE001 - the case boundary
        reply = Refusal(failure=refusal_of(error, _STEPS[type(request)]), is_missing=is_missing(error))
    return WorkerReply(reply=reply, began_s=began_s, ended_s=time.monotonic())


class Worker:
    """Holds the case that is prepared."""

    def __init__(self, zoo: SideZoo) -> None:
        self._zoo = zoo
        self._prepared_case: PreparedCase | None = None
        self._answers: dict[type, Callable[[Any], Reply]] = {
            Discover: self._discover,
            ListCases: self._list,
            Prepare: self._prepare,
            CountFacts: self._count,
            Compute: self._compute,
            WarmUp: self._warm_up,
            TakeBlock: self._take_block,
            Release: self._release,
        }

    def answer(self, request: WorkerRequest) -> Reply:
        """The reply to a request.

        Raises: whatever the side's code raises.
        """
        return self._answers[type(request)](request)

    def _discover(self, request: Discover) -> Reply:
        self._zoo.load(request.modules)
        environment = describe_machine(self._zoo.folder, request.extra_devices)
        return Discovery(environment=environment, loaded=self._zoo.loaded())

    def _list(self, request: ListCases) -> Reply:
        cases, unknown = self._zoo.expand(request.matrix)
        return Listed(cases=cases, unknown=unknown)

    def _prepare(self, request: Prepare) -> Reply:
        self._release(Release())
        self._prepared_case = PreparedCase(request, self._zoo)
        return Prepared()

    def _count(self, _: CountFacts) -> Reply:
        exact, unavailable = self._prepared.count()
        return CountedFacts(exact=exact, unavailable=unavailable)

    def _compute(self, _: Compute) -> Reply:
        logits = self._prepared.compute()
        return Output(shape=logits.shape, values=logits.astype("<f4").tobytes())

    def _warm_up(self, request: WarmUp) -> Reply:
        return Warm(call_s=self._prepared.warm_up(request.bound_s))

    def _take_block(self, request: TakeBlock) -> Reply:
        block = self._prepared.take_block(request.rounds, request.calls_a_round, has_new_layout=request.has_new_layout)
        return TakenBlock(block=block)

    def _release(self, _: Release) -> Reply:
        prepared_case, self._prepared_case = self._prepared_case, None
        if prepared_case is not None:
            prepared_case.release()
        return Released()

    @property
    def _prepared(self) -> PreparedCase:
        if self._prepared_case is None:
            raise RuntimeError("no case is prepared")
        return self._prepared_case


_STEPS: dict[type, str] = {
    Discover: "start",
    ListCases: "start",
    Prepare: BUILD,
    CountFacts: "count",
    Compute: "output",
    WarmUp: "warm-up",
    TakeBlock: "block",
    Release: "release",
}
"""Where a failure is said to be."""
