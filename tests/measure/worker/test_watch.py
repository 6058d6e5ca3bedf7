from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator

import pytest
import torch
from fakes import FakeAsyncDevice
from synthetic import make_case
from torch import Tensor, nn

from zoobench.cases import catalogue
from zoobench.devices import CpuDevice
from zoobench.measure.worker import side_effects
from zoobench.measure.worker.side_effects import kept_settings, observe
from zoobench.records import Finding
from zoobench.zoo.build import build_model

CASE = make_case("lenet5", threads=1)


class Pair(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(2, 2), nn.Linear(2, 2)

    def forward(self, images: Tensor) -> Tensor:
        return self.second(self.first(images))


def nothing(*_: object) -> None:
    pass


# Hooks and replaced functions


def test_a_plain_module_has_nothing_attached() -> None:
    assert observe(Pair()).attached == ()


@pytest.mark.parametrize(
    "attach",
    [
        lambda part: part.register_forward_hook(nothing),
        lambda part: part.register_forward_pre_hook(nothing),
        lambda part: part.register_full_backward_hook(nothing),
        lambda part: part.register_full_backward_pre_hook(nothing),
    ],
    ids=["forward", "forward-pre", "backward", "backward-pre"],
)
def test_hooks_of_modules_are_seen_where_they_are(attach: Callable[[nn.Module], object]) -> None:
    pair = Pair()
    attach(pair.second)
    attach(pair)

    assert observe(pair).attached == ("the model itself", "second")


@pytest.mark.parametrize(
    "attach",
    [
        lambda parameter: parameter.register_hook(nothing),
        lambda parameter: parameter.register_post_accumulate_grad_hook(nothing),
    ],
)
def test_hooks_of_parameters_are_seen(attach: Callable[[nn.Parameter], object]) -> None:
    pair = Pair()
    attach(pair.first.weight)

    assert observe(pair).attached == ("first.weight",)


def test_hooks_of_every_module_are_seen() -> None:
    handle = nn.modules.module.register_module_forward_hook(nothing)
    try:
        assert observe(Pair()).attached == ("every module",)
    finally:
        handle.remove()
    assert observe(Pair()).attached == ()


@pytest.mark.parametrize(
    ("owner", "name", "path"),
    [
        (nn.functional, "conv2d", "torch.nn.functional.conv2d"),
        (torch.Tensor, "__rsub__", "torch.Tensor.__rsub__"),
        (nn.Module, "_call_impl", "torch.nn.Module._call_impl"),
    ],
)
def test_replaced_functions_of_torch_are_seen(
    monkeypatch: pytest.MonkeyPatch, owner: object, name: str, path: str
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, nothing)
        seen = observe(nn.Identity()).attached

    assert seen == (path,)


@pytest.mark.parametrize("name", ["squeezenet1_1", "mobilenet_v2", "vit_b_16", "swin_t", "shufflenet_v1_g3_x1_0"])
def test_nets_of_the_zoo_have_nothing_attached(name: str) -> None:
    with torch.device("meta"):
        module = build_model(catalogue.find(name).ref)

    assert observe(module).attached == ()


# Threads


def test_threads_are_seen_with_their_names() -> None:
    before = observe(nn.Identity())
    end = threading.Event()
    thread = threading.Thread(target=end.wait, name="forgotten")
    thread.start()
    try:
        after = observe(nn.Identity())
    finally:
        end.set()
        thread.join()

    assert sorted(after.python_threads) == sorted((*before.python_threads, "forgotten"))
    if before.threads is not None:
        assert after.threads == before.threads + 1


# Settings


@pytest.fixture
def put_back() -> Iterator[Callable[[], list[Finding]]]:
    device = CpuDevice()
    with device.settings(CASE), kept_settings(CASE, device) as put_back:
        yield lambda: list(put_back())


PutBack = Callable[[], list[Finding]]

CHANGES: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
    "default_dtype": (lambda: torch.set_default_dtype(torch.float64), torch.get_default_dtype),
    "default_device": (lambda: torch.set_default_device("cpu"), side_effects._default_device),
    "grad_enabled": (lambda: torch.set_grad_enabled(False), torch.is_grad_enabled),
    "deterministic": (lambda: torch.use_deterministic_algorithms(True), torch.are_deterministic_algorithms_enabled),
    "float32_matmul_precision": (
        lambda: torch.set_float32_matmul_precision("medium"),
        torch.get_float32_matmul_precision,
    ),
    "detects_anomalies": (lambda: torch.autograd.set_detect_anomaly(True), torch.is_anomaly_enabled),
    "onednn": (lambda: setattr(torch.backends.mkldnn, "enabled", False), lambda: torch.backends.mkldnn.enabled),
    "garbage_collection": (gc.disable, gc.isenabled),
    "autocast": (lambda: torch.set_autocast_enabled("cpu", True), lambda: torch.is_autocast_enabled("cpu")),
    "threads": (lambda: torch.set_num_threads(3), torch.get_num_threads),
}
"""By name: how a model changes it, and how anybody reads it."""


@pytest.mark.filterwarnings("ignore:Anomaly Detection has been enabled")
@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_setting_is_told_and_put_back(put_back: PutBack, name: str) -> None:
    change, read = CHANGES[name]
    before = read()
    change()
    assert read() != before, "the test changes nothing"

    (finding,) = put_back()

    assert str(finding.values["changes"]).startswith(f"{name} ")
    assert ", " not in str(finding.values["changes"])
    assert read() == before
    assert put_back() == []


def test_without_a_change_nothing_is_told(put_back: PutBack) -> None:
    assert put_back() == []


def test_a_setting_is_told_once_however_often_it_changes(put_back: PutBack) -> None:
    torch.set_num_threads(3)
    assert len(put_back()) == 1

    torch.set_num_threads(2)
    torch.set_default_dtype(torch.float64)
    (finding,) = put_back()

    assert finding.values == {"changes": "default_dtype torch.float32 → torch.float64"}
    assert torch.get_num_threads() == CASE.threads


def test_settings_are_put_back_at_the_end_as_well_also_after_an_error() -> None:
    device, threads = CpuDevice(), torch.get_num_threads()

    def fail() -> None:
        with device.settings(CASE), kept_settings(CASE, device):
            torch.set_default_dtype(torch.float64)
            torch.set_num_threads(threads + 2)
            raise ArithmeticError

    with pytest.raises(ArithmeticError):
        fail()
    assert torch.get_default_dtype() is torch.float32
    assert torch.get_num_threads() == threads


def test_the_devices_settings_are_applied_again_where_they_changed() -> None:
    device = FakeAsyncDevice()
    with device.settings(CASE), kept_settings(CASE, device) as put_back:
        device.is_in_use = False

        (finding,) = put_back()

        assert finding.values == {"changes": "is_in_use True → False"}
        assert device.is_in_use
        assert len(device.applied) == 2
