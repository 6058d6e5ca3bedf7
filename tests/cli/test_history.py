from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from synthetic import make_case, make_record, make_run, measurement

from zoobench.records import CaseRecord, RunRecord

OLD, NEW = "20260301T100000.000Z-base", "20260302T100000.000Z-head"


def store(results: Path, run: RunRecord, *records: CaseRecord) -> None:
    path = results / run.run_id
    path.mkdir(parents=True)
    (path / "run.json").write_bytes(msgspec.json.encode(run))
    (path / "cases.jsonl").write_bytes(b"".join(msgspec.json.encode(record) + b"\n" for record in records))


def a_run(run_id: str, day: int) -> RunRecord:
    run = make_run([], run_id=run_id).run
    environment = msgspec.structs.replace(run.environment, commit={"revision": f"{day}" * 40, "is_dirty": "false"})
    return msgspec.structs.replace(run, started_at=f"2026-03-{day:02d}T10:00:00+00:00", environment=environment)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    samples = (0.0148, 0.0149, 0.015, 0.015, 0.0151, 0.0152)
    for day, (run_id, factor) in enumerate(((OLD, 1.0), (NEW, 1.1)), start=1):
        of_case = [
            measurement("latency", *(factor * sample for sample in samples)),
            measurement("parameters", 11_689_512),
        ]
        store(tmp_path, a_run(run_id, day), *(make_record(make_case(net), of_case) for net in ("resnet18", "alexnet")))
    return tmp_path


def test_two_runs_as_a_table_a_chart_and_a_file(program: Callable, golden: Callable, results: Path) -> None:
    outcome = program("history", "--results", str(results))
    assert (outcome.code, outcome.err) == (0, "")
    golden("history", outcome.out.replace(str(results), "RESULTS"))
    assert {path.name for path in (results / "history").iterdir()} == {"history.csv", "history.png", "history.svg"}


def test_models_and_metric_are_chosen_and_out_says_where(program: Callable, results: Path, tmp_path: Path) -> None:
    arguments = ("--models", "alex*", "--metric", "parameters", "--out", str(tmp_path / "else"))
    outcome = program("history", "--results", str(results), *arguments)
    assert outcome.code == 0
    assert outcome.out.count("11,689,512") == 2
    assert "resnet18" not in outcome.out
    assert (tmp_path / "else" / "history.csv").exists()


def test_a_run_of_another_schema_is_left_out_and_said_so(program: Callable, results: Path) -> None:
    newer = msgspec.structs.replace(a_run("20260303T100000.000Z-newer", 3), schema=99)
    store(results, newer)
    outcome = program("history", "--results", str(results))
    assert outcome.code == 0
    assert outcome.err.startswith("zoobench: ")
    assert "has schema 99" in outcome.err
    assert outcome.err.endswith("; left out\n")


def test_a_run_that_was_cut_off_says_so(program: Callable, results: Path) -> None:
    with (results / NEW / "cases.jsonl").open("ab") as file:
        file.write(b'{"schema": 3, "ca')
    outcome = program("history", "--results", str(results))
    assert (outcome.code, outcome.err.count("\n")) == (0, 1)
    assert "was cut off in the middle of a case and was skipped" in outcome.err


def test_no_runs_at_all(refusal: Callable, tmp_path: Path) -> None:
    told = refusal("history", "--results", str(tmp_path / "nowhere"))
    assert told == f"there are no runs in {tmp_path / 'nowhere'}: `python -m zoobench run` measures one"


def test_only_runs_that_cannot_be_read(program: Callable, tmp_path: Path) -> None:
    store(tmp_path, msgspec.structs.replace(a_run(OLD, 1), schema=99))
    outcome = program("history", "--results", str(tmp_path))
    assert outcome.code == 2
    assert outcome.err.splitlines()[-1] == f"zoobench: none of the 1 runs in {tmp_path} can be read"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--metric", "latencies"), "unknown metric 'latencies': did you mean latency"),
        (("--metric", "capacity"), "none of these runs' cases has a value of capacity"),
        (("--models", "resnet19"), "unknown model 'resnet19'"),
        (("--models", ","), "--models is empty"),
        (("--models", "vgg16"), "none of these runs' cases has a value of latency"),
    ],
)
def test_a_mistake_is_one_line(refusal: Callable, results: Path, arguments: tuple[str, ...], reason: str) -> None:
    assert refusal("history", "--results", str(results), *arguments).startswith(reason)
