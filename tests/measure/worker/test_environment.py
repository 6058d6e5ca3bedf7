from __future__ import annotations

import platform
import subprocess
from pathlib import Path

import psutil
import pytest
import torch
from fakes import make_device, register

from zoobench.cases import DeviceFacts
from zoobench.measure.worker import environment
from zoobench.measure.worker.environment import collect_environment
from zoobench.records import Environment


def collect(folder: Path, *extra_devices: str) -> Environment:
    told: list[Environment] = []
    collect_environment(str(folder), extra_devices, told.append)  # type: ignore[arg-type]
    [collected] = told
    return collected


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=Test", "-c", "user.email=test@example.org")
    command = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet")
    (tmp_path / "file.txt").write_text("committed\n", encoding="utf-8")
    git(tmp_path, "add", "file.txt")
    git(tmp_path, "commit", "--quiet", "--message", "one")
    return tmp_path


def test_host_and_software_are_this_machines(tmp_path: Path) -> None:
    collected = collect(tmp_path)

    assert collected.host["memory_bytes"] == str(psutil.virtual_memory().total)
    assert collected.host["processor"]
    assert float(collected.host["load_before"]) >= 0
    assert collected.software["python"] == platform.python_version()
    assert collected.software["torch"].partition("+")[0] == torch.__version__.partition("+")[0]
    assert collected.settings["instruction_set"] == torch.backends.cpu.get_cpu_capability()


def test_every_fact_is_text(tmp_path: Path) -> None:
    collected = collect(tmp_path)

    groups = (collected.host, collected.software, collected.settings, collected.commit)
    assert all(isinstance(value, str) for group in groups for value in group.values())


def test_a_package_that_is_missing_is_said_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "PACKAGES", ("no-such-package",))

    assert collect(tmp_path).software["no-such-package"] == "not installed"


def test_variables_that_change_how_fast_torch_is_are_kept_and_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_PROC_BIND", "close")
    monkeypatch.setenv("TORCH_TOKEN_OF_NOTHING", "1")
    monkeypatch.setenv("NVIDIA_TF32_OVERRIDE", "0")
    for name in ("SECRET_OMP_KEY", "NVIDIA_REQUIRE_CUDA", "CUDA_HOME", "CUDA_VERSION"):
        monkeypatch.setenv(name, "never")

    settings = collect(tmp_path).settings

    assert settings["OMP_PROC_BIND"] == "close"
    assert settings["NVIDIA_TF32_OVERRIDE"] == "0"
    assert "never" not in settings.values()


def test_the_commit_is_that_of_the_folder(repository: Path) -> None:
    assert collect(repository).commit == {"revision": git(repository, "rev-parse", "HEAD"), "is_dirty": "false"}


def test_changed_files_make_it_dirty_and_new_ones_do_not(repository: Path) -> None:
    (repository / "results.txt").write_text("new\n", encoding="utf-8")
    assert collect(repository).commit["is_dirty"] == "false"

    (repository / "file.txt").write_text("changed\n", encoding="utf-8")
    assert collect(repository).commit["is_dirty"] == "true"


def test_outside_a_repository_there_is_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))

    assert collect(tmp_path).commit == {}


def test_without_git_there_is_no_commit(repository: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing-here"))

    assert collect(repository).commit == {}


def test_every_kind_of_device_says_what_it_is_or_why_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    register(tmp_path, make_device)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)

    devices = {facts.name: facts for facts in collect(tmp_path, "cuda:1").devices}

    assert list(devices) == ["cpu", "cuda", "fake", "cuda:1"]
    assert devices["cpu"].is_available
    assert devices["fake"].model == "Fake accelerator"
    assert not devices["cuda:1"].is_available
    assert devices["cuda:1"].reason


def test_a_device_that_cannot_be_named_so_is_one_with_a_reason(tmp_path: Path) -> None:
    *_, last = collect(tmp_path, "cuda:one").devices

    reason = "device 'cuda:one': what follows the colon is an index, as in cuda:1"
    assert last == DeviceFacts(name="cuda:one", is_available=False, reason=reason)
