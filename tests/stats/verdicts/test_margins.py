from __future__ import annotations

import pytest

from zoobench.stats.verdicts.decide import margin_of


@pytest.mark.parametrize(
    ("devices", "ratio"),
    [
        (["cpu"], 0.05),
        (["cuda"], 0.02),
        (["cuda:0", "cuda:1"], 0.02),
        (["cuda", "cpu"], 0.05),
        (["npu"], 0.05),
        ([], 0.05),
    ],
)
def test_the_noisiest_device_decides(devices: list[str], ratio: float) -> None:
    assert margin_of(devices) == ratio
