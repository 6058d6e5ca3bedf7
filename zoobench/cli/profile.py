"""`zoobench profile`: where the time of one case goes, and why."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from zoobench.cases import BadInputError, Budget, Case, Compiler, StoreError
from zoobench.cases.options import parse_case
from zoobench.cli.options import with_axes
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
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="default: results/profile/MODEL-MODE-bBATCH", show_default=False)
    ] = None,
    **axes: str | None,
) -> None:
    """Profile one model: where the time of a call goes, by kind of layer, module and operator, and what bounds it.

    Writes trace.json (for ui.perfetto.dev), flame and roofline figures, and profile.json. A case that fails is named
    with the reason on standard error; the exit code is then 1.
    """
    case = _case(model, axes)

    from zoobench.measure.progress import outcome_of, title_of  # noqa: PLC0415

    machine, case = _open(case)
    folder = _prepare(out or RESULTS / "profile" / f"{case.model.name.replace(':', '.')}-{case.mode}-b{case.batch}")
    machine = _with_ceilings(machine, case)
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


profile = with_axes(profile)


def _case(model: str, axes: Mapping[str, str | None]) -> Case:
    """The options as a case; mistakes in them are found before torch is imported."""
    case = parse_case(model, axes)
    if case.compiler is not Compiler.EAGER:
        reason = "its kernels are of its own making, and belong to no module"
        raise BadInputError(f"a model compiled by {case.compiler} cannot be profiled, {reason}: use --compiler eager")
    return case


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
    """A machine that can measure the case, and the case with its device as the machine names it."""
    from zoobench.measure.executor import ForkedWorkers  # noqa: PLC0415
    from zoobench.measure.session import check_case, open_machine  # noqa: PLC0415

    machine = open_machine(ForkedWorkers(), device=case.device)
    facts = machine.device(case.device)
    check_case(case, facts)
    return machine, msgspec.structs.replace(case, device=facts.name)


def _with_ceilings(machine: Machine, case: Case) -> Machine:
    """The machine with the ceilings that the case is compared with."""
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
