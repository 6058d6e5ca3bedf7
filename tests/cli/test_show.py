from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from synthetic import failed, make_case, make_record, make_run, measurement, realistic_record

from zoobench.cases import BadInputError, DeviceFacts, Mode, ModelRef, Precision, UnknownNameError
from zoobench.cli.show import _render_measurement, find_case
from zoobench.records import Breakdown, CaseRecord, Finding, Severity, store

RUN_ID = "20260301T100000.000Z-base"
CASES = (
    make_case(),
    make_case(batch=8),
    make_case(precision=Precision.AMP_BF16, mode=Mode.TRAIN),
    make_case("vgg16", batch=32, mode=Mode.TRAIN),
    make_case("lenet5", batch=128),
)


def all_records() -> tuple[CaseRecord, ...]:
    noisy = Finding(code="noisy", severity=Severity.WARNING, values={"half_width": "9.9 %", "target": "2.0 %"})
    return (
        realistic_record(CASES[0], rounds=10),
        realistic_record(CASES[1], rounds=10),
        realistic_record(CASES[2], rounds=7),
        failed(CASES[3], duration_s=75.0),
        make_record(
            CASES[4],
            [measurement("latency", 0.25), measurement("throughput", 512.0)],
            findings=(noisy,),
            breakdowns=(
                Breakdown(
                    metric="operator_time",
                    by="kind",
                    values={"convolution": 0.2, "pooling": 0.004},
                    method="fabricated",
                ),
            ),
        ),
    )


@pytest.fixture(autouse=True)
def stored_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run of a known id in `results`."""
    monkeypatch.chdir(tmp_path)
    run = make_run([]).run
    missing = DeviceFacts(name="cuda", is_available=False, reason="torch finds no CUDA GPU")
    environment = msgspec.structs.replace(run.environment, devices=(*run.environment.devices, missing))
    path = Path("results") / RUN_ID
    path.mkdir(parents=True)
    (path / store.RUN_FILE).write_bytes(msgspec.json.encode(msgspec.structs.replace(run, environment=environment)))
    with store.RunWriter(path, run) as writer:
        for record in all_records():
            writer.append(record)
    return path


def test_a_run(program: Callable, golden: Callable) -> None:
    outcome = program("show", RUN_ID)
    assert (outcome.code, outcome.err) == (0, "")
    golden("show_run", outcome.out)


@pytest.mark.parametrize(("number", "name"), [("1", "case"), ("3", "findings"), ("4", "failure"), ("5", "single")])
def test_a_case(program: Callable, golden: Callable, number: str, name: str) -> None:
    outcome = program("show", RUN_ID, number)
    assert (outcome.code, outcome.err) == (0, "")
    golden(f"show_{name}", outcome.out)


def test_every_raw_sample_is_shown(program: Callable) -> None:
    latency = all_records()[0].measurement("latency")
    words = program("show", RUN_ID, "1").out.split()
    shown = iter(words)
    assert all(f"{sample:.9g}" in shown for sample in latency.samples), "in their order"
    assert {f"{value:.9g}" for value in latency.covariates["cpu_s"]} <= set(words)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("2", 2),
        (CASES[1].id, 2),
        ("vgg16", 4),
        ("resnet18/infer/b8", 2),
        ("amp-bf16", 3),
        (f"{CASES[0].id}", 1),
    ],
)
def test_a_case_is_found_by_number_id_or_a_part_of_the_id(program: Callable, text: str, number: int) -> None:
    assert program("show", RUN_ID, text).out.startswith(f"case     {CASES[number - 1].id}\n")


def test_a_number_comes_before_a_part(program: Callable) -> None:
    """Every id holds a 2 (its threads), and one a 128."""
    assert CASES[1].id in program("show", RUN_ID, "2").out
    assert CASES[4].id in program("show", RUN_ID, "128").out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("resnet18", f"'resnet18' is a part of 3 case ids, such as {CASES[0].id}: say more"),
        ("zzz", f"unknown case 'zzz': `python -m zoobench show {RUN_ID}` prints the names"),
        ("9999", f"unknown case '9999': `python -m zoobench show {RUN_ID}` prints the names"),
        (CASES[0].id + "x", f"unknown case '{CASES[0].id}x': did you mean "),
    ],
)
def test_a_case_that_is_not_one_is_refused(refusal: Callable, text: str, message: str) -> None:
    assert refusal("show", RUN_ID, text).startswith(message)


def test_an_id_that_is_a_part_of_another_is_found() -> None:
    longer = make_case(model=ModelRef("my-torchvision", "resnet18"))
    assert CASES[0].id in longer.id
    records = [make_record(case) for case in (make_case(), longer)]
    run = make_run(records)
    assert find_case(run, CASES[0].id).case == CASES[0]
    with pytest.raises(BadInputError):
        find_case(run, "/t2")
    with pytest.raises(UnknownNameError):
        find_case(make_run([]), "1")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nosuch",), "unknown run 'nosuch': known: " + RUN_ID),
        (("20260301T100000.000Z-bass",), f"unknown run '20260301T100000.000Z-bass': did you mean {RUN_ID}?"),
        (("../results",), "unknown run '../results': known: " + RUN_ID),
        ((RUN_ID, "--results", "elsewhere"), f"unknown run '{RUN_ID}': known: none"),
    ],
)
def test_a_run_that_does_not_exist_is_refused(refusal: Callable, arguments: tuple[str, ...], message: str) -> None:
    assert refusal("show", *arguments) == message


def test_what_could_not_be_read_is_said_beside_what_could(program: Callable, stored_run: Path) -> None:
    path = stored_run / store.CASES_FILE
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], b"{}\n", lines[1], lines[2][:99]]))
    outcome = program("show", RUN_ID)
    assert outcome.code == 0
    assert outcome.err.splitlines() == [
        f"note: {path} line 2 is corrupt and was skipped: Object missing required field `schema`",
        f"note: {path} line 4, the last, was cut off in the middle of a case and was skipped",
    ]
    assert "cases    2\n" in outcome.out


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        (store.CASES_FILE, b'{"schema": 99}\n', "cases.jsonl:1 has schema 99, this zoobench reads up to 3: upgrade"),
        (store.RUN_FILE, b'{"schema": 99}\n', "run.json has schema 99, this zoobench reads up to 3: upgrade zoobench"),
        (store.RUN_FILE, b"{", "run.json is not the head of a run: Input data was truncated"),
    ],
)
def test_a_run_that_cannot_be_read_is_refused(
    refusal: Callable, stored_run: Path, file: str, content: bytes, message: str
) -> None:
    (stored_run / file).write_bytes(content)
    assert message in refusal("show", RUN_ID)


def test_samples_that_were_set_aside_are_counted_and_shown() -> None:
    delays = (0.0,) * 6 + (0.5,) * 2
    latency = measurement(
        "latency", *[1.0] * 6, 3.0, 4.0, covariates={"run_delay_s": delays}, block_sizes=(1,) * 8
    )  # fmt: skip

    head, _, samples, *_ = _render_measurement(latency)

    assert head == "latency: 1.00 s ±0.0 %, 6 of 8 samples, the others disturbed (fabricated)"
    assert samples.split() == ["1", "1", "1", "1", "1", "1", "3", "4"]


def test_processes_are_counted_and_their_medians_shown() -> None:
    latency = measurement("latency", 2.0, 1.0, 3.0, 3.0, 5.0, 6.0, process_sizes=(2, 2, 1, 1))

    head, name, medians, *_ = _render_measurement(latency)

    assert head.startswith("latency: 4.00 s ±")
    assert head.endswith(", 4 processes, 6 samples (fabricated)")
    assert (name, medians.split()) == ("  medians of processes", ["1.5", "3", "5", "6"])


def test_processes_that_were_set_aside_are_counted() -> None:
    waits = {"run_delay_s": (9.0,) * 2 + (0.0,) * 4}
    latency = measurement("latency", 9.0, 9.0, 1.0, 1.0, 1.0, 1.0, process_sizes=(2, 2, 2), covariates=waits)

    head, *_ = _render_measurement(latency)

    assert head.endswith(", 2 of 3 processes, 4 of 6 samples, the others disturbed (fabricated)")
