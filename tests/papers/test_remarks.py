from __future__ import annotations

import pytest

from zoobench.papers.published import figures
from zoobench.papers.remarks import REMARKS, remark_on
from zoobench.papers.verdict import FigureVerdict, judge


@pytest.mark.parametrize("key", REMARKS, ids=" ".join)
def test_a_remark_is_about_figures_that_were_counted(key, zoo) -> None:
    paper, row, metric = key
    about = [
        each for each in figures() if (each.paper, each.metric) == (paper, metric) and remark_on(each) == REMARKS[key]
    ]
    named = [each for each in about if row in {each.model, f"{each.model} | {each.variant}"}]
    assert named
    assert {judge(each, zoo).verdict for each in named} <= {
        FigureVerdict.NOT_REPRODUCIBLE,
        FigureVerdict.REPRODUCED,
        FigureVerdict.UNDER_CONVENTION,
    }


def test_a_remark_on_one_variant_is_none_on_the_others() -> None:
    remarks = {
        each.variant: remark_on(each) for each in figures() if (each.model, each.metric) == ("ShuffleNetV2", "macs")
    }
    assert [variant for variant, remark in remarks.items() if remark] == ["0.5x"]
