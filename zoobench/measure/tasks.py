"""Entry points of worker processes: the functions that a `Task` may call.

The process that starts workers imports this module and none of torch: each function imports what it needs when it is
called, which is in the worker. `emit` sends one result to the process that asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoobench.cases import Budget, Case
    from zoobench.measure.messages import Effort, Emit, KnownFacts
    from zoobench.records.machine import CeilingKey


def measure_case(case: Case, budget: Budget, known: KnownFacts, emit: Emit) -> None:
    """Build a case's model and run the probes."""
    from zoobench.measure.worker.run_case import measure

    measure(case, budget, known, emit)


def collect_environment(folder: str, extra_devices: tuple[str, ...], emit: Emit) -> None:
    """Describe the machine, its software and its devices."""
    from zoobench.measure.worker import environment

    environment.collect_environment(folder, extra_devices, emit)


def measure_ceilings(wanted: tuple[tuple[CeilingKey, Case], ...], emit: Emit) -> None:
    """Measure the highest rates that the device reaches."""
    from zoobench.measure.worker import ceilings

    ceilings.measure_ceilings(wanted, emit)


def write_trace(case: Case, path: str, emit: Emit) -> None:
    """Write a trace of one call, for chrome://tracing."""
    from zoobench.measure.worker.probes import operator_time

    operator_time.write_trace(case, path, emit)


def emit_free_memory(device: str, emit: Emit) -> None:
    """Send how much memory the device can still give."""
    from zoobench.measure.worker import capacity_trial

    capacity_trial.emit_free_memory(device, emit)


def try_batch(case: Case, limit_bytes: int, most_bytes: int | None, emit: Emit) -> None:
    """Make one call at a batch size and measure what it takes."""
    from zoobench.measure.worker import capacity_trial

    capacity_trial.try_batch(case, limit_bytes, most_bytes, emit)


# Checks of `zoobench doctor`. Each sends measurements, and facts as a dict.


def examine_other_load(device: str, effort: Effort, emit: Emit) -> None:
    """Measure what else the machine is doing."""
    from zoobench.measure.worker.checks import machine

    machine.examine_other_load(device, effort, emit)


def examine_machine(device: str, effort: Effort, emit: Emit) -> None:
    """Read how the machine is set up."""
    from zoobench.measure.worker.checks import machine

    machine.examine_machine(device, effort, emit)


def examine_timer(device: str, effort: Effort, emit: Emit) -> None:
    """Measure the resolution and the cost of the clock."""
    from zoobench.measure.worker.checks import timer

    timer.examine_timer(device, effort, emit)


def examine_known_time(device: str, effort: Effort, emit: Emit) -> None:
    """Time an operation of known duration."""
    from zoobench.measure.worker.checks import timer

    timer.examine_known_time(device, effort, emit)


def examine_empty_round(device: str, effort: Effort, emit: Emit) -> None:
    """Time a call of nothing."""
    from zoobench.measure.worker.checks import timer

    timer.examine_empty_round(device, effort, emit)


def examine_known_work(device: str, effort: Effort, emit: Emit) -> None:
    """Count and time a matrix product of known size."""
    from zoobench.measure.worker.checks import known_work

    known_work.examine_known_work(device, effort, emit)


def examine_known_memory(device: str, effort: Effort, emit: Emit) -> None:
    """Measure an allocation of known size."""
    from zoobench.measure.worker.checks import memory

    memory.examine_known_memory(device, effort, emit)


def examine_retained(device: str, effort: Effort, emit: Emit) -> None:
    """Count the page faults of a call, the heap retained."""
    from zoobench.measure.worker.checks import memory

    memory.examine_retained(device, effort, emit)


def examine_system(device: str, effort: Effort, emit: Emit) -> None:
    """Count the page faults of a call, with the system's heap."""
    from zoobench.measure.worker.checks import memory

    memory.examine_system(device, effort, emit)


def examine_steadiness(device: str, effort: Effort, emit: Emit) -> None:
    """Measure whether the processor keeps its speed."""
    from zoobench.measure.worker.checks import steadiness

    steadiness.examine_steadiness(device, effort, emit)


def examine_launching(device: str, effort: Effort, emit: Emit) -> None:
    """Measure how steadily the host launches operators."""
    from zoobench.measure.worker.checks import steadiness

    steadiness.examine_launching(device, effort, emit)
