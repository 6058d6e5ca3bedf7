"""The suites as they are delivered: what stands in them, and that they run."""

from __future__ import annotations

import ast
import re
import shutil
from pathlib import Path

import pytest
import torch  # noqa: F401 - imported before pytester takes its snapshot of what is imported: torch cannot be twice
import torchvision  # noqa: F401 - as torch

from zoobench.cases import catalogue
from zoobench.records import store

SUITES = Path(__file__).parents[2] / "suites"
FILES = sorted(SUITES.glob("*.py"))
MOST_LINES = 60
ASSIGNED = ({"MATRIX", "BUDGET"}, {"PLANS"})


def test_there_is_a_suite_of_inference_and_one_of_training() -> None:
    assert {"bench_inference.py", "bench_training.py"} <= {file.name for file in FILES}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_suite_states_a_matrix_and_a_budget_and_nothing_else(file: Path) -> None:
    source = file.read_text(encoding="utf-8")
    docstring, *statements = ast.parse(source).body
    functions = [statement for statement in statements if isinstance(statement, ast.FunctionDef)]
    assigned = [target for node in statements if isinstance(node, ast.Assign) for target in node.targets]
    imported = [node for node in statements if isinstance(node, (ast.Import, ast.ImportFrom))]

    assert len(source.splitlines()) < MOST_LINES
    assert isinstance(docstring, ast.Expr)
    assert len(functions) + len(assigned) + len(imported) == len(statements), "nothing but these three"
    assert {target.id for target in assigned if isinstance(target, ast.Name)} in ASSIGNED
    assert functions
    for function in functions:
        assert function.name.startswith("bench_")
        assert [ast.unparse(statement) for statement in function.body] == ["measure_case()"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_suite_says_what_it_is_of(file: Path) -> None:
    docstring = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))

    assert docstring is not None
    assert len(docstring.splitlines()[0]) > len("Inference.")


@pytest.fixture
def suites(pytester: pytest.Pytester) -> Path:
    """A copy of the suites, from which pytest is run."""
    copied = pytester.path / "suites"
    shutil.copytree(SUITES, copied, ignore=shutil.ignore_patterns("__pycache__"))
    pytester.makeini("[pytest]\npython_files = bench_*.py\npython_functions = bench_*\n")
    return copied


AXES = ("--zoobench-models=lenet5", "--zoobench-batch-sizes=1", "--zoobench-precisions=fp32", "--zoobench-threads=1")


def test_those_of_free_axes_run_on_a_small_model(pytester: pytest.Pytester, suites: Path) -> None:
    options = ("-p", "no:cacheprovider", "--benchmark-only", "--zoobench-max-seconds=0.05", "--zoobench-isolation=none")

    result = pytester.runpytest_inprocess(str(suites), *options, *AXES)

    result.assert_outcomes(passed=3)
    results = pytester.path / "results"
    stored = store.load_run(results, store.newest_run(results))
    inference, training = stored.records
    assert (inference.case.mode.value, training.case.mode.value) == ("infer", "train")
    assert inference.measurement("latency") is not None
    assert inference.measurement("fvcore_macs") is not None, "the audit came first, and what it said was kept"
    assert all(record.failure is None for record in stored.records)


def test_the_default_preset_covers_every_model_of_the_default_suite(pytester: pytest.Pytester, suites: Path) -> None:
    options = ("-p", "no:cacheprovider", "--collect-only", "-q", "--zoobench-device=cpu", "--zoobench-isolation=none")

    result = pytester.runpytest_inprocess(str(suites), *options)

    cases = re.findall(
        r"bench_(?:inference|training)\[(.+)-(infer|train)-b(1|8)-(fp32|amp-bf16)]", "\n".join(result.outlines)
    )
    models = {model for model, *_ in cases}
    assert len(cases) == len(set(cases)) == 2 * 2 * 2 * len(models), "modes, batch sizes, precisions"
    assert models == {entry.name for entry in catalogue.entries() if entry.is_default}


@pytest.mark.parametrize("suite", ["bench_papers", "bench_audit"])
@pytest.mark.parametrize(("preset", "is_in"), [("quick", False), ("default", True)])
def test_papers_and_audit_are_no_part_of_the_quick_preset(
    pytester: pytest.Pytester, suites: Path, suite: str, preset: str, *, is_in: bool
) -> None:
    options = ("-p", "no:cacheprovider", "--collect-only", "-q", "--zoobench-device=cpu", "--zoobench-isolation=none")

    result = pytester.runpytest_inprocess(str(suites), *options, f"--zoobench-preset={preset}")

    assert (f"{suite}[" in "\n".join(result.outlines)) is is_in


def test_the_papers_suite_runs_on_one_of_its_nets(pytester: pytest.Pytester, suites: Path) -> None:
    options = ("-p", "no:cacheprovider", "--benchmark-only", "--zoobench-max-seconds=0.05", "--zoobench-isolation=none")
    axes = ("--zoobench-models=mobilenet_v1_025,mobilenet_v1_shallow", "--zoobench-batch-sizes=1")

    pytester.runpytest_inprocess(str(suites / "bench_papers.py"), *options, *axes)

    results = pytester.path / "results"
    stored = store.load_run(results, store.newest_run(results))
    assert all(record.failure is None for record in stored.records)
    told = [(record.case.model.name, record.measurement("latency") is not None) for record in stored.records]
    assert ("mobilenet_v1_025", True) in told
    assert ("mobilenet_v1_shallow", False) in told
    assert all(record.layers for record in stored.records if record.case.model.name == "mobilenet_v1_shallow")
