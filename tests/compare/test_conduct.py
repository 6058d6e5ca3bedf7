"""Experiments of real projects in real processes."""

from __future__ import annotations

import itertools
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from processes import interruptible
from sides import PACKAGE, both, checkout, matrix

from zoobench.cases import IdentityError
from zoobench.compare.comparison import Deciding, Means, measure_comparison, resume
from zoobench.compare.journal import load_evidence
from zoobench.compare.pilot import INCOMPARABLE
from zoobench.compare.spec import ComparisonSpec, Event, Injection, Planned, TimeSpent
from zoobench.compare.worker_pair import SideProcess
from zoobench.records.comparison import CasePair, ComparisonKind, Evidence, GenerationPlan, Rule, SideName

PLAN = GenerationPlan(
    cases=1, screen_generations=2, confirm_generations=0, blocks=4, block_s=0.002, expected_s=10.0, spread_ratio=0.02,
    smallest_ratio=0.1,
)  # fmt: skip
DECIDING = Deciding(make_plan=lambda *_: PLAN, suspects=lambda _: (), confirmation_plan=lambda *_: PLAN)
GONE_WITHIN_S = 20.0


def spec(*models: str, **fields: Any) -> ComparisonSpec:
    usual = {"kind": ComparisonKind.SAME, "rule": Rule(margin_ratio=0.05), "seed": 3, "budget_s": 1e4}
    return ComparisonSpec(**usual | {"matrix": matrix(*models), "has_controls": False} | fields)


@pytest.fixture
def means(bootstrap: Path) -> Means:
    return means_telling(bootstrap, [])


def means_telling(bootstrap: Path, events: list[Event]) -> Means:
    return Means(
        lambda side, hash_seed: SideProcess(side, bootstrap, hash_seed=hash_seed, emit=events.append),
        deciding=DECIDING,
    )


def found(evidence: Evidence) -> dict[str, CasePair]:
    """By the name of the factory."""
    return {case_pair.id.partition("/")[0].rpartition(":")[2]: case_pair for case_pair in evidence.case_pairs}


def children() -> list[psutil.Process]:
    """Workers alive, and those that nobody waited for."""
    return [child for child in psutil.Process().children() if "bootstrap.py" in " ".join(_command(child))]


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return ["bootstrap.py"]  # a zombie has none


def test_the_same_project_twice_agrees_and_never_computes_on_both_sides_at_once(
    tmp_path: Path, bootstrap: Path
) -> None:
    events: list[Event] = []
    sides = both(tmp_path)
    folder, evidence = measure_comparison(
        *sides.values(), spec(f"{PACKAGE}:tiny", has_controls=True), results=tmp_path / "results",
        emit=events.append, means=means_telling(bootstrap, events),
    )  # fmt: skip

    case_pairs = list(evidence.case_pairs)
    assert [case_pair.output_error for case_pair in case_pairs] == [0.0] * 3
    assert all(case_pair.base.exact == case_pair.head.exact for case_pair in case_pairs)
    assert len(evidence.replicates) == 2 * 3
    assert all(len(replicate.blocks) == 4 and not replicate.failure for replicate in evidence.replicates)
    planned = next(place for place, event in enumerate(events) if isinstance(event, Planned))
    spans = [event for event in events[planned:] if isinstance(event, TimeSpent) and event.request != "Release"]
    assert {span.side for span in spans} == set(SideName)
    for one, other in itertools.pairwise(spans):
        assert one.began_s <= one.ended_s <= other.began_s <= other.ended_s
    assert children() == []
    assert load_evidence(folder) == evidence
    setup = evidence.setup
    assert setup.base.loaded == setup.head.loaded == {PACKAGE: f"{PACKAGE}/__init__.py"}


BASE = """
    import os, signal, sys
    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self, width=8, kills_after=None):
            super().__init__()
            self.layer = nn.Conv2d(3, width, 3)
            self.kills_after, self.calls = kills_after, 0

        def forward(self, images):
            self.calls += type(images) is torch.Tensor and not images.is_meta
            if self.kills_after is not None and self.calls > self.kills_after:
                os.kill(os.getpid(), signal.SIGKILL)
            return self.layer(images).mean((2, 3))

    def kept(): return Net()
    def reordered(): return Net()
    def widened(): return Net()
    def dying(): return Net()
    def crashing(): return Net()
    def leaving(): return Net()
    def mended(): raise ValueError("not yet")
    def removed(): return Net()
    """
HEAD = BASE.replace("def removed(): return Net()", "def added(): return Net()")
for _name, _body in {
    "reordered": "torch.rand(1); return Net()",
    "widened": "return Net(9)",
    "dying": "return Net(kills_after=200)",
    "crashing": "os.kill(os.getpid(), signal.SIGSEGV)",
    "leaving": "sys.exit(5)",
    "mended": "return Net()",
}.items():
    HEAD = "\n".join(
        f"    def {_name}(): {_body}" if line.startswith(f"    def {_name}(") else line for line in HEAD.splitlines()
    )
NAMES = ("kept", "reordered", "widened", "dying", "crashing", "leaving", "mended", "removed", "added")


@pytest.fixture(scope="module")
def differing(tmp_path_factory: pytest.TempPathFactory, bootstrap: Path) -> Evidence:
    """One experiment of everything that can become of a model between two commits."""
    root = tmp_path_factory.mktemp("differing")
    base, head = checkout(root, SideName.BASE, zoo=BASE), checkout(root, SideName.HEAD, zoo=HEAD)
    asked = spec(*(f"{PACKAGE}.zoo:{name}" for name in NAMES))
    plan = PLAN.__class__(**{field: getattr(PLAN, field) for field in PLAN.__struct_fields__} | {"block_s": 0.1})
    deciding = DECIDING._replace(make_plan=lambda *_: plan, confirmation_plan=lambda *_: plan)
    means = means_telling(bootstrap, [])._replace(deciding=deciding)
    return measure_comparison(base, head, asked, results=root / "results", means=means).evidence


def test_what_is_the_same_on_both_sides_runs_and_agrees(differing: Evidence) -> None:
    case_pair = found(differing)["kept"]
    assert (case_pair.output_error, case_pair.base.failure, case_pair.head.failure) == (0.0, None, None)
    replicates = [one for one in differing.replicates if one.case_pair == case_pair.id]
    assert [one.failure for one in replicates] == [None, None]


def test_weights_drawn_in_another_order_are_another_output(differing: Evidence) -> None:
    case_pair = found(differing)["reordered"]
    assert case_pair.output_error is not None
    assert case_pair.output_error > 100 * case_pair.output_tolerance
    assert case_pair.base.exact == case_pair.head.exact


def test_outputs_of_other_shapes_cannot_be_compared_and_other_counts_are_told(differing: Evidence) -> None:
    case_pair = found(differing)["widened"]
    assert case_pair.output_error == INCOMPARABLE
    assert case_pair.head.exact["parameters"] - case_pair.base.exact["parameters"] == 3 * 9 + 1


def test_models_that_one_side_lacks_are_missing_there(differing: Evidence) -> None:
    removed, added = found(differing)["removed"], found(differing)["added"]
    assert (removed.base.is_missing, removed.head.is_missing) == (False, True)
    assert (added.base.is_missing, added.head.is_missing) == (True, False)
    assert removed.base.call_s is not None
    assert added.head.call_s is not None


@pytest.mark.parametrize(
    ("name", "message"),
    [("crashing", "the worker was killed by SIGSEGV"), ("leaving", "the worker exited with code 5")],
)
def test_a_side_that_dies_in_one_case_only_fails_there_alone(name: str, message: str, differing: Evidence) -> None:
    case_pair = found(differing)[name]
    assert case_pair.base.failure is None
    assert case_pair.head.failure is not None
    assert case_pair.head.failure.message.startswith(message)
    assert not case_pair.head.is_missing


def test_a_model_that_is_mended_failed_on_the_base_alone(differing: Evidence) -> None:
    case_pair = found(differing)["mended"]
    assert case_pair.base.failure is not None
    assert case_pair.base.failure.message == f"factory {PACKAGE}.zoo:mended raised ValueError: not yet"
    assert (case_pair.base.is_missing, case_pair.head.failure) == (False, None)


def test_a_worker_killed_in_a_block_is_tried_again_and_then_recorded(differing: Evidence) -> None:
    case_pair = found(differing)["dying"]
    assert case_pair.head.failure is None, "it lived through the pilot"
    (failed,) = [one for one in differing.replicates if one.case_pair == case_pair.id]
    assert (failed.attempt, failed.failed, failed.generation) == (2, SideName.HEAD, 1)
    assert failed.failure is not None
    assert failed.failure.message.startswith("the worker was killed by SIGKILL")
    assert any(note.startswith(f"{case_pair.id}: generation 1 was begun anew") for note in differing.notes)


def test_a_package_with_a_syntax_error_fails_in_every_case_with_the_line(tmp_path: Path, means: Means) -> None:
    base = checkout(tmp_path, SideName.BASE)
    head = checkout(tmp_path, SideName.HEAD, __init__="def tiny(:\n    pass\n")
    _, evidence = measure_comparison(base, head, spec(f"{PACKAGE}:tiny"), results=tmp_path / "results", means=means)

    (case_pair,) = evidence.case_pairs
    assert case_pair.head.failure is not None
    assert case_pair.head.failure.message.startswith(
        f"importing {PACKAGE} raised SyntaxError: invalid syntax (__init__.py, line 1)"
    )
    assert not case_pair.head.is_missing
    assert (evidence.plans, evidence.setup.head.loaded) == ((), {})


def test_a_side_that_loads_anothers_code_is_not_measured(tmp_path: Path, means: Means) -> None:
    """The head's folder has the package, but what it imports is another's: its `__init__` changes where from."""
    elsewhere = checkout(tmp_path / "elsewhere", SideName.HEAD, zoo=BASE)
    base = checkout(tmp_path, SideName.BASE, zoo=BASE)
    misled = f"__path__.insert(0, {str(elsewhere.folder / PACKAGE)!r})\n"
    head = checkout(tmp_path, SideName.HEAD, __init__=misled, zoo=BASE)
    with pytest.raises(IdentityError, match=rf"^head loaded {PACKAGE}\.zoo from {elsewhere.folder}/") as raised:
        measure_comparison(base, head, spec(f"{PACKAGE}.zoo:kept"), results=tmp_path / "results", means=means)
    assert raised.value.exit_code == 5
    assert not (tmp_path / "results").exists()


INTERRUPTED = """
    import sys
    from pathlib import Path
    sys.path.insert(0, {tests!r})
    from sides import both, matrix
    from zoobench.compare.spec import ComparisonSpec
    from zoobench.compare.comparison import measure_comparison
    from zoobench.compare.spec import Taken
    from zoobench.records.comparison import ComparisonKind, Rule
    asked = ComparisonSpec(
        kind=ComparisonKind.SAME, rule=Rule(margin_ratio=0.05), seed=3, budget_s=3000, matrix=matrix("nets:tiny")
    )
    tell = lambda event: isinstance(event, Taken) and print("taken", flush=True)
    measure_comparison(*both(Path({root!r})).values(), asked, results=Path({root!r}) / "results", emit=tell)
    """


def test_ctrl_c_leaves_no_worker_and_a_whole_journal_that_can_be_gone_on_with(tmp_path: Path, means: Means) -> None:
    script = INTERRUPTED.format(tests=str(Path(__file__).parents[1]), root=str(tmp_path))
    with interruptible([sys.executable, "-c", textwrap.dedent(script)]) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "taken\n"
        workers = psutil.Process(process.pid).children()
        process.send_signal(signal.SIGINT)
        process.wait(GONE_WITHIN_S)
    assert process.returncode != 0
    assert len(workers) == 2
    assert not any(psutil.pid_exists(worker.pid) for worker in workers)
    (folder,) = (tmp_path / "results").iterdir()
    kept = load_evidence(folder)
    assert kept.notes == ()
    assert len(kept.replicates) >= 1

    sides = {side: checkout(tmp_path / "again", side) for side in SideName}
    resumed = resume(folder, *sides.values(), budget_s=0.001, means=means).evidence
    assert resumed.replicates[: len(kept.replicates)] == kept.replicates
    assert resumed.case_pairs == kept.case_pairs


def test_the_process_that_conducts_imports_no_torch() -> None:
    script = "import sys, zoobench.compare.comparison; print(sorted({'torch', 'pandas', 'scipy'} & set(sys.modules)))"
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
    assert time.monotonic() > began


def test_a_training_step_and_the_systems_heap_go_the_same_way(tmp_path: Path, means: Means) -> None:
    from zoobench.cases import Allocator, Mode  # noqa: PLC0415

    asked = spec(
        matrix=matrix(f"{PACKAGE}:tiny", modes=(Mode.TRAIN,), allocators=tuple(Allocator)),
        injection=Injection(ratio=0.5, share=1.0),
    )
    _, evidence = measure_comparison(*both(tmp_path).values(), asked, results=tmp_path / "results", means=means)

    assert len(evidence.case_pairs) == 2
    assert {case_pair.injected_ratio for case_pair in evidence.case_pairs} == {0.5}
    assert {case_pair.output_error for case_pair in evidence.case_pairs} == {0.0}
    assert len(evidence.replicates) == 4
    assert all(case_pair.base.exact["operator_calls"] > 10 for case_pair in evidence.case_pairs)
