from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from zoobench.cases import (
    Allocator,
    BadInputError,
    Budget,
    Case,
    Compiler,
    DeviceFacts,
    Matrix,
    MemoryFormat,
    Mode,
    ModelRef,
    Precision,
    UnknownNameError,
    ZoobenchError,
)
from zoobench.cases.options import OPTIONS, Options, expanded, parse_options, read_project_options, usable_threads
from zoobench.cases.plans import COMPARISON

CPU = DeviceFacts(name="cpu", is_available=True, precisions=("fp32", "amp-bf16"))
CUDA = DeviceFacts(name="cuda", is_available=True, precisions=("fp32",), amp="amp-fp16")
INFERENCE, TRAINING = Matrix(modes=(Mode.INFER,)), Matrix(modes=(Mode.TRAIN,))

PARSED: dict[str, tuple[str, dict[str, Any]]] = {
    "preset": ("quick", {"preset": "quick", "label": "quick"}),
    "models": ("resnet*, my.net:make", {"matrix": Matrix(models=("resnet*", "my.net:make"))}),
    "families": ("vgg,resnet,vgg", {"matrix": Matrix(families=("vgg", "resnet"))}),
    "batch-sizes": ("8, 1,8", {"matrix": Matrix(batch_sizes=(8, 1))}),
    "image-size": ("160x320", {"matrix": Matrix(image_size=160, image_width=320)}),
    "precisions": ("fp32,amp-bf16", {"matrix": Matrix(precisions=(Precision.FP32, Precision.AMP_BF16))}),
    "modes": ("train", {"matrix": Matrix(modes=(Mode.TRAIN,))}),
    "device": ("cuda:1", {"device": "cuda:1"}),
    "memory-format": ("channels_last", {"matrix": Matrix(memory_formats=(MemoryFormat.CHANNELS_LAST,))}),
    "compilers": ("eager,inductor", {"matrix": Matrix(compilers=(Compiler.EAGER, Compiler.INDUCTOR))}),
    "allocator": ("system", {"matrix": Matrix(allocators=(Allocator.SYSTEM,))}),
    "threads": ("3", {"matrix": Matrix(threads=3)}),
    "precision-target": ("1%", {"precision_target": 0.01}),
    "max-seconds": ("1.5", {"max_s": 1.5}),
    "time-limit": ("60", {"time_limit_s": 60.0}),
    "processes": ("6", {"processes": 6}),
    "label": ("my run", {"label": "my run"}),
    "isolation": ("none", {"is_isolated": False}),
    "resume": ("20260301T100000.000Z-a", {"resume": "20260301T100000.000Z-a"}),
    "results": ("elsewhere/runs", {"results": Path("elsewhere/runs")}),
}


def test_nothing_asked_is_the_default_preset() -> None:
    assert parse_options({}) == Options()
    assert (Options().preset, Options().label, Options().is_isolated) == ("default", "default", True)


@pytest.mark.parametrize("row", OPTIONS, ids=lambda row: row.name)
def test_every_row_of_the_table_is_parsed_into_its_own_field(row: Any) -> None:
    text, fields = PARSED[row.name]
    assert parse_options({row.name: text}) == msgspec.structs.replace(Options(), **fields)


def test_options_come_together() -> None:
    texts = {name: text for name, (text, _) in PARSED.items()} | {"isolation": "process"}
    options = parse_options(texts)
    assert (options.preset, options.label, options.resume) == ("quick", "my run", "20260301T100000.000Z-a")
    assert None not in msgspec.structs.astuple(msgspec.structs.replace(options.matrix, device="set by resolve"))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("preset", "quik", "unknown preset 'quik': did you mean quick?"),
        ("models", " , ", "models is empty: name at least one"),
        ("families", "", "families is empty: name at least one"),
        ("batch-sizes", "1,abc", "batch size 'abc' is not a whole number"),
        ("batch-sizes", "0", "batch size 0 is too small: it must be at least 1"),
        ("batch-sizes", ",", "batch-sizes is empty: name at least one"),
        ("image-size", "224x", "image size '224x' is not height x width, as 480x640"),
        ("image-size", "big", "image size 'big' is not a whole number"),
        ("image-size", "-1", "image size -1 is too small: it must be at least 1"),
        ("precisions", "fp32,fp64", "unknown precision 'fp64': did you mean fp16, fp32 or bf16?"),
        ("modes", "inference", "unknown mode 'inference': did you mean infer?"),
        ("memory-format", "nhwc", "unknown memory format 'nhwc': known: channels_last, contiguous"),
        ("compilers", "jit", "unknown compiler 'jit': known: eager, inductor"),
        ("allocator", "glibc", "unknown allocator 'glibc': known: retained, system"),
        ("threads", "all", "threads 'all' is not a whole number"),
        ("threads", "0", "threads 0 is too small: it must be at least 1"),
        ("precision-target", "fine", "precision-target 'fine' is not a ratio, as 0.02 or 2%"),
        ("precision-target", "0", "precision-target 0 is out of range: it must be above 0 and below 1"),
        ("precision-target", "100%", "precision-target 100% is out of range: it must be above 0 and below 1"),
        ("precision-target", "nan", "precision-target nan is out of range: it must be above 0 and below 1"),
        ("max-seconds", "soon", "max-seconds 'soon' is not a number of seconds"),
        ("max-seconds", "0", "max-seconds 0 is out of range: it must be above 0 and finite"),
        ("max-seconds", "nan", "max-seconds nan is out of range: it must be above 0 and finite"),
        ("processes", "0", "processes 0 is too small: it must be at least 1"),
        ("processes", "few", "processes 'few' is not a whole number"),
        ("time-limit", "-1", "time-limit -1 is out of range: it must be above 0 and finite"),
        ("time-limit", "inf", "time-limit inf is out of range: it must be above 0 and finite"),
        ("isolation", "thread", "unknown isolation 'thread': known: none, process"),
        ("batchsizes", "1", "unknown option 'batchsizes': did you mean batch-sizes or image-size?"),
    ],
)
def test_a_mistake_is_one_line_that_names_the_value_and_what_would_be_right(name: str, text: str, message: str) -> None:
    with pytest.raises(ZoobenchError) as raised:
        parse_options({name: text})
    assert str(raised.value) == message


def test_fresh_processes_need_isolation() -> None:
    with pytest.raises(BadInputError, match=r"^6 processes are fresh ones: with isolation none there is none$"):
        parse_options({"processes": "6", "isolation": "none"})
    assert parse_options({"processes": "1", "isolation": "none"}).processes == 1


# pyproject.toml


def write_project(folder: Path, text: str) -> Path:
    (folder / "pyproject.toml").write_text(text, encoding="utf-8")
    return folder


def test_a_project_s_table_is_read_as_option_texts(tmp_path: Path) -> None:
    table = """
    [project]
    name = "mine"
    [tool.zoobench]
    preset = "quick"
    models = ["resnet18", "my.net:make"]
    batch_sizes = [1, 8]
    image-size = 160
    max_seconds = 1.5
    """
    texts = read_project_options(write_project(tmp_path, table))
    assert texts == {
        "preset": "quick",
        "models": "resnet18,my.net:make",
        "batch-sizes": "1,8",
        "image-size": "160",
        "max-seconds": "1.5",
    }
    assert parse_options(texts) == Options(
        preset="quick",
        label="quick",
        matrix=Matrix(models=("resnet18", "my.net:make"), batch_sizes=(1, 8), image_size=160, image_width=160),
        max_s=1.5,
    )


@pytest.mark.parametrize("text", ["", "[tool.other]\nx = 1", "[tool]", "[tool.zoobench]"])
def test_a_project_that_says_nothing_asks_for_nothing(tmp_path: Path, text: str) -> None:
    assert read_project_options(write_project(tmp_path, text)) == {}


def test_a_folder_without_a_project_asks_for_nothing(tmp_path: Path) -> None:
    assert read_project_options(tmp_path) == {}
    (tmp_path / "pyproject.toml").mkdir()
    assert read_project_options(tmp_path) == {}


@pytest.mark.parametrize("content", [b"[tool.zoobench\n", b"x = \n", b'x = "\xff"', b"tool = 3", b"tool.zoobench = 3"])
def test_a_broken_project_is_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "pyproject.toml"
    path.write_bytes(content)
    with pytest.raises(BadInputError) as raised:
        read_project_options(tmp_path)
    assert str(raised.value).startswith(f"{path}")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("batch = 1", "unknown option 'batch': did you mean batch-sizes?"),
        ("batch_sizes = [true]", "batch size 'True' is not a whole number"),
        ("models = []", "models is empty: name at least one"),
        ("image_size = 2.5", "image size '2.5' is not a whole number"),
    ],
)
def test_a_mistake_in_a_project_is_told_like_one_on_the_command_line(tmp_path: Path, line: str, message: str) -> None:
    texts = read_project_options(write_project(tmp_path, f"[tool.zoobench]\n{line}\n"))
    with pytest.raises(ZoobenchError) as raised:
        parse_options(texts)
    assert str(raised.value) == message


# Who wins


def test_the_command_line_wins_over_the_project_over_the_suite_over_the_preset(tmp_path: Path) -> None:
    project = read_project_options(
        write_project(tmp_path, "[tool.zoobench]\nmodels = ['lenet5']\nbatch_sizes = [2]\nimage_size = 64\n")
    )
    options = parse_options(project | {"models": "vgg16"})
    suite = Matrix(batch_sizes=(4,), image_size=96, precisions=(Precision.BF16,), compilers=(Compiler.INDUCTOR,))
    assert options.resolve(suite, CPU) == Matrix(
        models=("vgg16",),  # command line
        batch_sizes=(2,),  # project
        image_size=64,
        image_width=64,
        precisions=(Precision.BF16,),  # suite
        compilers=(Compiler.INDUCTOR,),
        modes=(Mode.INFER, Mode.TRAIN),  # preset
        device="cpu",  # this machine
        threads=usable_threads(),
    )


def test_a_count_is_made_once_whatever_is_asked_to_be_timed() -> None:
    """At the batch and precision of its suite; of the models and pictures that were asked for."""
    asked = {"models": "vgg16", "image-size": "64", "batch-sizes": "1,64", "precisions": "fp32,bf16", "threads": "3",
             "compilers": "eager,inductor", "memory-format": "contiguous,channels_last", "allocator": "retained,system",
             "preset": "full"}  # fmt: skip
    suite = Matrix(modes=(Mode.INFER,), batch_sizes=(1,), precisions=(Precision.FP32,))

    [case] = expanded(parse_options(asked).resolve(suite, CPU, is_counted=True))

    assert case == Case(
        model=ModelRef("torchvision", "vgg16"), mode=Mode.INFER, batch=1, image_size=64, image_width=64,
        precision=Precision.FP32, device="cpu", threads=3,
    )  # fmt: skip


def test_a_count_leaves_the_preset_its_models_and_itself_one_plain_value_of_the_rest() -> None:
    cases = list(expanded(Options().resolve(INFERENCE, CPU, is_counted=True)))

    assert len({case.model for case in cases}) == len(cases) > 20
    assert {(case.mode, case.batch, case.precision) for case in cases} == {(Mode.INFER, 1, Precision.FP32)}


def test_families_that_were_asked_for_replace_the_models_of_suite_and_preset() -> None:
    resolved = parse_options({"families": "vgg"}).resolve(Matrix(models=("lenet5",)), CPU)
    assert (resolved.models, resolved.families) == (None, ("vgg",))


def test_models_that_were_asked_for_replace_the_families_of_a_suite() -> None:
    resolved = parse_options({"models": "lenet5"}).resolve(Matrix(families=("vgg",)), CPU)
    assert (resolved.models, resolved.families) == (("lenet5",), None)


@pytest.mark.parametrize(
    ("texts", "suite", "modes"),
    [
        ({}, INFERENCE, (Mode.INFER,)),
        ({}, TRAINING, (Mode.TRAIN,)),
        ({}, Matrix(), (Mode.INFER, Mode.TRAIN)),
        ({"modes": "train"}, INFERENCE, ()),
        ({"modes": "train"}, TRAINING, (Mode.TRAIN,)),
        ({"modes": "train,infer"}, INFERENCE, (Mode.INFER,)),
        ({"modes": "train"}, Matrix(modes=(Mode.INFER, Mode.TRAIN)), (Mode.TRAIN,)),
        ({"preset": "quick"}, INFERENCE, (Mode.INFER,)),
        ({"preset": "quick"}, TRAINING, ()),
        ({"preset": "quick", "modes": "train"}, TRAINING, (Mode.TRAIN,)),
        ({"preset": "quick", "modes": "train"}, Matrix(), (Mode.TRAIN,)),
    ],
)
def test_options_only_restrict_the_modes_of_a_suite(
    texts: dict[str, str], suite: Matrix, modes: tuple[Mode, ...]
) -> None:
    assert parse_options(texts).resolve(suite, CPU).modes == modes


def test_the_quick_preset_has_no_case_for_a_training_suite() -> None:
    resolved = parse_options({"preset": "quick"}).resolve(TRAINING, CPU)
    assert resolved.models == COMPARISON
    assert list(resolved.expand((), lambda _: 224)) == []


@pytest.mark.parametrize("device", [CPU, CUDA])
def test_the_device_that_was_chosen_is_measured_whatever_the_suite_says(device: DeviceFacts) -> None:
    assert Options().resolve(Matrix(device="cuda:7"), device).device == device.name


def test_all_axes_that_a_case_needs_are_set() -> None:
    resolved = Options().resolve(Matrix(), CPU)
    unset = {name for name in Matrix.__struct_fields__ if getattr(resolved, name) is None}
    assert unset == {"families", "image_size", "image_width", "memory_formats", "compilers", "allocators"}


def test_threads_are_those_that_this_process_may_use() -> None:
    usable = os.sched_getaffinity(0)
    assert usable_threads() == len(usable)
    try:
        os.sched_setaffinity(0, {min(usable)})
        assert usable_threads() == 1
    finally:
        os.sched_setaffinity(0, usable)


SUITE_BUDGET = Budget(precision_target=0.1, min_rounds=7, min_s=2.0, max_s=8.0, time_limit_s=100.0)


@pytest.mark.parametrize(
    ("texts", "changed"),
    [
        ({}, {}),
        ({"precision-target": "0.005"}, {"precision_target": 0.005}),
        ({"max-seconds": "20"}, {"max_s": 20.0}),
        ({"max-seconds": "0.5"}, {"max_s": 0.5, "min_s": 0.5}),
        ({"time-limit": "9"}, {"time_limit_s": 9.0}),
    ],
)
def test_a_budget_is_the_suite_s_where_nothing_else_was_asked(texts: dict[str, str], changed: dict[str, float]) -> None:
    assert parse_options(texts).budget(SUITE_BUDGET) == msgspec.structs.replace(SUITE_BUDGET, **changed)


def test_an_unknown_option_is_an_unknown_name() -> None:
    with pytest.raises(UnknownNameError):
        parse_options({"": "x"})
