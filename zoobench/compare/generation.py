"""One generation: fresh workers of both sides, every case pair once, blocks in turns, and what becomes of failures."""

from __future__ import annotations

import math
import random
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple

import msgspec

from zoobench.compare.messages import Prepare, Prepared, Release, Released, TakeBlock, TakenBlock, Warm, WarmUp
from zoobench.compare.spec import RequestFailedError, needs_own_processes, warm_up_bound_s
from zoobench.compare.worker_pair import LETTERS, WorkerPair
from zoobench.records.comparison import Block, CasePair, GenerationPlan, Replicate, SideName, Stage
from zoobench.stats.verdicts.plan import rounds_of

# What is drawn by the seed: the order of case pairs and of blocks, and the seeds of layouts and of hashes.
#
# Each is drawn from the seed and from what it is drawn for, and from nothing before it: a resumed experiment draws the
# same.


_RUNS = ("ABBA", "BAAB")
"""In either, what drifts evenly through the four blocks is the same on both sides."""

_PAIRS = ("AB", "BA")
_SEEDS = 2**32


def pair_order(case_pairs: Iterable[str], seed: int, stage: Stage, generation: int) -> list[str]:
    """The case pairs of a generation in random order."""
    ordered = sorted(case_pairs)
    _random(seed, stage, generation, "contests").shuffle(ordered)
    return ordered


def block_order(blocks: int, seed: int, stage: Stage, generation: int, case_pair: str) -> str:
    """Sides of so many blocks (rounded up to pairs), as runs of four, each begun by either side."""
    drawn = _random(seed, stage, generation, case_pair, "blocks")
    runs = [drawn.choice(_RUNS) for _ in range(blocks // 4)]
    return "".join([*runs, *(drawn.choice(_PAIRS) for _ in range((blocks % 4 + 1) // 2))])


def layout_seed(seed: int, stage: Stage, generation: int, case_pair: str, side: SideName) -> int:
    """Of a side's memory layouts in a generation."""
    return _random(seed, stage, generation, case_pair, side).randrange(_SEEDS)


def hash_seed(seed: int, *drawn_for: object) -> int:
    """Of the hashes of both sides' workers, as PYTHONHASHSEED."""
    return _random(seed, *drawn_for, "hashes").randrange(_SEEDS)


def _random(*drawn_for: object) -> random.Random:
    return random.Random("/".join(map(str, drawn_for)))  # noqa: S311 - not for secrets


ATTEMPTS = 2

_MOST_ROUNDS = 30
"""Of a block: calls too short for it are timed several at a time. A median needs no more, and every round is stored."""

_LAYOUTS = 4
"""Of each side in a generation."""

NewWorkers = Callable[[int], AbstractContextManager[WorkerPair]]
"""Fresh workers with that hash seed."""


class Generation(msgspec.Struct, frozen=True, kw_only=True):
    """Which one it is, and how it is measured. Requests that take longer than the limit have failed."""

    stage: Stage
    number: int
    plan: GenerationPlan
    seed: int
    limit_s: float


class Bounds(NamedTuple):
    """Where failures are noted that a second attempt may fix, and whether there is time for another case pair."""

    note: Callable[[str], None]
    is_in_time: Callable[[], bool]


class _Next(NamedTuple):
    case_pair: CasePair
    attempt: int = 1


def take_generation(
    generation: Generation, case_pairs: Sequence[CasePair], new: NewWorkers, bounds: Bounds
) -> Iterator[Replicate]:
    """The replicate of every case pair, as each is done; those for which there is no time any more are left out.

    When a request fails, the case pair is begun anew with fresh workers, once. A case pair with the system's heap has
    workers of its own: that heap is only itself in a process that never retained memory.
    """
    by_id = {case_pair.id: case_pair for case_pair in case_pairs}
    ordered = [by_id[name] for name in pair_order(by_id, generation.seed, generation.stage, generation.number)]
    alone = [case_pair for case_pair in ordered if needs_own_processes(case_pair.base_case, case_pair.head_case)]
    shared = [case_pair for case_pair in ordered if case_pair not in alone]
    for together in filter(None, (shared, *([case_pair] for case_pair in alone))):
        yield from _take_together(generation, together, new, bounds)


def take_replicate(generation: Generation, case_pair: CasePair, workers: WorkerPair, *, attempt: int = 1) -> Replicate:
    """Measure one case pair in these workers.

    Raises: RequestFailedError; the workers are then not to be used again.
    """
    drawn_for = (generation.seed, generation.stage, generation.number, case_pair.id)
    order = block_order(generation.plan.blocks, *drawn_for)
    sides = [LETTERS[letter] for letter in dict.fromkeys(order)]
    for side in sides:
        seed = layout_seed(*drawn_for, side)
        workers[side].ask(_prepare(case_pair, side, seed), Prepared, generation.limit_s)
    bound_s = warm_up_bound_s(_mean_call_s(case_pair), is_injected=case_pair.injected_ratio > 0)
    for side in sides:
        workers[side].ask(WarmUp(bound_s=bound_s), Warm, generation.limit_s)
    requests = block_requests(case_pair, generation.plan, order)
    blocks = [
        workers[LETTERS[letter]].ask(request, TakenBlock, generation.limit_s).block
        for letter, request in zip(order, requests, strict=True)
    ]
    for side in sides:
        workers[side].ask(Release(), Released, generation.limit_s)
    return Replicate(
        case_pair=case_pair.id,
        stage=generation.stage,
        generation=generation.number,
        order=order,
        blocks=without_zeros(blocks),
        attempt=attempt,
    )


def block_requests(case_pair: CasePair, plan: GenerationPlan, order: str) -> Iterator[TakeBlock]:
    """As many calls on both sides, whose mean takes the block's time; several a round where they are short.

    Layouts are new every few blocks of a side only: to move the weights may take longer than a call.
    """
    calls = rounds_of(plan.block_s, _mean_call_s(case_pair))
    calls_a_round = math.ceil(calls / _MOST_ROUNDS)
    request = TakeBlock(rounds=math.ceil(calls / calls_a_round), calls_a_round=calls_a_round)
    under_one_layout = math.ceil(len(order) / len(LETTERS) / _LAYOUTS)
    taken: Counter[str] = Counter()
    for letter in order:
        yield msgspec.structs.replace(request, has_new_layout=taken[letter] % under_one_layout == 0)
        taken[letter] += 1


def without_zeros(blocks: Sequence[Block]) -> tuple[Block, ...]:
    """The blocks without the covariates that were zero in every round of all of them: most are, and all are stored."""
    seen = {name for block in blocks for name, values in block.covariates.items() if any(values)}
    return tuple(
        msgspec.structs.replace(
            block, covariates={name: values for name, values in block.covariates.items() if name in seen}
        )
        for block in blocks
    )


def _take_together(
    generation: Generation, case_pairs: Sequence[CasePair], new: NewWorkers, bounds: Bounds
) -> Iterator[Replicate]:
    """Case pairs that share their workers, which are replaced after every failure."""
    left = deque(map(_Next, case_pairs))
    starts = 0
    while left and bounds.is_in_time():
        starts += 1
        with new(hash_seed(generation.seed, generation.stage, generation.number, starts)) as workers:
            yield from _take_until_failure(generation, left, workers, bounds)


def _take_until_failure(
    generation: Generation, left: deque[_Next], workers: WorkerPair, bounds: Bounds
) -> Iterator[Replicate]:
    while left and bounds.is_in_time():
        case_pair, attempt = left.popleft()
        try:
            replicate = take_replicate(generation, case_pair, workers, attempt=attempt)
        except RequestFailedError as error:
            if attempt == ATTEMPTS:
                yield _failed(generation, case_pair, error)
            else:
                bounds.note(f"{case_pair.id}: generation {generation.number} was begun anew, the {error.side} failed: "
                            f"{error.failure.message}")  # fmt: skip
                left.appendleft(_Next(case_pair, attempt + 1))
            return
        yield replicate


def _prepare(case_pair: CasePair, side: SideName, seed: int) -> Prepare:
    case = case_pair.base_case if side is SideName.BASE else case_pair.head_case
    if case is None:
        raise ValueError(f"{case_pair.id}: the {side} has no case to measure")
    wasted_ratio = case_pair.injected_ratio if side is SideName.HEAD else 0.0
    return Prepare(case=case, seed=seed, is_control=case_pair.is_control, wasted_ratio=wasted_ratio)


def _mean_call_s(case_pair: CasePair) -> float:
    """Of both sides' calls in the pilot."""
    return ((case_pair.base.call_s or 0.0) + (case_pair.head.call_s or 0.0)) / 2


def _failed(generation: Generation, case_pair: CasePair, error: RequestFailedError) -> Replicate:
    return Replicate(
        case_pair=case_pair.id,
        stage=generation.stage,
        generation=generation.number,
        order="",
        blocks=(),
        attempt=ATTEMPTS,
        failure=error.failure,
        failed=error.side,
    )
