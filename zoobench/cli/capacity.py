"""`zoobench capacity`: how many images fit into memory at once."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zoobench.cases import (
    BadInputError,
    Case,
    Matrix,
    Mode,
    Precision,
    catalogue,
    format_bytes,
    format_duration,
    format_rate,
    parse_bytes,
)
from zoobench.cases.options import AUTOMATIC, Options, expanded, parse_options, usable_threads
from zoobench.measure.capacity import LARGEST_BATCH
from zoobench.records import CaseRecord, Measurement

if TYPE_CHECKING:
    from zoobench.measure.capacity import CapacityTrial
    from zoobench.measure.session import Machine

MODELS = typer.Argument(metavar="[MODEL]...", help="names or patterns of `zoobench list`, or package.module:factory")
LIMIT = typer.Option(metavar="SIZE", help="as 2GiB or 500MB (default: what the device has free)")
_WIDTH = 44


def capacity(
    models: Annotated[list[str] | None, MODELS] = None,
    *,
    memory_limit: Annotated[str | None, LIMIT] = None,
    families: Annotated[str | None, typer.Option(metavar="A,B", help="families of models")] = None,
    modes: Annotated[str, typer.Option(metavar="A,B", help="infer, train")] = f"{Mode.INFER},{Mode.TRAIN}",
    precision: Annotated[str, typer.Option(metavar="NAME", help=", ".join(Precision))] = Precision.FP32.value,
    device: Annotated[
        str, typer.Option(metavar="NAME", help="cpu, cuda, cuda:1, or auto: cuda where there is one")
    ] = AUTOMATIC,
    image_size: Annotated[
        str | None, typer.Option(metavar="N|HxW", help="pixels of the images (default: each model's own)")
    ] = None,
    threads: Annotated[str | None, typer.Option(metavar="N", help="threads of the host (default: all)")] = None,
    largest_batch: Annotated[
        int, typer.Option(min=1, help="where a search ends that has met no limit")
    ] = LARGEST_BATCH,
    time_limit: Annotated[
        str | None, typer.Option(metavar="S", help="a trial that takes longer, building included, is ended")
    ] = None,
    label: Annotated[str, typer.Option(help="part of the run's id")] = "capacity",
    results: Annotated[Path, typer.Option(help="folder of runs")] = Path("results"),
) -> None:
    """Search the largest batch of each model that fits a memory limit, in inference and in training.

    Every batch is tried in a process of its own. What is found, and how fast that batch is, makes a run of its own.
    If a search fails for another reason than memory, the exit code is 1.
    """
    limit_bytes = None if memory_limit is None else parse_bytes("memory limit", memory_limit)
    texts = {
        "models": ",".join(models or []), "families": families, "modes": modes, "precisions": precision,
        "device": device, "image-size": image_size, "threads": threads, "time-limit": time_limit, "label": label,
    }  # fmt: skip
    if not models and not families:
        raise BadInputError("no model was named: `python -m zoobench list` prints the names")
    options = parse_options({name: text for name, text in texts.items() if text} | {"results": str(results)})
    catalogue.select(options.matrix)  # a wrong name is reported before a worker is started
    records = _measure(options, limit_bytes, largest_batch)
    if any(record.failure is not None for record in records):
        raise typer.Exit(1)


def _measure(options: Options, limit_bytes: int | None, largest_batch: int) -> list[CaseRecord]:
    from zoobench.measure.capacity import BUDGET, measure_capacity  # noqa: PLC0415 - numpy
    from zoobench.measure.capacity import memory_limit as find_limit  # noqa: PLC0415
    from zoobench.measure.executor import ForkedWorkers  # noqa: PLC0415
    from zoobench.measure.session import open_machine, start_run  # noqa: PLC0415

    machine = open_machine(ForkedWorkers(), device=options.device)
    cases = _cases(machine, options)
    limit = find_limit(machine, cases[0].device, limit_bytes)
    budget = options.budget(BUDGET)
    records = []
    noun = "search" if len(cases) == 1 else "searches"
    with start_run(options.results, machine, label=options.label, command=("zoobench", *sys.argv[1:])) as writer:
        typer.echo(f"{writer.path}: {len(cases)} {noun}, memory limit {format_bytes(limit.size_bytes)}")
        for number, case in enumerate(cases, start=1):
            telling = _Telling(f"[{number:>{len(str(len(cases)))}}/{len(cases)}]", case)
            record = measure_capacity(machine, case, limit, most=largest_batch, budget=budget, watch=telling.watch)
            writer.append(record)
            records.append(record)
            telling.end(record)
    return records


def _cases(machine: Machine, options: Options) -> Sequence[Case]:
    """One image of each model in each mode, checked."""
    from zoobench.measure.session import check_case  # noqa: PLC0415

    facts = machine.device(machine.preferred_device() if options.device == AUTOMATIC else options.device)
    single = Matrix(batch_sizes=(1,), threads=usable_threads(), device=facts.name)
    cases = list(expanded(options.matrix.over(single)))
    for case in cases:
        check_case(case, facts)
    return cases


class _Telling:
    """Lines of one search: on a terminal each trial's, written over by the next, and one of what came out."""

    def __init__(self, counter: str, case: Case) -> None:
        from zoobench.measure.progress import title_of  # noqa: PLC0415

        self._title = f"{counter} {title_of(case).replace(' b1 ', ' ')}"
        self._began_s = time.monotonic()

    def watch(self, trial: CapacityTrial) -> None:
        if sys.stderr.isatty():
            sign = "fits" if trial.fits else "does not fit"
            typer.echo(f"\r\x1b[K{self._title} {trial.describe()}: {sign}\r", nl=False, err=True)

    def end(self, record: CaseRecord) -> None:
        if sys.stderr.isatty():
            typer.echo("\r\x1b[K", nl=False, err=True)
        took = format_duration(time.monotonic() - self._began_s)
        typer.echo(f"{self._title:<{_WIDTH}} {outcome_of(record)}, took {took}")


def outcome_of(record: CaseRecord) -> str:
    """The batch that fits and how fast it is, or why there is none."""
    capacity = record.measurement("capacity")
    if capacity is None:
        reasons = (each.reason for each in record.unavailable if each.metric == "capacity")
        return record.failure.message if record.failure else next(reasons)
    found = [f"batch {record.case.batch} fits", *_slope(record.measurement("memory_slope")), *_speed(record)]
    return ", ".join(found)


def _slope(slope: Measurement | None) -> list[str]:
    return [] if slope is None else [f"{format_bytes(slope.samples[0])} an image"]


def _speed(record: CaseRecord) -> list[str]:
    from zoobench.stats.estimates import summarize  # noqa: PLC0415

    latency = record.measurement("latency")
    if latency is None:
        return [f"not timed: {record.failure.message}" if record.failure else "not timed"]
    return [f"{format_rate(record.case.batch / summarize(latency.samples).median)} images"]
