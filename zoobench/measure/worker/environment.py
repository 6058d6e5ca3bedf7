"""Where a run is measured: collected in a worker, since part of it is read from torch."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from collections.abc import Callable
from pathlib import Path

import psutil
import torch

from zoobench.cases import DeviceFacts, ZoobenchError
from zoobench.devices import device_kinds, get_device
from zoobench.measure.messages import Emit
from zoobench.records import Environment

PACKAGES = ("zoobench", "torch", "torchvision", "numpy", "pytest", "pytest-benchmark")

SETTINGS = ("OMP_", "MKL_", "ONEDNN_", "DNNL_", "KMP_", "GOMP_", "CUDA_", "CUBLAS_", "CUDNN_", "NVIDIA_TF32_OVERRIDE",
            "PYTORCH_", "TORCH_", "ATEN_", "MALLOC_", "LD_PRELOAD")  # fmt: skip
"""Prefixes of the environment variables that change how fast torch is."""

_FOR_BUILDING = {"CUDA_HOME", "CUDA_PATH", "CUDA_VERSION", "TORCH_CUDA_ARCH_LIST"}
"""What CUDA's container images set, and what says where and for what extensions are compiled: no speed hangs on it."""

_GIT_LIMIT_S = 10


def collect_environment(folder: str, extra_devices: tuple[str, ...], emit: Emit) -> None:
    """Send the `Environment`."""
    emit(describe_machine(folder, extra_devices))


def describe_machine(folder: str, extra_devices: tuple[str, ...]) -> Environment:
    """Host, software, settings, the commit of `folder`, and every kind of device."""
    names = dict.fromkeys((*device_kinds(), *extra_devices))
    return Environment(
        host=_host(),
        software=_software(),
        settings=_settings(),
        commit=_commit(Path(folder)),
        devices=tuple(_facts_of(name) for name in names),
    )


def _facts_of(name: str) -> DeviceFacts:
    """Facts of one device; of one that cannot be named so, the reason."""
    try:
        return get_device(name).facts()
    except ZoobenchError as error:
        return DeviceFacts(name=name, is_available=False, reason=str(error))


def _host() -> dict[str, str]:
    return {
        "system": f"{platform.system()} {platform.release()}",
        "machine": platform.machine(),
        "processor": get_device("cpu").facts().model,
        "cores": _told(lambda: psutil.cpu_count(logical=False) or ""),
        "usable_threads": str(len(os.sched_getaffinity(0))) if hasattr(os, "sched_getaffinity") else "",
        "memory_bytes": _told(lambda: psutil.virtual_memory().total),
        "load_before": _told(lambda: f"{os.getloadavg()[0]:.2f}"),
        "governor": _governor(),
    }


def _told(ask: Callable[[], object]) -> str:
    """As text; empty where this system does not report it, as without /proc."""
    try:
        return str(ask())
    except (OSError, psutil.Error):
        return ""


def _software() -> dict[str, str]:
    versions = {package: _version(package) for package in PACKAGES}
    return {"python": platform.python_version(), "libc": " ".join(platform.libc_ver()), **versions}


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _settings() -> dict[str, str]:
    names = sorted(name for name in os.environ if name.startswith(SETTINGS) and name not in _FOR_BUILDING)
    return {
        "instruction_set": torch.backends.cpu.get_cpu_capability(),
        "onednn": str(torch.backends.mkldnn.is_available()),  # type: ignore[no-untyped-call]
        **{name: os.environ[name] for name in names},
    }


def _commit(folder: Path) -> dict[str, str]:
    """Commit and dirtiness of the folder from which the run was started; empty outside a repository."""
    revision = _git(folder, "rev-parse", "HEAD")
    if revision is None:
        return {}
    changes = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return {"revision": revision, "is_dirty": str(bool(changes)).lower()}


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=_GIT_LIMIT_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _governor() -> str:
    path = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    return path.read_text(encoding="ascii").strip() if path.exists() else "unknown"
