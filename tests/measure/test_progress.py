from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from synthetic import failed, make_case, make_record, measurement

from zoobench.cases import Allocator, Case, Compiler, MemoryFormat, Mode, ModelRef, Precision
from zoobench.measure.progress import RunProgress, outcome_of, title_of
from zoobench.records import CaseRecord, Failure, FailureKind, Finding, Severity

STEADY_S = (0.0119, 0.0120, 0.0121, 0.0122, 0.0120, 0.0120)


class FakeClock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


class Screen:
    """What a progress of so many cases writes."""

    def __init__(self, total: int, *, is_terminal: bool = False) -> None:
        self.clock = FakeClock()
        self.console = Console(
            file=io.StringIO(), force_terminal=is_terminal, color_system=None, highlight=False, soft_wrap=True, width=80
        )
        self.progress = RunProgress(self.console, total, self.clock)

    def measure(self, record: CaseRecord) -> None:
        self.progress.begin(record.case)
        self.clock.now_s += record.duration_s
        self.progress.end(record)

    @property
    def text(self) -> str:
        assert isinstance(self.console.file, io.StringIO)
        return self.console.file.getvalue()


def steady(*findings: Finding, **axes: object) -> CaseRecord:
    return make_record(make_case(**axes), [measurement("latency", *STEADY_S)], findings=findings)


def over_budget() -> CaseRecord:
    failure = Failure(kind=FailureKind.OVER_BUDGET, message="too dear", where="forecast")
    return make_record(make_case("vgg16", batch=128), failure=failure, duration_s=0.0)


def test_lines_of_a_run() -> None:
    screen = Screen(total=12)
    for record in (
        steady(),
        steady(Finding(code="noisy", severity=Severity.WARNING), mode=Mode.TRAIN, batch=8),
        failed(make_case("vgg16", batch=32), message="full", duration_s=70.0),
        over_budget(),
        make_record(make_case("lenet5"), [measurement("latency", 2.0)], duration_s=0.2),
        make_record(make_case("xception"), duration_s=0.2),
    ):
        screen.measure(record)
    assert screen.text.splitlines() == [
        "[ 1/12] resnet18 infer b1 fp32                            12.0 ms ±1.2 % took 4 s, 44 s left",
        "[ 2/12] resnet18 train b8 fp32                            12.0 ms ±1.2 % noisy took 4 s, 40 s left",
        "[ 3/12] vgg16 infer b32 fp32                             out-of-memory: full took 1 min 10 s, 3 min 54 s left",
        "[ 4/12] vgg16 infer b128 fp32                            over-budget: too dear took 0 s, 2 min 36 s left",
        "[ 5/12] lenet5 infer b1 fp32                               2.00 s took 0 s, 1 min 49 s left",
        "[ 6/12] xception infer b1 fp32                           no latency took 0 s, 1 min 18 s left",
    ]


def test_nothing_is_drawn_before_a_case_ends_where_lines_cannot_be_written_over() -> None:
    screen = Screen(total=2)
    screen.progress.begin(make_case())
    assert screen.text == ""


def test_a_terminal_says_what_is_measured_and_writes_over_it() -> None:
    screen = Screen(total=2, is_terminal=True)
    screen.progress.begin(make_case())
    assert screen.text == "[1/2] resnet18 infer b1 fp32 …\r"
    screen.progress.end(steady())
    begun, _, ended = screen.text.partition("\r")
    assert len(ended.rstrip("\n")) >= len(begun), "the rest of the longer line would stay"


def test_the_last_case_leaves_no_time() -> None:
    screen = Screen(total=1)
    screen.measure(steady())
    assert screen.text.endswith("took 4 s, 0 s left\n")


@pytest.mark.parametrize(("record", "code"), [(over_budget(), "33"), (failed(make_case()), "31")])
def test_a_failure_is_red_and_an_expected_one_yellow(record: CaseRecord, code: str) -> None:
    screen = Screen(total=1, is_terminal=True)
    screen.console = Console(
        file=io.StringIO(), force_terminal=True, color_system="standard", highlight=False, soft_wrap=True
    )
    RunProgress(screen.console, 1, screen.clock).end(record)
    assert f"\x1b[{code}m{outcome_of(record)}\x1b[0m" in screen.text


MARKUP = (
    "[bold]loud[/bold]",
    "[/]",
    "[red",
    "back\\",
    "\\\\\\",
    "\\[",
    "[link=https://example.org]x[/link]",
    ":smile:",
)


@pytest.mark.parametrize("text", MARKUP)
def test_markup_in_names_and_messages_is_printed_as_it_is(text: str) -> None:
    screen = Screen(total=1, is_terminal=True)
    record = failed(make_case(model=ModelRef("import", text)), message=text)
    screen.measure(record)
    begun, _, ended = screen.text.partition("\r")
    assert begun == f"[1/1] {text} infer b1 fp32 …"
    assert f"out-of-memory: {text} took 4 s" in ended
    assert text in ended.partition("out-of-memory")[0]


plain = st.text(st.characters(categories=("L", "N", "P", "S")), min_size=1, max_size=20)


@given(plain, plain)
def test_no_name_or_message_breaks_a_line(name: str, message: str) -> None:
    screen = Screen(total=1)
    screen.measure(failed(make_case(model=ModelRef("import", name)), message=message))
    assert screen.text.startswith(f"[1/1] {name} infer b1 fp32")
    assert screen.text.endswith(f"out-of-memory: {message} took 4 s, 0 s left\n")


TITLES = [
    (make_case("lenet5"), "lenet5 infer b1 fp32"),
    (make_case("xception", mode=Mode.TRAIN, batch=8, precision=Precision.AMP_BF16), "xception train b8 amp-bf16"),
    (make_case(image_size=160), "resnet18 infer b1 fp32 160"),
    (make_case(memory_format=MemoryFormat.CHANNELS_LAST), "resnet18 infer b1 fp32 channels_last"),
    (make_case(compiler=Compiler.INDUCTOR), "resnet18 infer b1 fp32 inductor"),
    (make_case(device="cuda:1"), "resnet18 infer b1 fp32 cuda:1"),
    (make_case(allocator=Allocator.SYSTEM), "resnet18 infer b1 fp32 system"),
    (make_case(threads=1), "resnet18 infer b1 fp32"),
    (make_case(model=ModelRef("import", "my.net:make")), "my.net:make infer b1 fp32"),
    (make_case(model=ModelRef("gone", "net")), "net infer b1 fp32"),
]


@pytest.mark.parametrize(("case", "title"), TITLES)
def test_a_title_leaves_out_what_is_as_usual(case: Case, title: str) -> None:
    assert title_of(case) == title


def test_only_warnings_stand_beside_a_latency() -> None:
    note, warning = (Finding(code=severity.value, severity=severity) for severity in (Severity.NOTE, Severity.WARNING))
    assert outcome_of(steady(note, warning)) == " 12.0 ms ±1.2 % warning"
