"""`zoobench profile`: where the time of one case goes, and why."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from zoobench.cases import (
    Budget,
    Case,
    Compiler,
    MemoryFormat,
    Mode,
    Precision,
    catalogue,
    parse_choice,
    parse_image_size,
    parse_positive,
)
from zoobench.cases.errors import BadInputError, StoreError
from zoobench.stats.roofline import OPERATOR_TIME

if TYPE_CHECKING:
    from zoobench.measure.session import Machine
    from zoobench.records import CaseRecord, Failure

RESULTS = Path("results")
"""Where runs are, and beside them the ceilings of the machine."""

BUDGET = Budget(min_s=1.0, max_s=4.0)


def profile(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="a name of `zoobench list`, or package.module:factory")],
    *,
    mode: Annotated[str, typer.Option(help="infer, or train: a whole training step")] = Mode.INFER.value,
    batch: Annotated[int, typer.Option(help="pictures a call")] = 1,
    image_size: Annotated[
        str | None, typer.Option(metavar="N|HxW", help="pixels of the pictures (default: the model's own)")
    ] = None,
    precision: Annotated[str, typer.Option(help="as in `zoobench run`")] = Precision.FP32.value,
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1")] = "cpu",
    threads: Annotated[int | None, typer.Option(help="threads of the host (default: all that are usable)")] = None,
    memory_format: Annotated[str, typer.Option(help="contiguous or channels_last")] = MemoryFormat.CONTIGUOUS.value,
    compiler: Annotated[str, typer.Option(help="eager; a compiled model cannot be profiled")] = Compiler.EAGER.value,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="default: results/profile/MODEL-MODE-bBATCH", show_default=False)
    ] = None,
) -> None:
    """Profile one model: where the time of a call goes, by kind of layer, module and operator, and what bounds it.

    Writes trace.json (for ui.perfetto.dev), flame and roofline figures, and profile.json. A case that fails is named
    with the reason on standard error; the exit code is then 1.
    """
    case = _case(
        model,
        mode=mode,
        batch=batch,
        image_size=image_size,
        precision=precision,
        device=device,
        threads=threads,
        memory_format=memory_format,
        compiler=compiler,
    )

    from zoobench.measure.progress import outcome_of, title_of  # noqa: PLC0415

    machine, case = _open(case)
    folder = _prepare(out or RESULTS / "profile" / f"{case.model.name.replace(':', '.')}-{case.mode}-b{case.batch}")
    machine = _survey(machine, case)
    typer.echo(title_of(case))
    record = _measure(machine, case)
    _keep(record, folder / "profile.json")
    if record.failure is not None:
        typer.echo(f"zoobench: {outcome_of(record)}", err=True)
        raise typer.Exit(1)
    typer.echo(f"latency: {outcome_of(record).lstrip()}")
    _refuse_unprofiled(record)
    failure = _trace(machine, case, folder / "trace.json")
    _report(record, machine, folder, title_of(case))
    if failure is not None:
        typer.echo(f"zoobench: no trace: {failure.message}", err=True)
        raise typer.Exit(1)


def _case(
    model: str,
    *,
    mode: str,
    batch: int,
    image_size: str | None,
    precision: str,
    device: str,
    threads: int | None,
    memory_format: str,
    compiler: str,
) -> Case:
    """The options as a case; mistakes in them are found before torch is imported."""
    from zoobench.cases.options import usable_threads  # noqa: PLC0415

    if parse_choice("compiler", compiler, Compiler) is not Compiler.EAGER:
        reason = "its kernels are of its own making, and belong to no module"
        raise BadInputError(f"a model compiled by {compiler} cannot be profiled, {reason}: use --compiler eager")
    entry = catalogue.find(model)
    resolution = parse_image_size(image_size) if image_size else None
    return Case(
        model=entry.ref,
        mode=parse_choice("mode", mode, Mode),
        batch=parse_positive("batch size", str(batch)),
        image_size=resolution.height if resolution else entry.image_size,
        image_width=resolution.width if resolution else None,
        precision=parse_choice("precision", precision, Precision),
        device=device,
        threads=usable_threads() if threads is None else parse_positive("threads", str(threads)),
        memory_format=parse_choice("memory format", memory_format, MemoryFormat),
    )


def _prepare(folder: Path) -> Path:
    """Make the folder, and see that it can be written before anything is measured.

    Raises: StoreError.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        raise StoreError(f"cannot write to {folder}: {error.strerror or error}") from None


def _open(case: Case) -> tuple[Machine, Case]:
    """A lab that can measure the case, and the case with its device as the lab names it."""
    from zoobench.measure.executor import ForkedWorkers  # noqa: PLC0415
    from zoobench.measure.session import check_case, open_machine  # noqa: PLC0415

    machine = open_machine(ForkedWorkers(), device=case.device)
    facts = machine.device(case.device)
    check_case(case, facts)
    return machine, msgspec.structs.replace(case, device=facts.name)


def _survey(machine: Machine, case: Case) -> Machine:
    """The lab with the ceilings that the case is held against."""
    from zoobench.measure.machine import find_ceilings  # noqa: PLC0415

    ceilings = find_ceilings(machine, [case], RESULTS)
    for note in ceilings.notes:
        typer.echo(f"note: {note}", err=True)
    return ceilings.machine


def _measure(machine: Machine, case: Case) -> CaseRecord:
    from zoobench.measure.session import Recorder, Session  # noqa: PLC0415

    return Session(machine, Recorder()).measure(case, BUDGET)


def _keep(record: CaseRecord, path: Path) -> None:
    try:
        path.write_bytes(msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n")
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror or error}") from None


def _refuse_unprofiled(record: CaseRecord) -> None:
    """Raises: BadInputError for a model that runs, but whose calls could not be profiled."""
    reason = next((missing.reason for missing in record.unavailable if missing.metric == OPERATOR_TIME), None)
    if reason is not None:
        raise BadInputError(f"{record.case.model.name} cannot be profiled: {reason}")


def _trace(machine: Machine, case: Case, path: Path) -> Failure | None:
    from zoobench.measure import tasks  # noqa: PLC0415
    from zoobench.measure.executor import Task  # noqa: PLC0415

    path.unlink(missing_ok=True)  # one of an earlier profile would pass for this one's
    return machine.executor.run(
        Task(tasks.write_trace, (case, str(path.absolute()))), lambda _: None, BUDGET.time_limit_s
    )


def _report(record: CaseRecord, machine: Machine, folder: Path, title: str) -> None:
    from zoobench.report.profile import render_profile, write_figures  # noqa: PLC0415

    typer.echo("\n".join(render_profile(record, machine.environment.ceilings)))
    figures = write_figures(record, machine.environment.ceilings, folder, title)
    typer.echo()
    for path in (folder / "trace.json", *figures, folder / "profile.json"):
        if path.exists():
            typer.echo(f"wrote {path}")
