"""The parts of the public interface that no other module is the home of."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

import msgspec

from zoobench import catalogue, store
from zoobench.cases import Budget, Case, Mode, Precision, parse_choice, parse_positive
from zoobench.errors import BadInputError
from zoobench.isolate import Executor, ForkedWorkers, InProcess
from zoobench.options import usable_threads
from zoobench.records import CaseRecord
from zoobench.session import Lab, Recorder, Session, check_case, open_lab
from zoobench.store import StoredRun


def measure_case(
    model: str,
    *,
    mode: str = "infer",
    batch: int = 1,
    image_size: int | None = None,
    precision: str = "fp32",
    device: str = "cpu",
    threads: int | None = None,
    budget: Budget | None = None,
    is_isolated: bool = True,
) -> CaseRecord:
    """Measure one case: by default in a process of its own, forked from a server that has torch imported.

    A script that calls this needs the `if __name__ == "__main__":` that `multiprocessing` asks of every script.
    Raises: ZoobenchError for what cannot be measured here; a case that fails is a record with its failure.
    """
    if budget is not None and budget.processes > 1 and not is_isolated:
        raise BadInputError(f"{budget.processes} processes are fresh ones: without isolation there is none")
    entry = catalogue.find(model)
    case = Case(
        model=entry.ref,
        mode=parse_choice("mode", mode, Mode),
        batch=parse_positive("batch size", str(batch)),
        image_size=image_size or entry.image_size,
        precision=parse_choice("precision", precision, Precision),
        device=device,
        threads=threads or usable_threads(),
    )
    lab = _lab(device, is_isolated=is_isolated)
    facts = lab.device(device)
    check_case(case, facts)
    here = msgspec.structs.replace(case, device=facts.name)
    return Session(lab, Recorder()).measure(here, budget or Budget())


def load_runs(results: Path | str = "results", run_ids: Sequence[str] = ()) -> list[StoredRun]:
    """Stored runs by their ids, all of the folder without any.

    Raises: ZoobenchError for a run that is not there or cannot be read.
    """
    folder = Path(results)
    return [store.load_run(folder, run_id) for run_id in run_ids or store.run_ids(folder)]


@functools.cache
def _lab(device: str, *, is_isolated: bool) -> Lab:
    executor: Executor = ForkedWorkers() if is_isolated else InProcess()
    return open_lab(executor, device=device)
