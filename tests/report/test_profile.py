from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from synthetic import make_case, make_record, measurement

from zoobench.cases import Mode, StoreError
from zoobench.records import Breakdown, CaseRecord, Ceiling, Layer, Unavailable
from zoobench.report.charts.roofline import roofline_of_model
from zoobench.report.diagnosed import diagnosed
from zoobench.report.profile import SHOWN, kind_rows, module_rows, operator_rows, render_profile, write_figures
from zoobench.stats.roofline import roof_of

CASE = make_case("lenet5", batch=2, threads=1)
LAYERS = (
    Layer("", "Net", "", 0, 0, 0, 0, (1,), (1,)),
    # bytes of one image: weights of 4 × 25, which are read once a call, then activations
    Layer("conv", "Conv2d", "convolution", 3_000_000, 8, 25, 25, (1,), (1,), bytes_read=1100, bytes_written=1000),
    Layer("pool", "MaxPool2d", "pooling", 0, 0, 0, 0, (1,), (1,), bytes_read=3000, bytes_written=950),
    Layer("last", "Linear", "fully-connected", 1_000_000, 8, 0, 0, (1,), (1,), bytes_read=0, bytes_written=0),
)
CEILINGS = (
    Ceiling(device="cpu", kind="matrix-product", threads=1, rate=2e9, samples=(2e9,), method="told", precision="fp32"),
    Ceiling(device="cpu", kind="copy", threads=1, rate=1e7, samples=(1e7,), method="told"),
)


def operator_time(by: str, **values: float) -> Breakdown:
    return Breakdown(metric="operator_time", by=by, values=values, method="told")


RECORD = make_record(
    CASE,
    [measurement("latency", 0.0125), measurement("profiler_overhead", 1.5, 1.25, 1.25)],
    layers=LAYERS,
    breakdowns=(
        operator_time("kind", convolution=0.006, pooling=0.003, add=0.001),
        operator_time("layer", conv=0.006, pool=0.003, last=0.001),
        operator_time("operator", conv2d=0.006, max_pool2d=0.003, add=0.001),
    ),
)


def record(**changes: object) -> CaseRecord:
    return msgspec.structs.replace(RECORD, **changes)


def test_a_kind_s_share_of_the_time_beside_its_shares_of_macs_and_bytes() -> None:
    """Bytes of a call of two images: 2 × 2000 + 100 of the convolution, 2 × 3950 of the pooling; 12,000 together."""
    convolution, pooling, add, connected = kind_rows(RECORD)
    assert convolution == {
        "kind": "convolution", "time": "6.00 ms", "of time": "60.0 %", "of MACs": "75.0 %", "of bytes": "34.2 %",
    }  # fmt: skip
    assert (pooling["of time"], pooling["of MACs"], pooling["of bytes"]) == ("30.0 %", "0.0 %", "65.8 %")
    assert (add["kind"], add["of time"]) == ("add", "10.0 %")
    assert connected == {
        "kind": "fully-connected", "time": "–", "of time": "0.0 %", "of MACs": "25.0 %", "of bytes": "0.0 %",
    }  # fmt: skip


def test_a_module_s_rates_and_how_near_they_come_to_the_ceiling() -> None:
    """The convolution: 6 M MACs in 6 ms, half of 2 G a second; the pooling: 7900 bytes in 3 ms, of 10 M a second."""
    roof = roof_of(CEILINGS, CASE)
    convolution, pooling, connected = module_rows(RECORD, roof)
    assert convolution == {
        "module": "conv", "kind": "convolution", "time": "6.00 ms", "of time": "60.0 %", "MACs": "6.00 M",
        "MACs/s": "1.00 G", "bytes/s": "667 KiB", "of ceiling": "50 % compute",
    }  # fmt: skip
    assert (pooling["MACs"], pooling["MACs/s"], pooling["of ceiling"]) == ("–", "–", "26 % copy")
    assert (connected["bytes/s"], connected["of ceiling"]) == ("–", "100 % compute")


def test_without_ceilings_a_module_has_its_rates_and_no_share() -> None:
    assert {row["of ceiling"] for row in module_rows(RECORD, None)} == {"–"}
    assert module_rows(RECORD, None)[0]["MACs/s"] == "1.00 G"


def test_the_slowest_are_shown_and_no_more() -> None:
    times = {f"op{number}": 1.0 / (1 + number) for number in range(30)}
    rows = operator_rows(record(breakdowns=(operator_time("operator", **times),)))
    assert [row["operator"] for row in rows] == [f"op{number}" for number in range(SHOWN)]
    assert rows[0]["of time"] == f"{100 / sum(times.values()):.1f} %", "of all the time, not of what is shown"


def test_the_whole_text() -> None:
    overhead, diagnosis, *rest = render_profile(RECORD, CEILINGS)
    assert overhead == "profiler overhead: a profiled call takes 1.25 times as long as one that is not"
    assert diagnosis.startswith("diagnosis: compute-bound: ")
    text = "\n".join(rest)
    titles = ("by kind of layer", "slowest modules", "ceilings, as measured: 2.00 GMACs/s", "slowest operators")
    places = [text.index(title) for title in titles]
    assert places == sorted(places)


def test_what_is_missing_is_said() -> None:
    training = record(case=msgspec.structs.replace(CASE, mode=Mode.TRAIN))
    assert "diagnosis: none, it is made of modules' times, which are known in inference alone" in (
        render_profile(training, CEILINGS)
    )
    assert "diagnosis: none, for want of the machine's ceilings" in render_profile(RECORD, ())
    bare = record(
        measurements=(), breakdowns=(), unavailable=(Unavailable(metric="profiler_overhead", reason="it is too long"),)
    )
    lines = render_profile(bare, CEILINGS)
    assert lines[0] == "profiler overhead: it is too long"
    assert "diagnosis: none, for want of the modules' times" in lines
    assert "\nslowest operators, 10 at most: not measured" in lines


def test_figures_are_written_as_png_and_svg_and_those_of_another_time_are_taken_away(tmp_path: Path) -> None:
    names = {"flame.png", "flame.svg", "roofline.png", "roofline.svg"}
    assert {path.name for path in write_figures(RECORD, CEILINGS, tmp_path, "lenet5")} == names
    assert {path.name for path in tmp_path.iterdir()} == names
    assert {path.name for path in write_figures(RECORD, (), tmp_path, "lenet5")} == {"flame.png", "flame.svg"}
    assert {path.name for path in tmp_path.iterdir()} == {"flame.png", "flame.svg"}
    assert write_figures(record(breakdowns=()), CEILINGS, tmp_path, "lenet5") == ()
    assert list(tmp_path.iterdir()) == []


def test_the_lone_roofline_has_room_for_its_title_and_its_legend() -> None:
    found = diagnosed(RECORD, LAYERS, CEILINGS)
    assert found is not None
    figure = roofline_of_model((found,))
    assert figure is not None
    figure.draw_without_rendering()
    for artist in (*figure.texts, *figure.legends):
        box = artist.get_window_extent()
        assert box.x0 >= 0
        assert box.x1 <= figure.bbox.x1


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"cannot write figures to .*missing: No such file or directory"):
        write_figures(RECORD, CEILINGS, tmp_path / "missing", "lenet5")
