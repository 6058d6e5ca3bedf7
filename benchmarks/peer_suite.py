"""A suite of pytest-benchmark alone, for `peer_gate`: nets and wasted shares of a call come by the environment."""

from __future__ import annotations

import json
import os
import statistics
import time
from typing import Any

import pytest
import torch
from peer_gate import INJECTED, MODELS

from zoobench.cases import ImageSize, catalogue
from zoobench.zoo.build import build_model
from zoobench.zoo.inputs import example_images

WARM_UP_CALLS = 3
WARM_CALLS = 5


@pytest.mark.parametrize("name", json.loads(os.environ.get(MODELS, "[]")))
def test_call(benchmark: Any, name: str) -> None:
    """One call, and the busy loop after it where there is one."""
    torch.manual_seed(0)
    entry = catalogue.find(name)
    module = build_model(name).eval()
    images = example_images(entry, batch=1, resolution=ImageSize(entry.image_size, entry.image_size))

    def timed_s() -> float:
        began = time.perf_counter()
        module(images)
        return time.perf_counter() - began

    with torch.inference_mode():
        times_s = [timed_s() for _ in range(WARM_UP_CALLS + WARM_CALLS)]
        wasted_s = json.loads(os.environ[INJECTED]).get(name, 0.0) * statistics.median(times_s[WARM_UP_CALLS:])

        def call() -> None:
            module(images)
            end = time.perf_counter() + wasted_s
            while wasted_s and time.perf_counter() < end:
                pass

        benchmark(call)
