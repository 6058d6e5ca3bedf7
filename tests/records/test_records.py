from __future__ import annotations

import math

import msgspec
import pytest
from synthetic import make_case, make_record, make_run, measurement, realistic_record

from zoobench.cases import Mode, Precision
from zoobench.records import (
    SCHEMA,
    Breakdown,
    Calibration,
    CaseRecord,
    Ceiling,
    Environment,
    Layer,
    Measurement,
    RunRecord,
    Unavailable,
)


def test_a_measurement_without_samples_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^latency: a measurement has samples; what has none is Unavailable$"):
        Measurement(metric="latency", samples=(), method="clock")


@pytest.mark.parametrize("sample", [math.nan, math.inf, -math.inf])
def test_a_sample_that_is_no_number_is_refused(sample: float) -> None:
    with pytest.raises(ValueError, match=r"^latency: a sample is not a finite number$"):
        Measurement(metric="latency", samples=(1.0, sample), method="clock")


@pytest.mark.parametrize("values", [(), (1.0,), (1.0, 2.0, 3.0)])
def test_a_covariate_has_one_value_a_sample(values: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match=r"^latency: a covariate has one value a sample$"):
        Measurement(metric="latency", samples=(1.0, 2.0), method="clock", covariates={"page_faults": values})


@pytest.mark.parametrize("samples", ["[]", "[null]", '["fast"]', "[1e999]"])
def test_what_may_not_be_made_may_not_be_read_either(samples: str) -> None:
    line = f'{{"metric": "latency", "samples": {samples}, "method": "clock"}}'
    with pytest.raises(msgspec.MsgspecError):
        msgspec.json.decode(line, type=Measurement)


def test_a_measurement_is_found_by_its_metric() -> None:
    latency, memory = measurement("latency", 0.1), measurement("peak_allocated", 5)
    missing = Unavailable(metric="peak_reserved", reason="no pool")
    record = make_record(make_case(), [latency, memory], unavailable=(missing,))
    assert record.measurement("peak_allocated") is memory
    assert record.measurement("latency") is latency
    assert record.measurement("peak_reserved") is None


def test_records_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        make_record(make_case()).duration_s = 0.0  # type: ignore[misc]


def test_samples_survive_being_written_bit_by_bit() -> None:
    record = realistic_record(make_case(mode=Mode.TRAIN, precision=Precision.AMP_BF16))
    assert msgspec.json.decode(msgspec.json.encode(record), type=CaseRecord) == record


def test_heads_survive_being_written() -> None:
    run = make_run([]).run
    assert msgspec.json.decode(msgspec.json.encode(run), type=RunRecord) == run


def test_the_layout_of_schema_3_is_what_it_always_was() -> None:
    """A field renamed or removed is a new schema, with an upgrade in `zoobench.records.store.UPGRADES`."""
    assert SCHEMA == 3
    layout = {
        name: [field.name for field in msgspec.structs.fields(kind)]
        for name, kind in (
            ("case", CaseRecord),
            ("measurement", Measurement),
            ("breakdown", Breakdown),
            ("layer", Layer),
            ("environment", Environment),
            ("ceiling", Ceiling),
            ("calibration", Calibration),
            ("run", RunRecord),
        )
    }
    assert layout == {
        "case": ["case", "budget", "started_at", "duration_s", "in_calls_s", "measurements", "unavailable", "findings",
                 "failure", "breakdowns", "layers",
                 "is_planned", "settings", "schema"],
        "measurement": ["metric", "samples", "method", "calls_per_sample", "covariates", "block_sizes",
                        "process_sizes"],
        "breakdown": ["metric", "by", "values", "method"],
        "layer": ["path", "type", "kind", "macs", "activations", "parameters", "weights", "input_shape", "output_shape",
                  "weight_shape", "stride", "bytes_read", "bytes_written"],
        "environment": ["host", "software", "settings", "commit", "devices", "ceilings", "calibration"],
        "ceiling": ["device", "kind", "threads", "rate", "samples", "method", "precision"],
        "calibration": ["made_at", "facts", "measurements", "unavailable", "findings", "schema"],
        "run": ["run_id", "started_at", "label", "command", "environment", "schema"],
    }  # fmt: skip


@pytest.mark.parametrize("block_sizes", [(1,), (1, 2), (2, 0), (3, -1)])
def test_blocks_hold_every_sample_once(block_sizes: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="every sample is in one block"):
        Measurement(metric="latency", samples=(1.0, 2.0), method="test", block_sizes=block_sizes)


@pytest.mark.parametrize("process_sizes", [(1,), (1, 4), (4, 0), (5, -1)])
def test_processes_have_every_sample_once(process_sizes: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="every sample is of one process"):
        Measurement(metric="latency", samples=(1.0,) * 4, method="test", process_sizes=process_sizes)


@pytest.mark.parametrize(("process_sizes", "are_whole"), [((4,), True), ((3, 1), True), ((2, 2), False), ((), True)])
def test_a_block_is_of_one_process(process_sizes: tuple[int, ...], are_whole: bool) -> None:  # noqa: FBT001
    def make() -> Measurement:
        sizes = {"block_sizes": (1, 2, 1), "process_sizes": process_sizes}
        return Measurement(metric="latency", samples=(1.0,) * 4, method="test", **sizes)

    if are_whole:
        assert make().process_sizes == process_sizes
    else:
        with pytest.raises(ValueError, match="a block is of one process"):
            make()
