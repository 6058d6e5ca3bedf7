"""The public function that measures one case, without a suite and without a run on the disk."""

from __future__ import annotations

import functools

import msgspec

from zoobench.cases import Budget, Case, Mode, Precision, catalogue, parse_choice, parse_positive
from zoobench.cases.errors import BadInputError
from zoobench.cases.options import usable_threads
from zoobench.measure.executor import Executor, ForkedWorkers, InProcess
from zoobench.measure.session import Machine, Recorder, Session, check_case, open_machine
from zoobench.records import CaseRecord


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
    machine = _machine(device, is_isolated=is_isolated)
    facts = machine.device(device)
    check_case(case, facts)
    here = msgspec.structs.replace(case, device=facts.name)
    return Session(machine, Recorder()).measure(here, budget or Budget())


@functools.cache
def _machine(device: str, *, is_isolated: bool) -> Machine:
    executor: Executor = ForkedWorkers() if is_isolated else InProcess()
    return open_machine(executor, device=device)
