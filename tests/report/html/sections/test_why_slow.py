import msgspec
import pytest
from bounded_nets import bounded_run, profiled, run_of
from synthetic import HOSTILE, default_run, make_case, make_record, make_run, measurement, realistic_record

from zoobench.cases import ModelRef, Precision
from zoobench.report.html.sections.why_slow import why_slow
from zoobench.report.report_data import collect_report_data
from zoobench.report.selection import Setting
from zoobench.report.why import LACKING, compared, inverted_pairs

NETS = ("resnet18", "squeezenet1_1", "alexnet")
"""None of which a paper printed figures of."""


def charts_of(report_data):
    return {chart.key: chart for chart in why_slow(report_data).charts}


def data_of(chart, name="points"):
    return next(data["values"] for data in chart.spec["data"] if data["name"] == name)


@pytest.fixture(scope="module")
def report_data():
    halves = [
        profiled(name, precision=Precision.AMP_BF16, has_layers=False, factor=0.75) for name in ("resnet18", "alexnet")
    ]
    return collect_report_data([run_of([*bounded_run(NETS).records, *halves])])


def test_the_charts_are_two_orders_and_a_roofline_a_precision(report_data):
    assert [*charts_of(report_data)] == ["order-batch-1", "order-batch-8", "roofline-fp32", "roofline-amp-bf16"]


# Rooflines


def test_a_point_a_case_where_its_diagnosis_puts_it(report_data):
    points = data_of(charts_of(report_data)["roofline-fp32"])
    found = {
        f"{each.case.model.name}, batch {each.case.batch}": each
        for each in report_data.why.found
        if each.case.precision is Precision.FP32
    }
    assert len(points) == len(found) == 2 * len(NETS)
    for point in points:
        each = found[point["text"].split("\n")[0]]
        assert (point["x"], point["y"]) == (each.net.intensity, each.net.macs_per_s)
        assert point["text"].endswith(str(each.diagnosis))
        assert point["is_hollow"] == (each.case.batch == 8)
        assert point["name"] == ("" if point["is_hollow"] else each.case.model.name)


@pytest.mark.parametrize(("precision", "rate"), [("fp32", 5e10), ("amp-bf16", 1e11)])
def test_the_line_is_the_roof_of_that_precision(report_data, precision, rate):
    chart = charts_of(report_data)[f"roofline-{precision}"]
    start, ridge, end = data_of(chart, "front")
    assert ridge["y"] == end["y"] == rate
    assert start["y"] == pytest.approx(start["x"] * 1.6e10)
    across, up = (scale["domain"] for scale in chart.spec["scales"])
    assert across[0] <= start["x"] < ridge["x"] < end["x"] == across[1]
    assert up[0] <= start["y"] * (1 + 1e-9)
    assert end["y"] < up[1]


def test_without_ceilings_or_layers_there_is_no_roofline_and_the_section_says_what_is_lacking():
    report_data = collect_report_data([default_run()])
    section = why_slow(report_data)
    assert not [chart for chart in section.charts if chart.key.startswith("roofline")]
    assert LACKING in section.answer


@pytest.mark.parametrize("text", HOSTILE[:3])
def test_hostile_names_are_data(text):
    record = profiled("resnet18")
    hostile = msgspec.structs.replace(record.case, model=ModelRef("import", f"pkg:{text}"))
    run = run_of([*bounded_run(NETS, [1]).records, msgspec.structs.replace(record, case=hostile)])
    charts = charts_of(collect_report_data([run]))
    assert f"pkg:{text}" in [point["name"] for point in data_of(charts["roofline-fp32"])]
    assert f"pkg:{text}" in [row["name"] for row in charts["order-batch-1"].spec["data"]["values"]]


# Orders


def order_rows(chart):
    return {row["name"]: row for row in chart.spec["data"]["values"]}


@pytest.mark.parametrize("batch", [1, 8])
def test_places_are_those_of_the_frame_and_rings_those_of_its_pairs(batch):
    report_data = collect_report_data([default_run()])
    chart = charts_of(report_data)[f"order-batch-{batch}"]
    nets = compared(report_data.view, "", Setting(batch, "fp32"))
    rows = order_rows(chart)
    by_macs, by_latency = (nets.sort_values(column, kind="stable")["name"].tolist() for column in ("macs", "latency"))
    assert sorted(rows, key=lambda name: rows[name]["left"]) == by_macs
    assert sorted(rows, key=lambda name: rows[name]["right"]) == by_latency
    pairs = inverted_pairs(nets)
    rings = chart.spec["layer"][3]["data"]["values"]
    assert len(rings) == len(pairs) > 0
    crossed = set(pairs["light"]) | set(pairs["heavy"])
    assert {name for name, row in rows.items() if row["opacity"] == 1} == crossed
    assert f"{len(pairs)} of {len(nets) * (len(nets) - 1) // 2} pairs" in chart.alt


def test_a_ring_is_where_the_lines_of_its_pair_meet():
    report_data = collect_report_data([default_run()])
    chart = charts_of(report_data)["order-batch-1"]
    rows = order_rows(chart)
    for ring in chart.spec["layer"][3]["data"]["values"]:
        light, heavy = (next(name for name in sorted(rows, key=len, reverse=True) if each.startswith(name)) for each in
                        (ring["told"], ring["told"].split(" fewer MACs than ")[1]))  # fmt: skip
        for name in (light, heavy):
            row = rows[name]
            assert ring["place"] == pytest.approx(row["left"] + ring["across"] * (row["right"] - row["left"]))


def test_nets_whose_intervals_meet_have_no_ring():
    """The lighter one is slower in its median, but not beyond the intervals."""
    samples = {"squeezenet1_1": [0.9, 0.95, 1.05, 1.1] * 4, "alexnet": [0.85, 0.95, 1.0, 1.1] * 4}
    records = [
        make_record(make_case(name), [measurement("latency", *times), measurement("macs", macs)])
        for (name, times), macs in zip(samples.items(), (349e6, 714e6), strict=True)
    ]
    chart = charts_of(collect_report_data([make_run(records)]))["order-batch-1"]
    places = {name: (row["left"], row["right"]) for name, row in order_rows(chart).items()}
    assert places == {"squeezenet1_1": (1, 2), "alexnet": (2, 1)}
    assert chart.spec["layer"][3]["data"]["values"] == []
    assert "0 of 1 pair." in chart.alt


def test_one_net_has_no_order():
    assert charts_of(collect_report_data([make_run([realistic_record(make_case())])])) == {}
    section = why_slow(collect_report_data([]))
    assert section.is_empty
    assert "python -m zoobench run --preset quick" in section.missing
