from synthetic import make_case, make_record, make_run, measurement

from zoobench.cases import Mode
from zoobench.papers import timed
from zoobench.papers.claims import judge_claims
from zoobench.report.reproduction import MEASURED_BY, claims_table, judged_run, render_claims


def trained(net, *samples):
    case = make_case(model=net.model, mode=Mode.TRAIN, batch=8, image_size=299)
    return make_record(case, [measurement("latency", *samples)])


def run(label="papers", slowest=4.4, **head):
    """Xception's training beside Inception's, and nothing else."""
    times = [4.0, 4.0, 4.0, 4.0, 4.0, 4.0, slowest]
    return make_run([trained(timed.XCEPTION, *times), trained(timed.INCEPTION, *[3.0] * 7)], label=label, **head)


def section(text, title):
    return next(part for part in text.split("### ") if part.startswith(title))


def test_the_table_has_a_row_a_comparison_with_numbers_and_with_texts():
    table = claims_table([run()])
    assert len(table.frame) == sum(len(claim.comparisons) for claim in judge_claims([]))
    (row,) = table.frame[table.frame["claim"] == "xception-training"].to_dict("records")
    assert row["found"] == 0.75
    assert (row["found_low"], row["found_high"]) == (3 / 4.4, 0.75)
    assert row["printed_text"] == "0.903×"
    assert row["found_text"] == "0.750× ±4.5 %"
    assert row["relation_text"] == "0.83"


def test_what_was_not_measured_has_no_number_in_the_table():
    frame = claims_table([run()]).frame
    unmeasured = frame[frame["claim"] == "shufflenet-speed-up"]
    assert unmeasured["found"].isna().all()
    assert set(unmeasured["found_text"]) == {"–"}
    assert unmeasured["note"].str.startswith("not measured: ").all()


def test_a_measured_claim_has_its_setting_table_and_notes():
    text = section(render_claims([run()], {}), "Xception")
    assert "Here: training, batch 8, fp32, 2 threads, cpu." in text
    assert "| 0.903×    | 0.750× ±4.5 % | 0.83" in text
    assert "\n- The printed figures are of 60 K80s" in text
    assert "Note" not in text


def test_a_claim_that_the_run_says_nothing_on_is_one_line_of_what_it_lacks():
    text = render_claims([run()], {})
    assert "|" not in section(text, "ShuffleNet")
    assert "- not measured: MACs of zoobench:shufflenet" in section(text, "ShuffleNet")
    assert "more in tables/claims.csv" in section(text, "ShuffleNet")
    assert text.endswith(MEASURED_BY)


def test_charts_stand_with_their_claims():
    text = render_claims([run()], {"theoretical_against_actual": "![speed-up]", "time_share_by_kind": "![time]"})
    assert "![speed-up]" in section(text, "ShuffleNet: ")
    assert "![time]" in section(text, "MobileNet: ")
    assert text.count("![") == 2


def test_claims_are_of_the_run_that_says_most_the_newest_of_several():
    old, new = run(run_id="20260301T100000.000Z-a"), run(run_id="20260302T100000.000Z-b")
    empty = make_run([], run_id="20260303T100000.000Z-c")
    assert judged_run([new, empty, old]) is new
    assert judged_run([empty]) is empty
    assert judged_run([]) is None
    assert "Of run 20260302T100000.000Z-b." in render_claims([old, empty, new], {})
    assert "Of run" not in render_claims([new], {})


def test_two_runs_are_never_mixed():
    alone = make_run([trained(timed.INCEPTION, 3.0)], run_id="20260302T100000.000Z-b")
    other = make_run([trained(timed.XCEPTION, 4.0)], run_id="20260301T100000.000Z-a")
    assert claims_table([alone, other]).frame["found"].isna().all()


def test_no_run_has_no_claim():
    assert claims_table([]).frame.empty
    assert render_claims([], {}) == "## Claims on speed"
