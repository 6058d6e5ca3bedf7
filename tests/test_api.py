from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes import EmittingExecutor

from zoobench.cases import BadInputError, Budget, Mode, Precision, UnknownNameError
from zoobench.cases.options import usable_threads
from zoobench.measure import session
from zoobench.measure.session import Machine, measure_case, start_run
from zoobench.records import Environment, FailureKind
from zoobench.records.store import load_runs

BUDGET = Budget(min_rounds=2, max_rounds=2, max_warmup_s=0.0)


@pytest.fixture(autouse=True)
def _fresh_labs() -> Iterator[None]:
    session._machine.cache_clear()
    yield
    session._machine.cache_clear()


def test_a_case_is_measured_with_its_models_own_defaults() -> None:
    record = measure_case("lenet5", budget=BUDGET, is_isolated=False)

    assert record.failure is None
    assert record.budget == BUDGET
    assert str(record.case.model) == "zoobench:lenet5"
    assert (record.case.mode, record.case.precision) == (Mode.INFER, Precision.FP32)
    assert (record.case.batch, record.case.image_size, record.case.device) == (1, 32, "cpu")
    assert record.case.threads == usable_threads()


def test_every_axis_can_be_set() -> None:
    record = measure_case(
        "squeezenet1_1",
        mode="train",
        batch=2,
        image_size=64,
        precision="amp-bf16",
        threads=1,
        budget=BUDGET,
        is_isolated=False,
    )

    assert record.failure is None
    assert record.case.id == "torchvision:squeezenet1_1/train/b2/64/amp-bf16/cpu/contiguous/eager/t1/retained"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": "resnet81"}, "unknown model 'resnet81': did you mean resnet18"),
        ({"mode": "trian"}, "unknown mode 'trian': did you mean train"),
        ({"precision": "fp8"}, "unknown precision 'fp8': did you mean fp"),
        ({"batch": 0}, "batch size 0 is too small"),
        ({"image_size": 8}, "image size 8 is too small for lenet5"),
        ({"precision": "tf32"}, "has no precision tf32"),
        ({"device": "tpu"}, "unknown device 'tpu'"),
        ({"device": "cuda:one"}, "what follows the colon is an index"),
    ],
    ids=str,
)
def test_what_cannot_be_measured_is_one_line(options: dict[str, object], message: str) -> None:
    with pytest.raises((BadInputError, UnknownNameError), match=message) as caught:
        measure_case(**{"model": "lenet5", "is_isolated": False, **options})  # type: ignore[arg-type]

    assert "\n" not in str(caught.value)


def test_fresh_processes_need_isolation() -> None:
    with pytest.raises(BadInputError, match="2 processes are fresh ones: without isolation there is none"):
        measure_case("lenet5", budget=Budget(processes=2), is_isolated=False)


def test_a_case_that_fails_is_a_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "api_broken_factory.py").write_text("def make():\n    raise ValueError('no')\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)

    record = measure_case("api_broken_factory:make", budget=BUDGET, is_isolated=False)

    assert record.failure is not None
    assert record.failure.kind is FailureKind.BUILD


def test_runs_are_loaded_all_or_by_their_ids(tmp_path: Path) -> None:
    environment = Environment(host={}, software={}, settings={}, commit={})
    machine = Machine(executor=EmittingExecutor(), environment=environment)
    run_ids = []
    for label in ("first", "second"):
        with start_run(tmp_path, machine, label=label, command=("pytest",)) as writer:
            run_ids.append(writer.run.run_id)

    assert [stored.run.run_id for stored in load_runs(tmp_path)] == run_ids
    assert [stored.run.label for stored in load_runs(str(tmp_path), run_ids[1:])] == ["second"]
    with pytest.raises(UnknownNameError, match="unknown run"):
        load_runs(tmp_path, ["20200101T000000.000Z"])


SCRIPT = """
    import json, sys
    import zoobench

    if __name__ == "__main__":
        budget = zoobench.Budget(min_rounds=2, max_rounds=2, max_warmup_s=0.0)
        record = zoobench.measure_case("lenet5", budget=budget)
        heavy = {"torch", "torchvision", "pandas", "matplotlib"} & set(sys.modules)
        print(json.dumps([record.failure is None, len(record.measurement("latency").samples), sorted(heavy)]))
"""


def test_the_process_that_asks_for_an_isolated_case_never_imports_torch(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(SCRIPT), encoding="utf-8")

    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=120, check=True)

    assert json.loads(done.stdout) == [True, 2, []]
