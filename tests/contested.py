"""Fabricated experiments: evidence of exactly these log-ratios, or drawn by seed; measured by nobody."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from synthetic import make_case

from zoobench.cases import Case
from zoobench.records import Environment, Failure, FailureKind
from zoobench.records.comparison import (
    Block,
    CaseFacts,
    CasePair,
    ComparisonKind,
    ComparisonSetup,
    Evidence,
    Replicate,
    Rule,
    Side,
    SideName,
    Stage,
)

RULE = Rule(margin_ratio=0.05)
CALL_S = 0.01
EXACT = {"parameters": 1e6, "macs": 3e8}
CRASH = Failure(kind=FailureKind.CRASH, message="the worker was killed by SIGSEGV", where="latency")
MISSING = Failure(kind=FailureKind.BUILD, message="unknown model 'gone'", where="build")


def make_environment(**software: str) -> Environment:
    facts = {"python": "3.11.7", "torch": "2.14.1", "torchvision": "0.29.1", "numpy": "2.4.6", **software}
    return Environment(
        host={"processor": "Example CPU", "machine": "x86_64", "cores": "2", "usable_threads": "2"},
        software=facts,
        settings={"instruction_set": "AVX512"},
        commit={},
    )


def make_side(name: SideName, **more: object) -> Side:
    plain = {"asked": "HEAD~1" if name is SideName.BASE else "HEAD", "environment": make_environment()}
    return Side(name=name, **{**plain, **more})


def make_experiment(
    rule: Rule = RULE, kind: ComparisonKind = ComparisonKind.COMMITS, **more: object
) -> ComparisonSetup:
    plain = {
        "comparison_id": "20260301T090000.000Z-compare",
        "started_at": "2026-03-01T09:00:00.000+00:00",
        "command": ("zoobench", "compare", "HEAD~1..HEAD"),
        "base": make_side(SideName.BASE),
        "head": make_side(SideName.HEAD),
        "seed": 1,
    }
    return ComparisonSetup(rule=rule, kind=kind, **{**plain, **more})


def make_contest(case: Case | None = None, **more: object) -> CasePair:
    """One case that runs on both sides with the same exact metrics, unless `more` says otherwise."""
    case = case or make_case("resnet18")
    plain = {
        "id": case.id,
        "base_case": case,
        "head_case": case,
        "base": CaseFacts(exact=EXACT, call_s=CALL_S),
        "head": CaseFacts(exact=EXACT, call_s=CALL_S),
        "output_error": 0.0,
        "output_tolerance": 1e-5,
    }
    return CasePair(**{**plain, **more})


def make_control(name: str = "control/product", **more: object) -> CasePair:
    return make_contest(id=name, base_case=None, head_case=None, is_control=True, **more)


def make_replicate(
    case_pair: str, log_ratio: float, generation: int = 0, stage: Stage = Stage.SCREEN, **more: object
) -> Replicate:
    """Four quiet blocks of three rounds; the head's calls take as many times the base's."""
    base = Block(samples=(CALL_S,) * 3)
    head = Block(samples=(CALL_S * math.exp(log_ratio),) * 3)
    plain = {"order": "ABBA", "blocks": (base, head, head, base)}
    return Replicate(case_pair=case_pair, stage=stage, generation=generation, **{**plain, **more})


def failed_replicates(
    case_pair: str, side: SideName, attempts: Iterable[int] = (1, 2), **more: object
) -> list[Replicate]:
    return [
        make_replicate(case_pair, 0.0, order="", blocks=(), failure=CRASH, failed=side, attempt=attempt, **more)
        for attempt in attempts
    ]


def replicates_of(case_pair: str, log_ratios: Sequence[float], stage: Stage = Stage.SCREEN) -> list[Replicate]:
    return [make_replicate(case_pair, value, generation, stage) for generation, value in enumerate(log_ratios)]


def spread_round(centre: float, n: int = 12, half_width: float = 0.01) -> list[float]:
    """`n` different log-ratios, symmetric about their centre."""
    return [centre + half_width * (2 * place / (n - 1) - 1) for place in range(n)]


def make_evidence(
    changes: Mapping[str, float], *, n: int = 12, half_width: float = 0.01, setup: ComparisonSetup | None = None
) -> Evidence:
    """A finished experiment in which every model's head takes that many times the base, 1.5 being half as long again.

    Everything was confirmed, whether suspected or not.
    """
    case_pairs = tuple(make_contest(make_case(name)) for name in changes)
    replicates = [
        replicate
        for case_pair, ratio in zip(case_pairs, changes.values(), strict=True)
        for stage in Stage
        for replicate in replicates_of(case_pair.id, spread_round(math.log(ratio), n, half_width), stage)
    ]
    return Evidence(setup=setup or make_experiment(), case_pairs=case_pairs, replicates=tuple(replicates))


def noisy_evidence(
    changes: Sequence[float],
    *,
    screen: int,
    confirm: int,
    spread: float,
    rule: Rule = RULE,
    seed: int = 0,
    order: str = "ABBA",
    rounds: int = 3,
    slow_share: float = 0.0,
) -> Evidence:
    """Normal noise between generations. Each case is the same model at another batch.

    Blocks have what blocks have on a CPU: covariates and readings of the reference, that share of them 1.3 times as
    slow as the others.
    """
    rng = np.random.default_rng(seed)
    case_pairs = tuple(make_contest(make_case("resnet18", batch=place + 1)) for place in range(len(changes)))
    replicates = []
    for stage, generations in ((Stage.SCREEN, screen), (Stage.CONFIRM, confirm)):
        noise = rng.normal(0.0, spread, (generations, len(changes)))
        for generation, case_pair in itertools.product(range(generations), range(len(changes))):
            ratio = (1 + changes[case_pair]) * math.exp(noise[generation, case_pair])
            blocks = tuple(
                _block(CALL_S * (ratio if letter == "B" else 1.0), rounds, 1.3 if rng.random() < slow_share else 1.0)
                for letter in order
            )
            replicates.append(
                Replicate(
                    case_pair=case_pairs[case_pair].id, stage=stage, generation=generation, order=order, blocks=blocks
                )
            )
    return Evidence(setup=make_experiment(rule), case_pairs=case_pairs, replicates=tuple(replicates))


def _block(call_s: float, rounds: int, pace: float) -> Block:
    """Rounds at about that pace, with readings that say so."""
    return Block(
        samples=tuple(pace * call_s * (1 + 0.001 * (place % 3)) for place in range(rounds)),
        covariates={"cpu_s": (1.9 * call_s,) * rounds, "run_delay_s": (0.001 * call_s,) * rounds},
        references_s=tuple(0.0002 * pace * (1 + 0.001 * (place % 5)) for place in range(rounds + 1)),
    )
