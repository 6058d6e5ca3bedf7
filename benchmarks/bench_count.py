"""How long counting the whole zoo takes, beside fvcore's FLOPs alone: `python benchmarks/bench_count.py [--threads 2]`.

Ours: every model of torchvision's classification zoo and every one of our own, in one fresh process, imports not
counted: construction, parameters, multiply-accumulates, activations and predicted memory of inference (the peak comes
with the trace). fvcore: `FlopCountAnalysis` of the same models at the same image sizes in another fresh process,
construction not counted.
Image sizes are the smallest that torchvision publishes a count for (fvcore runs the model, and so gains by it), and the
native ones of the others. Exits with 1 if a limit is exceeded or our count differs from a published one.
"""

from __future__ import annotations

import argparse
import collections
import multiprocessing
import resource
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

LIMIT_S = 12.0
LIMIT_BYTES = 1.5e9
LEAST_RATIO = 4.0
CLOSE_RATIO = 0.01

Size = tuple[str, int]
"""A model's reference, and the side of its pictures in pixels."""


class Ours(NamedTuple):
    """What one process found: multiply-accumulates by model, and seconds by step.

    `cpu_s` are those that the process had a core: on a quiet machine as many as passed.
    """

    macs: dict[str, int]
    seconds: dict[str, float]
    cpu_s: float
    peak_bytes: float


class Theirs(NamedTuple):
    """fvcore's total, and its difference from ours: explained terms and remainder, by model."""

    macs: dict[str, int]
    terms: dict[str, dict[str, int]]
    remainders: dict[str, int]
    seconds: float
    peak_bytes: float


def main() -> None:
    """Print both, and judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    threads = parser.parse_args().threads
    sizes, published = in_fresh_process(models_and_published)
    ours: Ours = in_fresh_process(count, sizes, threads)
    theirs: Theirs = in_fresh_process(ask_fvcore, sizes, threads)
    total_s = sum(ours.seconds.values())
    print_ours(ours, total_s)
    print(f"\nfvcore     {theirs.seconds:6.1f} s   peak {theirs.peak_bytes / 1e9:5.2f} GB (construction not timed)")
    print(f"ratio      {theirs.seconds / total_s:6.1f} ×   (at least {LEAST_RATIO:g} ×)\n")
    print_agreement("ours", ours.macs, published)
    print_agreement("fvcore", theirs.macs, published)
    print_explained(theirs)
    is_right = all(is_equal_after_rounding(ours.macs[name], macs) for name, macs in published.items())
    is_fast = total_s <= LIMIT_S and ours.peak_bytes <= LIMIT_BYTES and theirs.seconds >= LEAST_RATIO * total_s
    sys.exit(not (is_right and is_fast))


def print_ours(ours: Ours, total_s: float) -> None:
    """Each step, then the whole."""
    for step, seconds in ours.seconds.items():
        print(f"{step:<10} {seconds:6.1f} s")
    print(
        f"ours       {total_s:6.1f} s   peak {ours.peak_bytes / 1e9:5.2f} GB, {len(ours.macs)} models, "
        f"{ours.cpu_s:.1f} s on a core (limits: {LIMIT_S:.0f} s, {LIMIT_BYTES / 1e9:.1f} GB)"
    )


def print_agreement(who: str, macs: Mapping[str, int], published: Mapping[str, int]) -> None:
    """How many counts are torchvision's."""
    close = {name for name, printed in published.items() if abs(macs[name] - printed) <= CLOSE_RATIO * printed}
    equal = {name for name, printed in published.items() if is_equal_after_rounding(macs[name], printed)}
    print(
        f"{who:<10} {len(close)} of {len(published)} within {CLOSE_RATIO:.0%} of _ops, "
        f"{len(equal)} equal after rounding, {len(close | equal)} either"
    )


def print_explained(theirs: Theirs) -> None:
    """What the difference between the two counts is made of."""
    causes = collections.Counter(cause for terms in theirs.terms.values() for cause in terms)
    print("explained  " + ", ".join(f"{cause} in {models} models" for cause, models in causes.most_common()))
    left = {name: remainder for name, remainder in theirs.remainders.items() if remainder}
    print(f"remainder  {left or f'0 in all {len(theirs.remainders)} models'}")


def models_and_published() -> tuple[list[Size], dict[str, int]]:
    """Every model with its image size; by its reference, what torchvision prints at that size."""
    from zoobench.cases import catalogue  # noqa: PLC0415  only the fresh process imports torchvision
    from zoobench.measure.worker.probes.counts import published_figures  # noqa: PLC0415

    sizes, published = [], {}
    for entry in catalogue.entries():
        name, side = str(entry.ref), entry.image_size
        if entry.source == "torchvision":
            figures = {figure.image_size: figure.macs for figure in published_figures(entry.name)}
            side = min(figures) if entry.max_image_size is None else entry.image_size
            published[name] = figures[side]
        sizes.append((name, side))
    return sizes, published


def count(sizes: list[Size], threads: int) -> Ours:
    """Everything that shapes tell of every model."""
    import torch  # noqa: PLC0415

    from zoobench.cases import catalogue  # noqa: PLC0415
    from zoobench.counting import count_state, total  # noqa: PLC0415
    from zoobench.counting.memory import cpu_onednn  # noqa: PLC0415
    from zoobench.measure.worker.prediction import trace_with_peak  # noqa: PLC0415
    from zoobench.zoo.skeleton import build_skeleton  # noqa: PLC0415

    torch.set_num_threads(threads)
    backend = cpu_onednn(threads=threads)
    seconds: collections.Counter[str] = collections.Counter()
    macs = {}
    began_s = time.process_time()
    for name, side in sizes:
        channels = catalogue.find(name).channels
        skeleton = _timed(seconds, "build", lambda: build_skeleton(name))  # noqa: B023 - called at once
        _timed(seconds, "state", lambda: count_state(skeleton))  # noqa: B023
        images = torch.empty(1, channels, side, side, device="meta")
        trace, _ = _timed(seconds, "trace", lambda: trace_with_peak(skeleton, images, backend=backend))  # noqa: B023
        macs[name] = _timed(seconds, "sum", lambda: total(trace.operators)).macs  # noqa: B023
    return Ours(macs, dict(seconds), time.process_time() - began_s, peak_bytes())


def ask_fvcore(sizes: list[Size], threads: int) -> Theirs:
    """Fvcore's opinion of every model, timed alone."""
    import torch  # noqa: PLC0415

    from zoobench.cases import catalogue  # noqa: PLC0415
    from zoobench.counting import By, divide, trace_pass  # noqa: PLC0415
    from zoobench.counting.cross_check import count_by_fvcore, explain  # noqa: PLC0415
    from zoobench.zoo.build import build_model  # noqa: PLC0415

    torch.set_num_threads(threads)
    seconds: collections.Counter[str] = collections.Counter()
    macs, terms, remainders = {}, {}, {}
    for name, side in sizes:
        model = build_model(name)
        images = torch.zeros(1, catalogue.find(name).channels, side, side)
        cross_check = _timed(seconds, "fvcore", lambda: count_by_fvcore(model, images))  # noqa: B023
        difference = explain(cross_check, divide(trace_pass(model, images), By.OPERATOR))
        macs[name], terms[name], remainders[name] = cross_check.macs, difference.terms, difference.remainder
    return Theirs(macs, terms, remainders, seconds["fvcore"], peak_bytes())


def is_equal_after_rounding(macs: int, printed: int) -> bool:
    """Torchvision prints three decimals of 10^9."""
    return round(macs / 1e9, 3) == round(printed / 1e9, 3)


def peak_bytes() -> float:
    """The largest resident size this process has had."""
    return 1024.0 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def in_fresh_process(function: Callable[..., Any], *arguments: object) -> Any:
    """Call it in an interpreter that has nothing of this one."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


def _timed(seconds: collections.Counter[str], step: str, action: Callable[[], Any]) -> Any:
    began = time.perf_counter()
    result = action()
    seconds[step] += time.perf_counter() - began  # type: ignore[assignment]  # typeshed counts in whole numbers
    return result


if __name__ == "__main__":
    main()
