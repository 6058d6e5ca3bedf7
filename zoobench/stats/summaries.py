"""From a measurement to its summary: disturbed rounds set aside, blocks or whole processes as replicates."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeVar

import msgspec

from zoobench.records import Measurement
from zoobench.stats import estimates
from zoobench.stats.estimates import CONFIDENCE, MIN_BLOCKS, Summary
from zoobench.stats.interference import Cause, causes

Item = TypeVar("Item")

LEAST_QUIET_SHARE = 0.25
"""Fewer undisturbed rounds of a block than this say little of it, and stand close to what disturbed the others."""

_LEAST_QUIET_BLOCKS = 3
"""So many stand for a process that is a replicate among others: of it a median is wanted, and no interval."""


def summary_of(measurement: Measurement, confidence: float = CONFIDENCE) -> Summary:
    """Its summary; that of samples which are in no blocks takes each for a replicate, independent of the others.

    Of several processes it is the median of their medians, and the interval is that of independent replicates
    (`stats.summarize_replicates`): what a process draws once, and all its blocks share, is in it. Processes of which
    hardly anything was undisturbed are left out if most were not so.
    """
    if len(measurement.process_sizes) > 1:
        return _summarize_replicates(_standing(measurement), confidence)
    if not measurement.block_sizes:
        return _summarize_loose(measurement, confidence)
    return summarize_rounds(measurement.samples, measurement.block_sizes, measurement.covariates, confidence)


def process_medians(measurement: Measurement) -> list[float]:
    """The medians that the summary is of, one for each process: the replicates."""
    if len(measurement.process_sizes) > 1:
        return [process.summary.median for process in _standing(measurement)]
    return [summary_of(measurement).median]


def is_undisturbed(measurement: Measurement) -> bool:
    """Whether its summary is of undisturbed samples alone: whether there are enough of them."""
    if len(measurement.process_sizes) > 1:
        return all(process.is_quiet for process in _standing(measurement))
    reasons = causes(measurement.samples, measurement.covariates)
    sizes = measurement.block_sizes or (1,) * len(reasons)
    return not any(reasons) or len(quiet_blocks(measurement.samples, sizes, reasons)) >= MIN_BLOCKS


def processes_of(measurement: Measurement) -> list[Measurement]:
    """What each of its processes measured, in their order."""
    if len(measurement.process_sizes) <= 1:
        return [measurement]
    sizes = measurement.process_sizes
    columns = {name: split(values, sizes) for name, values in measurement.covariates.items()}
    blocks = _blocks_of(measurement)
    return [
        msgspec.structs.replace(
            measurement,
            samples=tuple(samples),
            covariates={name: tuple(parts[index]) for name, parts in columns.items()},
            block_sizes=blocks[index],
            process_sizes=(),
        )
        for index, samples in enumerate(split(measurement.samples, sizes))
    ]


def summarize_rounds(
    samples: Sequence[float],
    block_sizes: Sequence[int],
    covariates: Mapping[str, Sequence[float]],
    confidence: float = CONFIDENCE,
) -> Summary:
    """The summary of the undisturbed rounds if they are enough for an interval, or else that of all rounds."""
    quiet = quiet_blocks(samples, block_sizes, causes(samples, covariates))
    chosen = quiet if len(quiet) >= MIN_BLOCKS else split(samples, block_sizes)
    return estimates.summarize_blocks(chosen, confidence)


def _summarize_loose(measurement: Measurement, confidence: float) -> Summary:
    disturbed_by = causes(measurement.samples, measurement.covariates)
    quiet = [sample for sample, cause in zip(measurement.samples, disturbed_by, strict=True) if cause is None]
    return estimates.summarize(quiet if len(quiet) >= MIN_BLOCKS else measurement.samples, confidence)


class _Process(NamedTuple):
    """A replicate: its summary, and whether that is of undisturbed samples alone."""

    summary: Summary
    is_quiet: bool


def _standing(measurement: Measurement) -> list[_Process]:
    """The quiet processes if they are the most, or else all."""
    processes = [_as_replicate(process) for process in processes_of(measurement)]
    quiet = [process for process in processes if process.is_quiet]
    return quiet if 2 * len(quiet) > len(processes) else processes


def _as_replicate(process: Measurement) -> _Process:
    sizes = process.block_sizes or (1,) * len(process.samples)
    quiet = quiet_blocks(process.samples, sizes, causes(process.samples, process.covariates))
    is_quiet = len(quiet) >= min(_LEAST_QUIET_BLOCKS, len(sizes))
    return _Process(estimates.summarize_blocks(quiet if is_quiet else split(process.samples, sizes)), is_quiet)


def _summarize_replicates(processes: Sequence[_Process], confidence: float) -> Summary:
    return msgspec.structs.replace(
        estimates.summarize_replicates([process.summary.median for process in processes], confidence),
        n=sum(process.summary.n for process in processes),
        blocks=sum(process.summary.blocks for process in processes),
        processes=len(processes),
    )


def _blocks_of(measurement: Measurement) -> list[tuple[int, ...]]:
    """The sizes of each process's blocks."""
    if not measurement.block_sizes:
        return [()] * len(measurement.process_sizes)
    process_of_sample = [index for index, size in enumerate(measurement.process_sizes) for _ in range(size)]
    of_process: list[list[int]] = [[] for _ in measurement.process_sizes]
    for size, end in zip(measurement.block_sizes, itertools.accumulate(measurement.block_sizes), strict=True):
        of_process[process_of_sample[end - 1]].append(size)
    return [tuple(sizes) for sizes in of_process]


def quiet_blocks(
    samples: Sequence[float], block_sizes: Sequence[int], disturbed_by: Sequence[Cause | None]
) -> list[list[float]]:
    """The undisturbed samples of each block; a block of which hardly any were undisturbed is left out whole."""
    quiet = []
    for block, reasons in zip(split(samples, block_sizes), split(disturbed_by, block_sizes), strict=True):
        kept = [sample for sample, cause in zip(block, reasons, strict=True) if cause is None]
        if len(kept) >= LEAST_QUIET_SHARE * len(block):
            quiet.append(kept)
    return quiet


def split(items: Sequence[Item], sizes: Sequence[int]) -> list[Sequence[Item]]:
    """The items in consecutive parts of these sizes."""
    ends = list(itertools.accumulate(sizes))
    return [items[start:end] for start, end in zip([0, *ends], ends, strict=False)]
