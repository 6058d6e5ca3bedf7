"""How long reports take, and how much memory: `python benchmarks/bench_report.py`.

A run of the default preset with and without charts (`--figures`), and one of 20,000 cases without. The runs are
fabricated (`tests/synthetic.py`) in a process of its own; importing, reading and the report are measured in a fresh one
each, which does nothing else. Prints seconds, and the peak resident memory of that process.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

ROOT = Path(__file__).resolve().parent.parent
LIMIT_BYTES = 2e9


class Trial(NamedTuple):
    """One report: of how many cases (None for those of the default preset), and in how long; drawing has no limit."""

    title: str
    records: int | None
    is_drawn: bool
    limit_s: float


TRIALS = (
    Trial("default preset", None, is_drawn=False, limit_s=8.0),
    Trial("default preset, --figures", None, is_drawn=True, limit_s=math.inf),
    Trial("20,000 cases", 20_000, is_drawn=False, limit_s=45.0),
)


def main() -> None:
    """Exits with 1 if a limit is exceeded."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=50, help="of a case among the 20,000")
    asked = parser.parse_args()
    within = [is_within_limits(trial, asked.rounds) for trial in TRIALS]
    sys.exit(not all(within))


def is_within_limits(trial: Trial, rounds: int) -> bool:
    """Measure it, and print what came out."""
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder)
        in_fresh_process(fabricate, results, trial.records, rounds)
        measured = in_fresh_process(report, results, trial.is_drawn)
    print(trial.title)
    total_s, peak = sum(seconds for _, seconds, _ in measured), measured[-1][2]
    for what, seconds, peak_bytes in (*measured, ("total", total_s, peak)):
        print(f"  {what:<8} {seconds:6.1f} s   peak {peak_bytes / 1e9:5.2f} GB")
    print(f"  limits   {trial.limit_s:6.1f} s        {LIMIT_BYTES / 1e9:5.2f} GB")
    return total_s <= trial.limit_s and peak <= LIMIT_BYTES


def fabricate(results: Path, records: int | None, rounds: int) -> None:
    """Write a run; the store's own writer would sync each case to the disk."""
    sys.path.insert(0, str(ROOT / "tests"))
    import synthetic  # noqa: PLC0415

    run = synthetic.make_run(()).run
    path = results / run.run_id
    path.mkdir()
    (path / "run.json").write_bytes(msgspec.json.encode(run))
    default = synthetic.default_run().records
    with (path / "cases.jsonl").open("wb") as file:
        for record in default if records is None else synthetic.large_run(records, rounds=rounds):
            file.write(msgspec.json.encode(record) + b"\n")


def report(results: Path, is_drawn: bool) -> list[tuple[str, float, float]]:  # noqa: FBT001  pickled by place
    """Seconds of each step, and the process's peak memory at its end."""
    measured = []
    started = time.perf_counter()
    from zoobench.records import store  # noqa: PLC0415  importing is measured too
    from zoobench.report.write import write_report  # noqa: PLC0415

    measured.append(("import", time.perf_counter() - started, peak_bytes()))
    started = time.perf_counter()
    run = store.load_run(results, store.newest_run(results))
    measured.append(("load", time.perf_counter() - started, peak_bytes()))
    started = time.perf_counter()
    write_report([run], results / "report", is_drawn=is_drawn)
    measured.append(("report", time.perf_counter() - started, peak_bytes()))
    return measured


def peak_bytes() -> float:
    """The largest resident size this process has had."""
    return 1024.0 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def in_fresh_process(function: Callable[..., Any], *arguments: object) -> Any:
    """Call it in an interpreter that has nothing of this one."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


if __name__ == "__main__":
    main()
