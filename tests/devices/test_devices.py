from __future__ import annotations

from pathlib import Path

import pytest
from fakes import FakeAsyncDevice, make_device, register

from zoobench.cases import BadInputError, UnknownNameError
from zoobench.devices import CpuDevice, CudaDevice, device_kinds, get_device


def test_the_built_in_devices_are_found_by_name() -> None:
    assert isinstance(get_device("cpu"), CpuDevice)
    assert isinstance(get_device("cuda"), CudaDevice)


@pytest.mark.parametrize(("asked", "name"), [("cuda", "cuda"), ("cuda:0", "cuda"), ("cuda:3", "cuda:3")])
def test_what_follows_the_colon_is_the_index(asked: str, name: str) -> None:
    device = get_device(asked)

    assert device.name == name
    assert device.torch_device.index == int(asked.partition(":")[2] or 0)


@pytest.mark.parametrize("name", ["cuda:one", "cuda:-1", "cuda:1:2"])
def test_an_index_is_a_number(name: str) -> None:
    with pytest.raises(BadInputError, match="what follows the colon is an index, as in cuda:1"):
        get_device(name)


def test_an_unknown_device_offers_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="unknown device 'cud': did you mean cuda"):
        get_device("cud")


def test_a_package_adds_a_device_by_its_entry_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    register(tmp_path, make_device)
    monkeypatch.syspath_prepend(tmp_path)

    assert tuple(device_kinds()) == ("cpu", "cuda", "fake")
    assert isinstance(get_device("fake"), FakeAsyncDevice)


def test_a_package_cannot_take_a_name_that_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    register(tmp_path, make_device, name="cuda")
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(BadInputError, match="two installed sources both provide a device named 'cuda'"):
        device_kinds()
