"""How long a report over 20,000 case records takes, and how much memory: `python benchmarks/bench_report.py`.

The run is fabricated (`tests/synthetic.py`) in a process of its own; reading it, the frame and the report are measured
in a fresh one, which does nothing else. Prints seconds, and the peak resident memory of that process.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

ROOT = Path(__file__).resolve().parent.parent
LIMIT_S = 30.0
LIMIT_BYTES = 1.5e9


def main() -> None:
    """Exits with 1 if a limit is exceeded."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=50)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder)
        in_fresh_process(fabricate, results, asked.records, asked.rounds)
        measured = in_fresh_process(report, results)
    for what, seconds, peak_bytes in measured:
        print(f"{what:<8} {seconds:6.1f} s   peak {peak_bytes / 1e9:5.2f} GB")
    total_s, peak = sum(seconds for _, seconds, _ in measured), measured[-1][2]
    print(
        f"total    {total_s:6.1f} s   peak {peak / 1e9:5.2f} GB   (limits: {LIMIT_S:.0f} s, {LIMIT_BYTES / 1e9:.1f} GB)"
    )
    sys.exit(total_s > LIMIT_S or peak > LIMIT_BYTES)


def fabricate(results: Path, records: int, rounds: int) -> None:
    """Write a run of that many records; the store's own writer would sync each to the disk."""
    sys.path.insert(0, str(ROOT / "tests"))
    import synthetic  # noqa: PLC0415

    run = synthetic.make_run(()).run
    path = results / run.run_id
    path.mkdir()
    (path / "run.json").write_bytes(msgspec.json.encode(run))
    with (path / "cases.jsonl").open("wb") as file:
        for record in synthetic.large_run(records, rounds=rounds):
            file.write(msgspec.json.encode(record) + b"\n")
    print(f"{records} records, {(path / 'cases.jsonl').stat().st_size / 1e6:.0f} MB")


def report(results: Path) -> list[tuple[str, float, float]]:
    """Seconds of each step, and the process's peak memory at its end."""
    measured = []
    started = time.perf_counter()
    from zoobench import store  # noqa: PLC0415  importing is measured too
    from zoobench.reports.write import write_report  # noqa: PLC0415

    measured.append(("import", time.perf_counter() - started, peak_bytes()))
    started = time.perf_counter()
    run = store.load_run(results, store.newest_run(results))
    measured.append(("load", time.perf_counter() - started, peak_bytes()))
    started = time.perf_counter()
    write_report([run], results / "report")
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
