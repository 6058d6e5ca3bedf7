import msgspec
import pytest
from synthetic import make_case, make_record, measurement

from zoobench.cases import ImageSize, Mode
from zoobench.papers import timed
from zoobench.papers.claims import (
    ACTUAL,
    THEORETICAL,
    judge_claims,
    mobilenet_by_kind,
    shufflenet_speed_up,
    squeezenet_parameters,
    xception_steps,
)
from zoobench.papers.experiments import ALEXNET_2012, MOBILENET_V1, NETS, SQUEEZENET
from zoobench.papers.found import Net
from zoobench.records import Breakdown, Finding, Layer, LayerKind, Severity

SMALL = NETS["ShuffleNet V1"]["ShuffleNet 0.5x (g=3)"].model
SQUARE, WIDE = ImageSize(224, 224), ImageSize(480, 640)


def record(net, latency=None, *, facts=None, rounds=9, **more):
    """A record of the net on one thread, with equal samples."""
    axes = {key: more.pop(key) for key in ("mode", "batch", "threads") if key in more}
    height, width = net.resolution
    case = make_case(
        model=net.model, image_size=height, image_width=None if width == height else width, **{"threads": 1, **axes}
    )
    measured = [measurement("latency", *[latency] * rounds)] if latency else []
    return make_record(case, [*measured, *(measurement(*fact) for fact in (facts or {}).items())], **more)


def shared(kind, macs, weights):
    return Layer("at", "Type", kind, macs, 0, weights + 5, weights, (1,), (1,))


def of(claim, workload, quantity):
    (found,) = [each for each in claim.comparisons if (each.workload, each.quantity) == (workload, quantity)]
    return found


def test_every_claim_says_what_a_run_without_cases_lacks():
    for claim in judge_claims([]):
        assert not claim.is_complete
        assert claim.setting == ""
        for comparison in claim.comparisons:
            assert comparison.found is None
            if "accuracy" not in comparison.quantity:
                assert comparison.lack.startswith("not measured: ")


def test_claims_have_keys_of_their_own_and_name_their_table():
    claims = judge_claims([])
    assert len({claim.key for claim in claims}) == len(claims) == 6
    assert [claim.source for claim in claims[:2]] == [
        "ShuffleNet V1 (arXiv:1707.01083), Table 8",
        "Xception (arXiv:1610.02357), Table 3",
    ]


def test_shufflenet_s_printed_speed_up_is_the_ratio_of_the_printed_times():
    claim = shufflenet_speed_up([])
    assert of(claim, "ShuffleNet 0.5x (g=3), 224", ACTUAL).printed == pytest.approx(184.0 / 15.2)
    assert of(claim, "1.0 MobileNet-224, 720x1280", ACTUAL).printed == pytest.approx(3633.9 / 1879.2)
    assert of(claim, "ShuffleNet 0.5x (g=3), 224", THEORETICAL).printed == pytest.approx(720 / 38)
    assert of(claim, "ShuffleNet 0.5x (g=3), 480x640", THEORETICAL).printed is None
    assert len(claim.of(ACTUAL)) == len(claim.of(THEORETICAL)) == 4 * 3


def test_a_speed_up_is_of_one_size_of_pictures_over_alexnet_s():
    records = [
        record(Net(SMALL, SQUARE), 1.0, facts={"macs": 10.0}),
        record(Net(timed.ALEXNET, SQUARE), 8.0, facts={"macs": 120.0}),
        record(Net(timed.ALEXNET, WIDE), 50.0, facts={"macs": 700.0}),
    ]
    claim = shufflenet_speed_up(records)
    actual = of(claim, "ShuffleNet 0.5x (g=3), 224", ACTUAL)
    assert (actual.found.value, actual.found.low, actual.found.high, actual.lack) == (8.0, 8.0, 8.0, "")
    assert of(claim, "ShuffleNet 0.5x (g=3), 224", THEORETICAL).found.value == 12.0
    wide = of(claim, "ShuffleNet 0.5x (g=3), 480x640", ACTUAL)
    assert wide.found is None
    assert "shufflenet_v1_g3_x0_5 at 480x640" in wide.lack
    assert "alexnet" not in wide.lack
    assert "1 thread" in claim.setting


def test_a_speed_up_that_was_measured_with_a_warning_says_so():
    paging = Finding(code="paging", severity=Severity.WARNING)
    remark = Finding(code="remark", severity=Severity.NOTE)
    records = [record(Net(SMALL, SQUARE), 1.0, findings=(remark, paging)), record(Net(timed.ALEXNET, SQUARE), 8.0)]
    actual = of(shufflenet_speed_up(records), "ShuffleNet 0.5x (g=3), 224", ACTUAL)
    assert actual.note == "measured with warnings: zoobench:shufflenet_v1_g3_x0_5 at 224 (paging)"


def test_two_threads_are_no_evidence_for_one():
    records = [record(Net(model, SQUARE), 1.0, threads=2) for model in (SMALL, timed.ALEXNET)]
    assert of(shufflenet_speed_up(records), "ShuffleNet 0.5x (g=3), 224", ACTUAL).found is None


def test_xception_s_steps_a_second_over_inception_s_are_the_inverse_of_their_times():
    axes = {"mode": Mode.TRAIN, "batch": 8, "threads": 2}
    records = [record(timed.XCEPTION, 4.0, **axes), record(timed.INCEPTION, 3.0, **axes)]
    (comparison,) = xception_steps(records).comparisons
    assert comparison.found.value == 0.75
    assert comparison.printed == pytest.approx(28 / 31)


def test_mobilenet_s_table_2_gets_a_column_of_time():
    layers = (
        shared(LayerKind.POINTWISE, 90, 70),
        shared(LayerKind.DEPTHWISE, 6, 10),
        shared(LayerKind.FULLY_CONNECTED, 4, 20),
        shared(LayerKind.NORMALISATION, 0, 0),
    )
    values = {"pointwise": 0.6, "depthwise": 0.2, "normalisation": 0.1, "between-operators": 0.1}
    time = Breakdown(metric="operator_time", by="kind", values=values, method="fabricated")
    claim = mobilenet_by_kind([record(MOBILENET_V1, 1.0, layers=layers, breakdowns=(time,))])
    assert claim.is_complete
    assert of(claim, "Conv 1x1", "share of MACs").found.value == pytest.approx(0.9)
    assert of(claim, "Conv 1x1", "share of MACs").printed == pytest.approx(0.9486)
    assert of(claim, "Fully Connected", "share of parameters").found.value == pytest.approx(0.2)
    assert of(claim, "Conv 3x3", "share of MACs").found.value == 0.0
    assert of(claim, "Conv 1x1", "share of time").found.value == pytest.approx(0.6)
    assert of(claim, "between-operators", "share of time").found.value == pytest.approx(0.1)
    assert {each.printed for each in claim.of("share of time")} == {None}


def test_layers_of_another_size_of_pictures_are_no_evidence():
    other = record(Net(MOBILENET_V1.model, ImageSize(192, 192)), layers=(shared(LayerKind.POINTWISE, 9, 9),))
    assert of(mobilenet_by_kind([other]), "Conv 1x1", "share of MACs").found is None


def test_squeezenet_s_parameters_are_alexnet_s_over_its_own_and_accuracies_are_printed_ones():
    facts = [(ALEXNET_2012, 60_965_224), (SQUEEZENET, 1_248_424)]
    claim = squeezenet_parameters([record(net, facts={"parameters": count}) for net, count in facts])
    ratio, *accuracies = claim.comparisons
    assert ratio.found.value == pytest.approx(48.83, abs=0.005)
    assert ratio.printed == 50
    assert [(each.workload, each.printed, each.found) for each in accuracies[:2]] == [
        ("AlexNet", pytest.approx(0.572), None),
        ("SqueezeNet v1.0", pytest.approx(0.575), None),
    ]


def test_claims_survive_being_stored():
    claim = shufflenet_speed_up([])
    assert msgspec.json.decode(msgspec.json.encode(claim), type=type(claim)) == claim
