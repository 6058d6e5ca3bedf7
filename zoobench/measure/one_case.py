"""The public function that measures one case, without a suite and without a run on the disk."""

from __future__ import annotations

import functools
from typing import Unpack

import msgspec

from zoobench.cases import Budget, CaseAxes
from zoobench.cases.errors import BadInputError
from zoobench.cases.options import parse_case
from zoobench.measure.executor import Executor, ForkedWorkers, InProcess
from zoobench.measure.session import Machine, Recorder, Session, check_case, open_machine
from zoobench.records import CaseRecord


def measure_case(
    model: str, *, budget: Budget | None = None, is_isolated: bool = True, **axes: Unpack[CaseAxes]
) -> CaseRecord:
    """Measure one case: by default in a process of its own, forked from a server that has torch imported.

    `axes` are those of `zoobench.Case`: mode, batch, image_size, precision, device, memory_format, compiler, threads
    and allocator; what is left out has its default. A script that calls this needs the
    `if __name__ == "__main__":` that `multiprocessing` asks of every script.

    Raises: ZoobenchError for what cannot be measured here; a case that fails is a record with its failure.
    """
    if budget is not None and budget.processes > 1 and not is_isolated:
        raise BadInputError(f"{budget.processes} processes are fresh ones: without isolation there is none")
    case = parse_case(model, {name: str(value) for name, value in axes.items() if value is not None})
    machine = _machine(case.device, is_isolated=is_isolated)
    facts = machine.device(case.device)
    check_case(case, facts)
    here = msgspec.structs.replace(case, device=facts.name)
    return Session(machine, Recorder()).measure(here, budget or Budget())


@functools.cache
def _machine(device: str, *, is_isolated: bool) -> Machine:
    executor: Executor = ForkedWorkers() if is_isolated else InProcess()
    return open_machine(executor, device=device)
