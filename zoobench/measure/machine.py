"""The ceilings that a run's cases are held against: known from the cache, or measured before the first case."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from zoobench.cases import Case
from zoobench.measure import tasks
from zoobench.measure.executor import Task
from zoobench.measure.messages import WorkerResults
from zoobench.measure.session import Machine
from zoobench.records import Ceiling
from zoobench.records.machine import CeilingKey, KnownCeilings, add_to_cache, ceiling_facts, key_of, keys_of, read_cache

_TIME_LIMIT_S = 120.0


class MachineCeilings(NamedTuple):
    """The machine with its ceilings in the environment, and notes for the user about them."""

    machine: Machine
    notes: tuple[str, ...]


def find_ceilings(machine: Machine, cases: Iterable[Case], folder: Path) -> MachineCeilings:
    """Ceilings of the devices, threads and precisions of these cases; `folder` is where the cache is.

    What cannot be measured is a note, never an error.
    """
    wanted: dict[str, dict[CeilingKey, Case]] = {}
    for case in cases:
        for key in keys_of(case):
            wanted.setdefault(case.device, {}).setdefault(key, case)
    found: list[Ceiling] = []
    notes: list[str] = []
    for device, of_device in wanted.items():
        ceilings, said = _ceilings_of_device(machine, device, of_device, folder)
        found += ceilings
        notes += said
    environment = msgspec.structs.replace(machine.environment, ceilings=tuple(found))
    return MachineCeilings(msgspec.structs.replace(machine, environment=environment), tuple(notes))


def _ceilings_of_device(
    machine: Machine, device: str, wanted: dict[CeilingKey, Case], folder: Path
) -> tuple[list[Ceiling], list[str]]:
    facts = ceiling_facts(machine.environment, device)
    known: KnownCeilings = read_cache(folder, facts)
    cached = [ceiling for ceiling in known.ceilings if key_of(ceiling) in wanted]
    missing = {key: case for key, case in wanted.items() if key not in set(map(key_of, cached))}
    if not missing:
        return cached, []
    measured, notes = _measure(machine, missing)
    unkept = add_to_cache(folder, facts, measured) if measured else ""
    return [*cached, *measured], [note for note in (known.note, *notes, unkept) if note]


def _measure(machine: Machine, missing: dict[CeilingKey, Case]) -> tuple[Sequence[Ceiling], Sequence[str]]:
    """What a worker measured of them, and what it could not."""
    results = WorkerResults()
    ended = machine.executor.run(Task(tasks.measure_ceilings, (tuple(missing.items()),)), results.add, _TIME_LIMIT_S)
    notes = [f"no ceiling of {failure.where}: {failure.message}" for failure in results.failures]
    if ended is not None:
        notes.append(f"not every ceiling was measured: {ended.message}")
    return results.ceilings, notes
