"""Looks at what a model does to the process beside its calls: threads, hooks, replaced functions, changed settings.

Nothing here runs while a round is timed. `zoobench.stats.side_effects` judges what is seen.
"""

from __future__ import annotations

import contextlib
import gc
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import torch
from torch import nn

from zoobench.cases import Case
from zoobench.devices import Device
from zoobench.records import Finding
from zoobench.stats.side_effects import Presence, judge_settings

_TASKS = Path("/proc/self/task")

_MODULE_HOOKS = ("_forward_pre_hooks", "_forward_hooks", "_backward_pre_hooks", "_backward_hooks")
_PARAMETER_HOOKS = ("_backward_hooks", "_post_accumulate_grad_hooks")
_GLOBAL_HOOKS = tuple(f"_global{name}" for name in _MODULE_HOOKS)
"""As torch/nn/modules/module.py and torch/_tensor.py name them; there is no public way to ask."""

_OWNERS: Mapping[str, Any] = {
    "torch.nn.functional": nn.functional,
    "torch.nn.Module": nn.Module,
    "torch.Tensor": torch.Tensor,
}
_REPLACED_BY_TORCH = {("torch.nn.Module", "__init__"), ("torch.nn.Module", "__setstate__")}
"""By torch.compile, and no part of a call."""

_ORIGINALS = {
    (owner, name): value
    for owner, holder in _OWNERS.items()
    for name, value in vars(holder).items()
    if callable(value) and (owner, name) not in _REPLACED_BY_TORCH
}
"""Functions as torch defines them: this module is imported before any model is built."""


def observe(module: nn.Module) -> Presence:
    """What there is now in the process and on the module."""
    return Presence(
        python_threads=tuple(thread.name for thread in threading.enumerate()),
        threads=_thread_count(),
        pool_threads=torch.get_num_threads() + torch.get_num_interop_threads(),
        attached=tuple(_attached(module)),
    )


_BEHAVIOUR = "allocator"
"""Found out by trying: it depends on what else the heap holds, and no model is to be accused of that."""

PutBack = Callable[[], Iterator[Finding]]


@contextlib.contextmanager
def kept_settings(case: Case, device: Device) -> Iterator[PutBack]:
    """Within the device's settings of the case: a function that reports which settings have changed and restores them.

    A setting is reported once, however often it is changed again. On leaving, everything is put back as well.
    """
    with contextlib.ExitStack() as applied_again:
        keeper = _Keeper(case, device, applied_again)
        try:
            yield keeper.put_back
        finally:
            for _ in keeper.put_back():
                pass


class _Global(msgspec.Struct, frozen=True):
    """A setting of the whole process beside the device's."""

    name: str
    read: Callable[[], Any]
    write: Callable[[Any], object]


class _Keeper:
    """Holds the settings as they were, and which of them were reported as changed."""

    def __init__(self, case: Case, device: Device, applied_again: contextlib.ExitStack) -> None:
        self._case = case
        self._device = device
        self._applied_again = applied_again
        self._globals = {setting.name: setting for setting in _globals_of(device.torch_device.type)}
        self._values = {name: setting.read() for name, setting in self._globals.items()}
        self._texts = self._read()
        self._told: set[str] = set()

    def put_back(self) -> Iterator[Finding]:
        """Everything as it was; then what was not, unless it was reported before."""
        now = self._read()
        changed = {name for name, text in self._texts.items() if now[name] != text}
        for name in changed & self._globals.keys():
            self._globals[name].write(self._values[name])
        if changed - self._globals.keys():
            self._applied_again.enter_context(self._device.settings(self._case))
        new = changed - self._told
        self._told |= changed
        yield from judge_settings({name: text for name, text in self._texts.items() if name in new}, now)

    def _read(self) -> dict[str, str]:
        of_device = {name: text for name, text in self._device.read_settings().items() if name != _BEHAVIOUR}
        return {**of_device, **{name: str(setting.read()) for name, setting in self._globals.items()}}


def _globals_of(device_type: str) -> Iterator[_Global]:
    yield _Global("default_dtype", torch.get_default_dtype, torch.set_default_dtype)
    yield _Global("default_device", _default_device, torch.set_default_device)
    yield _Global("grad_enabled", torch.is_grad_enabled, torch.set_grad_enabled)
    yield _Global("deterministic", torch.get_deterministic_debug_mode, torch.set_deterministic_debug_mode)
    yield _Global("float32_matmul_precision", _matmul_precision, _set_matmul_precision)
    yield _Global("detects_anomalies", torch.is_anomaly_enabled, torch.autograd.set_detect_anomaly)
    yield _Global("onednn", lambda: _ONEDNN.enabled, lambda value: setattr(_ONEDNN, "enabled", value))
    yield _Global("garbage_collection", gc.isenabled, lambda value: gc.enable() if value else gc.disable())
    yield _Global(
        "autocast",
        lambda: torch.is_autocast_enabled(device_type),
        lambda value: torch.set_autocast_enabled(device_type, value),
    )
    if hasattr(os, "sched_setaffinity"):
        yield _Global("affinity", lambda: sorted(os.sched_getaffinity(0)), lambda value: os.sched_setaffinity(0, value))


_ONEDNN: Any = torch.backends.mkldnn
_MIXED = "mixed"


def _default_device() -> torch.device | None:
    """None as long as nobody has set one: to set even `cpu` makes every function of torch slower."""
    context = getattr(getattr(torch, "_GLOBAL_DEVICE_CONTEXT", None), "device_context", None)
    return None if context is None else torch.device(context.device)


def _matmul_precision() -> str:
    """Torch raises where it was set for one backend alone."""
    try:
        return torch.get_float32_matmul_precision()
    except RuntimeError:
        return _MIXED


def _set_matmul_precision(value: str) -> None:
    if value != _MIXED:
        torch.set_float32_matmul_precision(value)


def _thread_count() -> int | None:
    try:
        return sum(1 for _ in _TASKS.iterdir())
    except OSError:
        return None


def _attached(module: nn.Module) -> Iterator[str]:
    """Where there are hooks or replaced functions, one entry each."""
    for name in _GLOBAL_HOOKS:
        yield from ["every module"] * len(getattr(nn.modules.module, name))
    for path, part in module.named_modules():
        yield from [path or "the model itself"] * _hook_count(part, _MODULE_HOOKS)
    for path, parameter in module.named_parameters():
        yield from [path] * _hook_count(parameter, _PARAMETER_HOOKS)
    for (owner, name), original in _ORIGINALS.items():
        if vars(_OWNERS[owner]).get(name) is not original:
            yield f"{owner}.{name}"


def _hook_count(holder: object, names: tuple[str, ...]) -> int:
    return sum(len(getattr(holder, name, None) or ()) for name in names)
