"""What `zoobench compare` may claim on this machine: red runs without a change, and slowdowns found. Prints figures.

python benchmarks/prove_compare.py [--aa N] [--injected N] [--peers N] [--out DIR]

Every run is the command that a user types, from its checkouts to its exit code, in a process of its own.

- A/A: both sides are the same commit. Any run that is red (exit code 1) is a false alarm.
- Injected: a busy loop of 5, 10 and 20 % of a call inside the head's calls of three quarters of the cases, drawn by
  seed. What is called slower among them is found; what is called slower or faster among the others is a false alarm.
- Peers: all nets in two single runs of pytest-benchmark, the same slowdowns in three quarters of them, drawn by seeds
  of their own, judged by its own `--benchmark-compare-fail=median:5%`.

Runs are numbered and found again by their label: a proof that was interrupted goes on. Everything is in
`DIR/proof.json`; the evidence of every run, raw samples included, in `DIR/evidence.tar.xz`.
"""

from __future__ import annotations

import argparse
import random
import shlex
import statistics
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec
from peer_gate import PeerVerdict, judge_by_peer
from scipy.stats import binomtest

from zoobench.records.comparison import Comparison, Verdict

MODELS = (
    "squeezenet1_1",
    "mobilenet_v1_025",
    "mobilenet_v1_050",
    "mobilenet_v3_small",
    "shufflenet_v1_g3_x0_25",
    "shufflenet_v1_g3_x0_5",
    "shufflenet_v2_x0_5",
    "mnasnet0_5",
    "lenet5",
    "mobilenet_v2",
    "resnet18",
    "shufflenet_v2_x1_0",
)
NETS_A_RUN = 4
"""Drawn by the run's seed: of all of them a run would take much longer."""
MARGIN = 0.02
"""The narrower of the two defaults; the evidence can be decided again at the other."""

LEVELS = (0.05, 0.10, 0.20)
SHARE = 0.75
PEER_MARGIN = 0.05
CONFIDENCE = 0.95


class Count(msgspec.Struct, frozen=True):
    """So many of so many, and the exact interval of the probability behind it (Clopper and Pearson, 1934)."""

    events: int
    of: int
    low: float
    high: float


class Range(msgspec.Struct, frozen=True):
    """The median of some figures, the least and the greatest."""

    median: float
    least: float
    greatest: float


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One comparison: how much was injected into which cases, and what was said of them.

    `changes` is how much slower each case's head was found, as a ratio less 1.
    """

    label: str
    seed: int
    exit: int
    level: float
    injected: dict[str, str]
    untouched: dict[str, str]
    changes: dict[str, float]
    spreads: dict[str, float]


class Peer(msgspec.Struct, frozen=True, kw_only=True):
    """Two single runs of pytest-benchmark and which cases its gate failed."""

    level: float
    seed: int
    exit: int
    injected: dict[str, bool]
    untouched: dict[str, bool]


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """All figures, and what they are made of."""

    models: tuple[str, ...]
    margin: float
    red: Count
    undecided_of_untouched: Count
    false_alarms: Count
    found: dict[str, Count]
    came_out: dict[str, Range]
    peer_red: Count
    peer_found: dict[str, Count]
    peer_false_alarms: Count
    spread_by_case: dict[str, float]
    runs: tuple[Run, ...]
    peers: tuple[Peer, ...]


def main() -> None:
    """Run what is missing, then count."""
    asked = _parse()
    asked.out.mkdir(parents=True, exist_ok=True)
    results = asked.out / "runs"
    runs = [_print_run(_compare(results, asked, level, number)) for level, number in _turns(asked)]
    peers = [_print_peer(peer) for peer in _peers(asked)]
    proof = _count(runs, peers)
    (asked.out / "proof.json").write_bytes(msgspec.json.format(msgspec.json.encode(proof), indent=1) + b"\n")
    (asked.out / "proof.md").write_text(render_proof(proof), encoding="utf-8")
    _pack(results, asked.out / "evidence.tar.xz")
    print(render_proof(proof))


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--aa", type=int, default=30, help="A/A runs")
    parser.add_argument("--injected", type=int, default=4, help="runs with each injected slowdown")
    parser.add_argument(
        "--peers", type=int, default=4, help="pairs of runs of pytest-benchmark, for A/A and each slowdown"
    )
    parser.add_argument("--minutes", type=float, default=2.5, help="time for one comparison")
    parser.add_argument("--revision", default="HEAD")
    parser.add_argument("--launcher", default="", help="what starts each comparison, such as `taskset -c 0,1`")
    parser.add_argument("--out", type=Path, default=Path("results/reference/compare"))
    return parser.parse_args()


def _turns(asked: argparse.Namespace) -> Iterator[tuple[float, int]]:
    """Injected runs among the A/A ones, so that an interrupted proof has some of each."""
    left = {0.0: asked.aa, **dict.fromkeys(LEVELS, asked.injected)}
    done = dict.fromkeys(left, 0)
    while any(done[level] < count for level, count in left.items()):
        level = min(left, key=lambda each: done[each] / left[each] if left[each] else 1.0)
        yield level, done[level]
        done[level] += 1


def _compare(results: Path, asked: argparse.Namespace, level: float, number: int) -> Run:
    """One run of the command, or what is left of one that was made before."""
    label = f"{'aa' if not level else f'plus{level:.0%}'.rstrip('%')}-{number:02d}"
    seed = int(level * 1000) * 1000 + number
    folder = next(iter(sorted(results.glob(f"*-{label}"), reverse=True)), None)
    if folder is None or not (folder / "compare.json").exists():
        done = subprocess.run(_command(results, asked, label, seed, level), check=False, stdout=subprocess.DEVNULL)
        folder = next(iter(sorted(results.glob(f"*-{label}"), reverse=True)), None)
        if folder is None or not (folder / "compare.json").exists():
            raise SystemExit(f"{label} ended with exit code {done.returncode} and no result")
    found = msgspec.json.decode((folder / "compare.json").read_bytes(), type=Comparison)
    return _summary(found, label, seed, level)


def _command(results: Path, asked: argparse.Namespace, label: str, seed: int, level: float) -> list[str]:
    injection = [f"--inject={level:.0%}", f"--inject-share={SHARE}"] if level else []
    return [
        *shlex.split(asked.launcher), sys.executable, "-m", "zoobench", "compare", "--aa", asked.revision,
        f"--models={','.join(_drawn(seed))}",
        f"--margin={MARGIN:.0%}", f"--minutes={asked.minutes:g}", f"--seed={seed}", f"--label={label}",
        f"--results={results}", *injection,
    ]  # fmt: skip


def _drawn(seed: int) -> list[str]:
    return random.Random(seed).sample(MODELS, NETS_A_RUN)  # noqa: S311


def _summary(found: Comparison, label: str, seed: int, level: float) -> Run:
    touched = {case.id: case.verdict.value for case in found.cases if case.injected_ratio}
    return Run(
        label=label,
        seed=seed,
        exit=int(found.exit),
        level=level,
        injected=touched,
        untouched={case.id: case.verdict.value for case in found.cases if not case.injected_ratio},
        changes={case.id: case.times.ratio - 1 for case in found.cases if case.times is not None},
        spreads={
            case.id: case.times.spread_ratio
            for case in found.cases
            if case.times is not None and case.times.spread_ratio is not None
        },
    )


def _print_run(run: Run) -> Run:
    said = ", ".join(f"{name.split('/')[0]} {verdict}" for name, verdict in {**run.injected, **run.untouched}.items())
    print(f"{run.label:<10} exit {run.exit}  {said}", flush=True)
    return run


def _peers(asked: argparse.Namespace) -> Iterator[Peer]:
    """Stored ones first: each pair has a file of its own."""
    folder = asked.out / "peers"
    folder.mkdir(exist_ok=True)
    for level in (0.0, *LEVELS):
        for seed in range(asked.peers):
            path = folder / f"{level:.2f}-{seed:02d}.json"
            if not path.exists():
                path.write_bytes(msgspec.json.encode(_peer(level, seed)))
            yield msgspec.json.decode(path.read_bytes(), type=Peer)


def _peer(level: float, seed: int) -> Peer:
    touched = random.Random(seed).sample(MODELS, round(SHARE * len(MODELS))) if level else []  # noqa: S311
    verdict: PeerVerdict = judge_by_peer(MODELS, dict.fromkeys(touched, level), PEER_MARGIN)
    failed = {name: name in verdict.failed for name in MODELS}
    return Peer(
        level=level,
        seed=seed,
        exit=verdict.exit_code,
        injected={name: failed[name] for name in touched},
        untouched={name: failed[name] for name in MODELS if name not in touched},
    )


def _print_peer(peer: Peer) -> Peer:
    found = sum(peer.injected.values())
    wrong = [name for name, is_failed in peer.untouched.items() if is_failed]
    print(
        f"pytest-benchmark +{peer.level:.0%}: exit {peer.exit}, found {found} of {len(peer.injected)}, wrongly {wrong}"
    )
    return peer


def _count(runs: Sequence[Run], peers: Sequence[Peer]) -> Proof:
    unchanged = [run for run in runs if not run.level]
    untouched = [verdict for run in runs for verdict in run.untouched.values()]
    wrong = {Verdict.SLOWER.value, Verdict.FASTER.value}
    return Proof(
        models=MODELS,
        margin=MARGIN,
        red=_share(run.exit == 1 for run in unchanged),
        undecided_of_untouched=_share(verdict == Verdict.UNDECIDED.value for verdict in untouched),
        false_alarms=_share(verdict in wrong for verdict in untouched),
        found={f"{level:.0%}": _share(_found(runs, level)) for level in LEVELS},
        came_out={
            f"{level:.0%}": _range([run.changes[name] for run in chosen for name in run.injected])
            for level in LEVELS
            if (chosen := [run for run in runs if run.level == level])
        },
        peer_red=_share(any(peer.untouched.values()) for peer in peers if not peer.level),
        peer_found={
            f"{level:.0%}": _share(hit for peer in peers if peer.level == level for hit in peer.injected.values())
            for level in LEVELS
        },
        peer_false_alarms=_share(hit for peer in peers for hit in peer.untouched.values()),
        spread_by_case=_spreads(unchanged),
        runs=tuple(runs),
        peers=tuple(peers),
    )


def _found(runs: Iterable[Run], level: float) -> Iterator[bool]:
    return (verdict == Verdict.SLOWER.value for run in runs if run.level == level for verdict in run.injected.values())


def _range(figures: Sequence[float]) -> Range:
    return Range(statistics.median(figures), min(figures), max(figures))


def _share(events: Iterable[bool]) -> Count:
    outcomes = list(events)
    if not outcomes:
        return Count(0, 0, 0.0, 1.0)
    test = binomtest(sum(outcomes), len(outcomes))
    interval = test.proportion_ci(confidence_level=CONFIDENCE, method="exact")
    return Count(sum(outcomes), len(outcomes), float(interval.low), float(interval.high))


def _spreads(runs: Iterable[Run]) -> dict[str, float]:
    """The root of the mean variance of a case's log-ratios from generation to generation, over the A/A runs."""
    squares: dict[str, list[float]] = {}
    for run in runs:
        for name, spread in run.spreads.items():
            squares.setdefault(name, []).append(spread**2)
    return {name: (sum(values) / len(values)) ** 0.5 for name, values in sorted(squares.items())}


def render_proof(proof: Proof) -> str:
    """Markdown: one table of shares, one of spreads."""
    rows = [
        ("A/A runs that are red", proof.red, proof.peer_red),
        *(
            (f"injected +{level} found", proof.found[level], proof.peer_found[level])
            for level in proof.found
        ),
        ("untouched cases called slower or faster", proof.false_alarms, proof.peer_false_alarms),
    ]  # fmt: skip
    lines = [
        f"{len(proof.models)} models, margin {proof.margin:.0%}; pytest-benchmark by median:{PEER_MARGIN:.0%}.",
        "Intervals are Clopper and Pearson's at 95 %.",
        "",
        "| | zoobench compare | pytest-benchmark, single runs |",
        "|---|---|---|",
        *(f"| {title} | {_cell(ours)} | {_cell(theirs)} |" for title, ours, theirs in rows),
        "",
        f"Untouched cases left undecided: {_cell(proof.undecided_of_untouched)}.",
        "",
        "What is wasted is a share of a warm call; what it costs may be more, where threads fall asleep meanwhile:",
        "",
        *(f"- +{level} came out as {_range_cell(range_)}" for level, range_ in proof.came_out.items()),
        "",
        "| case | spread of log-ratios, A/A |",
        "|---|---|",
        *(f"| {name} | {spread:.1%} |" for name, spread in proof.spread_by_case.items()),
    ]
    return "\n".join(lines) + "\n"


def _cell(count: Count) -> str:
    if not count.of:
        return "not run"
    return f"{count.events} of {count.of} ({count.low:.0%}–{count.high:.0%})"


def _range_cell(found: Range) -> str:
    return f"{found.median:+.1%} in the median ({found.least:+.1%} to {found.greatest:+.1%})"


def _pack(results: Path, path: Path) -> None:
    """The journals alone: everything else is decided from them again by `zoobench compare --replay`."""
    with (
        tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as unfinished,
        tarfile.open(fileobj=unfinished, mode="w:xz", preset=9) as archive,
    ):
        for file in sorted(results.glob("*/experiment.json")) + sorted(results.glob("*/journal.jsonl")):
            archive.add(file, file.relative_to(results))
    Path(unfinished.name).rename(path)
    path.chmod(0o644)


if __name__ == "__main__":
    main()
