import pytest
from synthetic import make_case, make_record, measurement

from zoobench.papers.claims import mobilenet_v2_order, shufflenet_v2_order
from zoobench.papers.evidence import Scale
from zoobench.papers.published import figures
from zoobench.papers.timed import rows_left_out, timed_rows


def record(net, latency, *, batch=1):
    case = make_case(model=net.model, image_size=net.resolution.height, threads=1, batch=batch)
    return make_record(case, [measurement("latency", latency)])


def printed_seconds(paper, metric):
    values = {
        figure.model: float(figure.value) for figure in figures() if (figure.paper, figure.metric) == (paper, metric)
    }
    return values if metric == "cpu_time" else {row: 1 / value for row, value in values.items()}


@pytest.mark.parametrize(
    ("order", "paper", "metric", "batch"),
    [
        (mobilenet_v2_order, "MobileNetV2", "cpu_time", 1),
        (shufflenet_v2_order, "ShuffleNetV2", "arm_speed", 1),
        (shufflenet_v2_order, "ShuffleNetV2", "gpu_speed", 8),
    ],
)
@pytest.mark.parametrize("sign", [1, -1])
def test_the_printed_order_itself_correlates_fully(order, paper, metric, batch, sign):
    seconds = printed_seconds(paper, metric)
    records = [record(net, seconds[row] ** sign, batch=batch) for row, net in timed_rows(paper, metric).items()]
    found = [each for each in order(records).comparisons if each.found]
    assert [each.found.value for each in found] == [pytest.approx(sign)] * 2
    assert {each.scale for each in found} == {Scale.CORRELATION}
    assert found[0].note.startswith(f"{len(records)} nets")
    assert not any(each.lack for each in found)


def test_an_order_of_some_nets_says_which_lack():
    rows = timed_rows("ShuffleNetV2", "arm_speed")
    known = dict(list(rows.items())[:4])
    claim = shufflenet_v2_order([record(net, 1.0 + place) for place, net in enumerate(known.values())])
    rho, tau, *_ = claim.comparisons
    assert rho.found is not None
    assert rho.note.startswith("4 nets")
    assert f"and {len(rows) - 4 - 4} more" in rho.lack
    assert "exact" in tau.note


def test_rows_without_a_net_are_named_with_the_reason():
    notes = shufflenet_v2_order([]).notes
    assert any("not Chollet's" in note and "Xception 2x (our impl.)" in note for note in notes)
    assert all(any(row in note for note in notes) for row in rows_left_out("ShuffleNetV2", "gpu_speed"))
