import pytest
from audits import MOBILENET, audited, silent_record, three_models
from synthetic import HOSTILE, make_case, make_run

from zoobench.cases import ModelRef
from zoobench.report.html.sections import audit
from zoobench.report.report_data import collect_report_data


def section_of(*runs):
    return audit(collect_report_data(runs))


def rows_of(section):
    (chart,) = section.charts
    return chart.spec["data"]["values"]


def test_the_chart_has_the_table_s_numbers_the_furthest_model_first():
    run = three_models()
    rows = rows_of(section_of(run))
    found = {(row["name"], row["series"]): row["value"] for row in rows}
    for model in collect_report_data([run]).tables["audit"].frame.to_dict("records"):
        assert found[model["model"], "fvcore"] == pytest.approx(model["difference_ratio"])
        if model["published"] == model["published"]:
            assert found[model["model"], "printed by torchvision"] == pytest.approx(
                model["published"] / model["macs"] - 1
            )
    assert list(dict.fromkeys(row["name"] for row in rows)) == ["mobilenet_v2", "shufflenet_v2_x1_0", "lenet5"]


def test_each_difference_says_what_it_is_made_of():
    told = {(row["name"], row["series"]): row["told"] for row in rows_of(section_of(three_models()))}
    assert told["mobilenet_v2", "fvcore"] == "mobilenet_v2, fvcore, +4.46 %, fvcore explained: batch_norm +13.4 M"
    assert told["shufflenet_v2_x1_0", "printed by torchvision"].endswith("−0.41 %, 0.42 % off the published count")
    assert told["lenet5", "fvcore"] == "lenet5, fvcore, 0.00 %, fvcore agrees"


def test_sizes_of_pictures_and_sources_tell_names_apart():
    counts = (300.7e6, 314.1e6, None)
    other = make_case(model=ModelRef("import", "lenet5"))
    run = make_run(
        [
            *(audited(make_case("mobilenet_v2", image_size=size), counts, {}) for size in (224, 128)),
            *three_models().records[2:],
            audited(other, counts, {}),
        ]
    )
    names = {row["name"] for row in rows_of(section_of(run))}
    assert names == {"mobilenet_v2, 224 px", "mobilenet_v2, 128 px", "zoobench:lenet5", "import:lenet5"}


def test_of_several_runs_the_newest_is_drawn_and_named():
    older = make_run([audited(MOBILENET, (300e6, 330e6, None), {})])
    newer = make_run([audited(MOBILENET, (300e6, 303e6, None), {})], run_id="20260302T100000.000Z-head", label="head")
    section = section_of(older, newer)
    assert [row["value"] for row in rows_of(section)] == pytest.approx([0.01])
    assert "Of run 20260302T100000.000Z-head." in section.charts[0].alt


@pytest.mark.parametrize("text", HOSTILE[:2])
def test_hostile_names_are_data(text):
    record = audited(make_case(model=ModelRef("import", f"pkg:{text}")), (3e6, 4e6, None), {})
    assert rows_of(section_of(make_run([record])))[0]["name"] == f"pkg:{text}"


def test_without_any_count_there_is_no_chart():
    assert section_of(make_run([silent_record()])).charts == ()
    section = section_of()
    assert section.is_empty
    assert "pytest suites/bench_audit.py" in section.missing
