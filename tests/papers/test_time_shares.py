from synthetic import make_case, make_record, measurement

from zoobench.papers import timed
from zoobench.papers.evidence import NetShares, collect_time_shares
from zoobench.records import Breakdown, Layer


def test_a_net_is_broken_down_only_where_layers_and_time_are_known():
    first, second, third, *_ = timed.BROKEN_DOWN
    layers = (
        Layer("at", "Type", "pointwise", 30, 0, 0, 0, (1,), (1,)),
        Layer("at", "Type", "depthwise", 10, 0, 0, 0, (1,), (1,)),
    )
    time = Breakdown(metric="operator_time", by="kind", values={"pointwise": 0.001, "add": 0.003}, method="")

    def record(net, **more):
        case = make_case(model=net.model, image_size=net.resolution.height, threads=1)
        return make_record(case, [measurement("latency", 0.004)], **more)

    records = [
        record(first, layers=layers, breakdowns=(time,)),
        record(second, layers=layers),
        record(third, breakdowns=(time,)),
    ]
    found = collect_time_shares(records)
    assert found.setting == "inference, batch 1, fp32, 1 thread, cpu"
    assert found.nets == (
        NetShares(net=first, macs={"pointwise": 0.75, "depthwise": 0.25}, time={"pointwise": 0.25, "add": 0.75}),
    )


def test_no_record_is_no_share():
    assert collect_time_shares(()).nets == ()
