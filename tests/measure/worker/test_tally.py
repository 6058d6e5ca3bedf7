from __future__ import annotations

from pathlib import Path

import pytest

from zoobench.cases import BadInputError, ImageSize, Mode, catalogue
from zoobench.counting import By
from zoobench.measure.worker.count_report import CountRequest, NoCountError, count_model

LENET_MACS = 25 * 6 * 28**2 + 150 * 16 * 10**2 + 400 * 120 + 120 * 84 + 84 * 10
LENET = catalogue.find("lenet5")

MODELS = """
import torch
from torch import nn

class Counter(nn.Module):
    def forward(self, x):
        return x * int((x > 0).sum())

class Headed(nn.Module):
    def __init__(self):
        super().__init__()
        self.main, self.auxiliary = nn.Conv2d(3, 4, 3), nn.Conv2d(3, 5, 1)

    def forward(self, x):
        return {"out": self.main(x)} | ({"aux": self.auxiliary(x)} if self.training else {})

class Raising(nn.Module):
    def forward(self, x):
        if x.device.type == "meta":
            raise RuntimeError("no meta tensors, please\\nsecond line")
        return x

class Words(nn.Module):
    def forward(self, words):
        return self.embed(words)

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(10, 4)

def lazy():
    return nn.LazyLinear(3)

def shared():
    layer = nn.Conv2d(3, 3, 1)
    return nn.Sequential(layer, nn.ReLU(), layer)
"""


@pytest.fixture
def nets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "nets_to_tally.py").write_text(MODELS, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)


def test_one_picture_of_the_model_s_own_size() -> None:
    found = count_model(LENET, CountRequest())
    assert (found.model, found.image_size, found.batch, found.mode) == ("zoobench:lenet5", "32", 1, Mode.INFER)
    assert (found.counts.macs, found.state.parameters) == (LENET_MACS, 61_706)
    assert found.groups == ()


def test_the_peak_is_of_the_call_that_was_asked_for() -> None:
    inference, training = (count_model(LENET, CountRequest(mode=mode, batch=8)).peak for mode in Mode)
    assert inference is not None
    assert training is not None
    assert inference.total_bytes > 4 * (61_706 + 8 * 32 * 32)
    assert training.total_bytes > 2 * 4 * 61_706 + inference.total_bytes - 4 * 61_706


def test_any_batch_and_size() -> None:
    mobile = catalogue.find("mobilenet_v1_025")
    one = count_model(mobile, CountRequest(resolution=ImageSize(64, 128)))
    many = count_model(mobile, CountRequest(resolution=ImageSize(64, 128), batch=7))
    assert one.image_size == "64x128"
    assert many.counts.macs == 7 * one.counts.macs
    assert many.state == one.state


def test_training_adds_the_backward_pass() -> None:
    first = 25 * 6 * 28**2
    assert count_model(LENET, CountRequest(mode=Mode.TRAIN)).counts.macs == 3 * LENET_MACS - first


def test_parts_are_those_asked_for() -> None:
    kinds = count_model(LENET, CountRequest(by=By.KIND)).groups
    assert sum(group.counts.macs for group in kinds) == LENET_MACS
    modules = count_model(LENET, CountRequest(by=By.MODULE, depth=0)).groups
    assert [(group.name, group.counts.macs) for group in modules] == [("", LENET_MACS)]


@pytest.mark.usefixtures("nets")
@pytest.mark.parametrize(
    ("name", "macs"), [("Headed", 222 * 222 * 4 * 27), ("shared", 2 * 224 * 224 * 9)], ids=["dict", "shared"]
)
def test_models_of_the_user_s(name: str, macs: int) -> None:
    assert count_model(catalogue.find(f"nets_to_tally:{name}"), CountRequest()).counts.macs == macs


@pytest.mark.usefixtures("nets")
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Counter", "Counter cannot be counted: .*meta"),
        ("Raising", "Raising cannot be counted: no meta tensors, please"),
        ("Words", "Words cannot be counted"),
        ("lazy", "LazyLinear cannot be counted: weight is lazy and has no shape yet"),
    ],
)
@pytest.mark.filterwarnings("ignore:Lazy modules")
def test_what_cannot_be_counted_says_why_in_one_line(name: str, reason: str) -> None:
    with pytest.raises(NoCountError, match=reason) as raised:
        count_model(catalogue.find(f"nets_to_tally:{name}"), CountRequest())
    assert "\n" not in str(raised.value)
    assert str(raised.value).startswith(f"nets_to_tally:{name}: ")


def test_pictures_that_a_model_does_not_take_are_refused() -> None:
    with pytest.raises(BadInputError, match="image size 8 is too small for lenet5"):
        count_model(LENET, CountRequest(resolution=ImageSize(8, 8)))
