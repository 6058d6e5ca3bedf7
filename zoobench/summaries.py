"""From a measurement to its summary: disturbed rounds set aside, blocks as replicates."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import TypeVar

from zoobench import stats
from zoobench.disturbance import Cause, causes
from zoobench.records import Measurement
from zoobench.stats import CONFIDENCE, MIN_BLOCKS, Summary

Item = TypeVar("Item")

LEAST_QUIET_SHARE = 0.25
"""Fewer undisturbed rounds of a block than this say little of it, and stand close to what disturbed the others."""


def summary_of(measurement: Measurement, confidence: float = CONFIDENCE) -> Summary:
    """Its summary; that of samples which are in no blocks takes each for a replicate, independent of the others."""
    if not measurement.block_sizes:
        return _summarize_loose(measurement, confidence)
    return summarize_rounds(measurement.samples, measurement.block_sizes, measurement.covariates, confidence)


def summarize_rounds(
    samples: Sequence[float],
    block_sizes: Sequence[int],
    covariates: Mapping[str, Sequence[float]],
    confidence: float = CONFIDENCE,
) -> Summary:
    """The summary of the undisturbed rounds if they are enough for an interval, or else that of all rounds."""
    quiet = quiet_blocks(samples, block_sizes, causes(samples, covariates))
    chosen = quiet if len(quiet) >= MIN_BLOCKS else split(samples, block_sizes)
    return stats.summarize_blocks(chosen, confidence)


def _summarize_loose(measurement: Measurement, confidence: float) -> Summary:
    disturbed_by = causes(measurement.samples, measurement.covariates)
    quiet = [sample for sample, cause in zip(measurement.samples, disturbed_by, strict=True) if cause is None]
    return stats.summarize(quiet if len(quiet) >= MIN_BLOCKS else measurement.samples, confidence)


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
