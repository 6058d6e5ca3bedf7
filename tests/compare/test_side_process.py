from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from sides import LIMIT_S, TINY_PARAMETERS, checkout, make_case, matrix

from zoobench.compare.checkouts import Checkout
from zoobench.compare.messages import (
    Compute,
    CountedFacts,
    CountFacts,
    Discover,
    Discovery,
    ListCases,
    Listed,
    Output,
    Prepare,
    Prepared,
    Release,
    Released,
    TakeBlock,
    TakenBlock,
    Warm,
    WarmUp,
)
from zoobench.compare.spec import Event, RequestFailedError, TimeSpent
from zoobench.compare.worker_pair import SideProcess
from zoobench.records import FailureKind
from zoobench.records.comparison import SideName

GONE_WITHIN_S = 20.0

FAULTY = """
    import os, signal, sys, threading
    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self, act=lambda: None, after=0):
            super().__init__()
            self.layer = nn.Conv2d(3, 4, 3)
            self.act, self.after, self.calls = act, after, 0

        def forward(self, images):
            if not images.is_meta and type(images) is torch.Tensor:
                self.calls += 1
                if self.calls > self.after:
                    self.act()
            return self.layer(images).mean((2, 3))

    def garbage():
        print("not a message")
        os.write(1, b"\\x00\\x00\\x00\\x05bytes")
        return Net(lambda: print("nor this"))

    def leaving(): sys.exit(3)
    def killed(): os.kill(os.getpid(), signal.SIGKILL)
    def raising(): raise ArithmeticError("no net today")
    def hanging(): return Net(lambda: threading.Event().wait())
    def broken(): return Net(lambda: 1 / 0)
    def late_death(): return Net(lambda: os.kill(os.getpid(), signal.SIGKILL), after=30)
    def closing():
        os.closerange(3, 1000)
        threading.Event().wait()
    def childish():
        if os.fork() == 0:
            threading.Event().wait(60)
            os._exit(0)
        os._exit(7)
    def missing_dependency():
        import no_such_dependency
    """


@pytest.fixture(scope="module")
def side(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    return checkout(tmp_path_factory.mktemp("sides"), SideName.BASE, faulty=FAULTY, torn="def broken(:\n")


@pytest.fixture(scope="module")
def living(side: Checkout, bootstrap: Path) -> Iterator[SideProcess]:
    """For requests that it survives."""
    with worker(side, bootstrap) as process:
        yield process


def worker(side: Checkout, bootstrap: Path, events: list[Event] | None = None) -> SideProcess:
    return SideProcess(side, bootstrap, hash_seed=0, emit=(events if events is not None else []).append)


def prepare(name: str, **axes: object) -> Prepare:
    return Prepare(case=make_case(name, **axes), seed=1)


def test_a_case_from_introduction_to_release(side: Checkout, bootstrap: Path) -> None:
    events: list[Event] = []
    with worker(side, bootstrap, events) as base:
        introduction = base.ask(Discover(modules=("nets", "nets.torn", "nowhere")), Discovery, LIMIT_S)
        listed = base.ask(ListCases(matrix=matrix("nets:tiny", "lenet4")), Listed, LIMIT_S)
        base.ask(prepare("nets:tiny"), Prepared, LIMIT_S)
        counted = base.ask(CountFacts(), CountedFacts, LIMIT_S)
        output = base.ask(Compute(), Output, LIMIT_S)
        warm = base.ask(WarmUp(bound_s=0.01), Warm, LIMIT_S)
        block = base.ask(TakeBlock(rounds=3, calls_a_round=2), TakenBlock, LIMIT_S).block
        base.ask(Release(), Released, LIMIT_S)
        with pytest.raises(RequestFailedError, match="no case is prepared"):
            base.ask(Compute(), Output, LIMIT_S)

    assert introduction.loaded["nets"] == str(side.folder / "nets" / "__init__.py")
    assert "nets.torn" not in introduction.loaded
    assert introduction.environment.software["torch"]
    assert listed.cases == (make_case(),)
    assert listed.unknown["lenet4"].startswith("unknown model 'lenet4': did you mean lenet5")
    assert (counted.exact["parameters"], counted.exact["operator_calls"]) == (TINY_PARAMETERS, 5.0)
    assert counted.unavailable["graph_breaks"] == "nothing is compiled in eager mode"
    assert (output.shape, len(output.values)) == ((1, 10), 40)
    assert warm.call_s > 0
    assert (len(block.samples), len(block.references_s)) == (3, 4)
    assert {len(values) for values in block.covariates.values()} == {3}
    spent = [event for event in events if isinstance(event, TimeSpent)]
    assert all(one.began_s <= one.ended_s <= next_.began_s for one, next_ in itertools.pairwise(spent))


def test_what_the_side_prints_never_reaches_the_channel(living: SideProcess) -> None:
    living.ask(prepare("nets.faulty:garbage"), Prepared, LIMIT_S)
    living.ask(TakeBlock(rounds=2), TakenBlock, LIMIT_S)


@pytest.mark.parametrize(
    ("name", "message", "is_missing"),
    [
        ("nets.faulty:raising", "factory nets.faulty:raising raised ArithmeticError: no net today", False),
        ("nets.faulty:nothing", "unknown factory of nets.faulty 'nothing': ", True),
        ("nets.nowhere:net", "there is no module nets.nowhere in ", True),
        ("elsewhere:net", "there is no module elsewhere in ", True),
        ("nets.torn:broken", "importing nets.torn raised SyntaxError: ", False),
        (
            "nets.faulty:missing_dependency",
            "factory nets.faulty:missing_dependency raised ModuleNotFoundError: ",
            False,
        ),
    ],
)
def test_a_model_that_cannot_be_built_is_refused_in_a_line_and_the_worker_lives(
    name: str, message: str, *, is_missing: bool, living: SideProcess
) -> None:
    with pytest.raises(RequestFailedError) as refused:
        living.ask(prepare(name), Prepared, LIMIT_S)
    living.ask(prepare("nets:tiny"), Prepared, LIMIT_S)

    assert (refused.value.is_dead, refused.value.is_missing) == (False, is_missing)
    assert refused.value.failure.message.startswith(message)
    assert (refused.value.failure.kind, refused.value.failure.where) == (FailureKind.BUILD, "build")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nets.faulty:killed", "the worker was killed by SIGKILL, which the kernel also does when memory runs out"),
        ("nets.faulty:leaving", "the worker exited with code 3 before it was done"),
        ("nets.faulty:closing", "the worker closed its channel and lived on"),
        ("nets.faulty:childish", "the worker exited with code 7 before it was done"),
    ],
)
def test_the_death_of_a_worker_is_told_with_what_ended_it(
    name: str, message: str, side: Checkout, bootstrap: Path
) -> None:
    with worker(side, bootstrap) as base:
        with pytest.raises(RequestFailedError) as died:
            base.ask(prepare(name), Prepared, LIMIT_S)
        with pytest.raises(RequestFailedError):
            base.ask(Release(), Released, LIMIT_S)

    assert died.value.is_dead
    assert (died.value.failure.kind, died.value.failure.where) == (FailureKind.CRASH, "Prepare")
    assert died.value.failure.message.startswith(message)
    assert not psutil.pid_exists(base.pid)


def test_a_request_that_takes_too_long_ends_the_worker(side: Checkout, bootstrap: Path) -> None:
    with worker(side, bootstrap) as base:
        base.ask(prepare("nets.faulty:hanging"), Prepared, LIMIT_S)
        with pytest.raises(RequestFailedError, match="no end within the time limit of 1 s") as late:
            base.ask(WarmUp(bound_s=0.1), Warm, 1.0)

    assert (late.value.is_dead, late.value.failure.kind) == (True, FailureKind.TIMEOUT)
    assert not psutil.pid_exists(base.pid)


def test_ctrl_c_is_the_parents_to_hear(living: SideProcess) -> None:
    living.ask(Release(), Released, LIMIT_S)
    os.kill(living.pid, signal.SIGINT)
    living.ask(Release(), Released, LIMIT_S)


def test_a_worker_dies_with_its_parent(side: Checkout, bootstrap: Path) -> None:
    script = f"""
        import time
        from pathlib import Path
        from zoobench.records.comparison import SideName
        from zoobench.compare.checkouts import Checkout
        from zoobench.compare.spec import ignore
        from zoobench.compare.messages import Release, Released
        from zoobench.compare.worker_pair import SideProcess
        folder, python = Path({str(side.folder)!r}), Path({sys.executable!r})
        side = Checkout(name=SideName.BASE, asked="", folder=folder, python=python)
        with SideProcess(side, Path({str(bootstrap)!r}), hash_seed=0, emit=ignore) as worker:
            worker.ask(Release(), Released, 300)
            print(worker.pid, flush=True)
            time.sleep(1000)
        """
    parent = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent:
        pid = int(parent.stdout.readline())
        parent.kill()
    deadline = time.monotonic() + GONE_WITHIN_S
    while psutil.pid_exists(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not psutil.pid_exists(pid)


def test_a_python_that_is_not_there_is_a_line(side: Checkout, bootstrap: Path) -> None:
    gone = Checkout(name=SideName.HEAD, asked="", folder=side.folder, python=Path("/no/python"))
    with pytest.raises(RequestFailedError, match=r"^head: /no/python cannot be started: "):
        worker(gone, bootstrap).__enter__()


def test_a_python_without_the_harness_s_libraries_says_which(
    side: Checkout, bootstrap: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "hidden" / "msgspec").mkdir(parents=True)
    (tmp_path / "hidden" / "msgspec" / "__init__.py").write_text("raise ModuleNotFoundError('no msgspec here')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "hidden"))
    with worker(side, bootstrap) as base, pytest.raises(RequestFailedError, match="no msgspec here") as died:
        base.ask(Release(), Released, LIMIT_S)
    assert died.value.is_dead


@pytest.mark.parametrize(("users", "binding"), [({}, "true"), ({"OMP_PROC_BIND": "close"}, "close")])
def test_threads_stay_where_they_are_unless_the_user_says_otherwise(
    side: Checkout, bootstrap: Path, monkeypatch: pytest.MonkeyPatch, users: dict[str, str], binding: str
) -> None:
    monkeypatch.delenv("OMP_PROC_BIND", raising=False)
    for name, value in users.items():
        monkeypatch.setenv(name, value)
    with worker(side, bootstrap) as base:
        introduction = base.ask(Discover(modules=()), Discovery, LIMIT_S)
    assert introduction.environment.settings["OMP_PROC_BIND"] == binding
