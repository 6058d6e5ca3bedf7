"""How long deciding takes: `python benchmarks/bench_decide.py`.

Once of an experiment of 1,000 cases in 20 generations of 8 blocks, 15 rounds each, with covariates and readings of the
reference, half of the blocks slowed down; once of two stored runs of 5,000 cases of 20 rounds, reading them and
importing included. Each in a fresh process, on fabricated data (`tests/contested.py`, `tests/synthetic.py`). Exits with
1 if a limit is exceeded, or if torch, pandas or scipy were imported.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
DECIDE_LIMIT_S = 2.0
STORED_LIMIT_S = 3.0
HEAVY = ("torch", "pandas", "scipy", "matplotlib")


def main() -> None:
    """Print both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=1_000)
    parser.add_argument("--generations", type=int, default=20)
    parser.add_argument("--stored-cases", type=int, default=5_000)
    asked = parser.parse_args()
    decided = in_fresh_process(decide_experiment, asked.cases, asked.generations)
    print_seconds("decide", decided, DECIDE_LIMIT_S)
    with tempfile.TemporaryDirectory() as folder:
        names = in_fresh_process(fabricate, Path(folder), asked.stored_cases)
        stored = in_fresh_process(compare_stored, Path(folder), names)
    print_seconds("stored runs", stored, STORED_LIMIT_S)
    heavy = [*decided.heavy, *stored.heavy]
    print(f"imported of {', '.join(HEAVY)}: {', '.join(heavy) or 'none'}")
    sys.exit(bool(decided.seconds > DECIDE_LIMIT_S or stored.seconds > STORED_LIMIT_S or heavy))


class Measured(NamedTuple):
    """Seconds that passed, of which this process had a core, the result, and what was imported for it."""

    seconds: float
    cpu_s: float
    headline: str
    heavy: list[str]


def print_seconds(what: str, measured: Measured, limit_s: float) -> None:
    """One line; on a quiet machine as many seconds passed as were on a core."""
    print(f"{what:<12} {measured.seconds:5.2f} s, {measured.cpu_s:.2f} s on a core   (limit {limit_s:g} s)")
    print(f"             {measured.headline}")


def decide_experiment(cases: int, generations: int) -> Measured:
    """Decide a fabricated experiment; its making is not timed."""
    sys.path.insert(0, str(ROOT / "tests"))
    import contested  # noqa: PLC0415

    from zoobench.stats.verdicts.decide import decide  # noqa: PLC0415

    changes = [0.2 if place % 100 == 0 else 0.0 for place in range(cases)]
    screen = generations // 2
    evidence = contested.noisy_evidence(
        changes,
        screen=screen,
        confirm=generations - screen,
        spread=0.02,
        order="ABBABAAB",
        rounds=15,
        slow_share=0.5,
    )
    started, cpu_started = time.perf_counter(), time.process_time()
    comparison = decide(evidence)
    return Measured(time.perf_counter() - started, time.process_time() - cpu_started, comparison.headline, imported())


def fabricate(results: Path, cases: int) -> list[str]:
    """Write two runs of that many cases; the store's own writer would sync each to the disk. Their ids."""
    sys.path.insert(0, str(ROOT / "tests"))
    import msgspec  # noqa: PLC0415
    import synthetic  # noqa: PLC0415

    ids = ["20260301T090000.000Z-base", "20260301T100000.000Z-head"]
    for name in ids:
        run = synthetic.make_run((), run_id=name).run
        (results / name).mkdir()
        (results / name / "run.json").write_bytes(msgspec.json.encode(run))
        with (results / name / "cases.jsonl").open("wb") as file:
            for record in synthetic.large_run(cases, rounds=20):
                file.write(msgspec.json.encode(record) + b"\n")
    return ids


def compare_stored(results: Path, names: list[str]) -> Measured:
    """Import, read and compare."""
    started, cpu_started = time.perf_counter(), time.process_time()
    from zoobench.records import store  # noqa: PLC0415  importing is measured too
    from zoobench.records.comparison import Rule  # noqa: PLC0415
    from zoobench.stats.verdicts.stored_runs import compare_runs  # noqa: PLC0415

    base, head = (store.load_run(results, name) for name in names)
    comparison = compare_runs([base], [head], Rule(margin_ratio=0.05))
    return Measured(time.perf_counter() - started, time.process_time() - cpu_started, comparison.headline, imported())


def imported() -> list[str]:
    """What has no place in the process that decides, and is there."""
    return [name for name in HEAVY if name in sys.modules]


def in_fresh_process(function: Callable[..., Any], *arguments: object) -> Any:
    """Call it in an interpreter that has nothing of this one."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


if __name__ == "__main__":
    main()
