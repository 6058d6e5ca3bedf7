from __future__ import annotations

import itertools
import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic import make_case

from zoobench.cases import (
    SMOKE_BUDGET,
    Allocator,
    BadInputError,
    Budget,
    Case,
    Compiler,
    Matrix,
    MemoryFormat,
    Mode,
    ModelRef,
    Precision,
    UnknownNameError,
    parse_case_id,
    parse_choice,
    parse_image_size,
    parse_positive,
)

RESNET, LENET = ModelRef("torchvision", "resnet18"), ModelRef("zoobench", "lenet5")
SIZES = {RESNET: 224, LENET: 32}
OTHER_AXES = {
    "model": ModelRef("zoobench", "resnet18"),
    "mode": Mode.TRAIN,
    "batch": 2,
    "image_size": 225,
    "precision": Precision.AMP_BF16,
    "device": "cuda:1",
    "threads": 3,
    "memory_format": MemoryFormat.CHANNELS_LAST,
    "compiler": Compiler.INDUCTOR,
    "allocator": Allocator.SYSTEM,
    "image_width": 300,
}
"""Every axis, with a value that `make_case()` does not have."""


@pytest.mark.parametrize(
    ("axes", "case_id"),
    [
        ({}, "torchvision:resnet18/infer/b1/224/fp32/cpu/contiguous/eager/t2/retained"),
        (OTHER_AXES, "zoobench:resnet18/train/b2/225x300/amp-bf16/cuda:1/channels_last/inductor/t3/system"),
    ],
)
def test_an_id_is_what_it_always_was(axes: dict[str, object], case_id: str) -> None:
    """Stored runs are paired by these texts: to change one is to orphan every run on disk."""
    assert make_case(**axes).id == case_id


def test_every_axis_is_in_the_id() -> None:
    assert set(OTHER_AXES) == set(Case.__struct_fields__)
    plain = make_case()
    others = [msgspec.structs.replace(plain, **{axis: value}) for axis, value in OTHER_AXES.items()]
    assert len({case.id for case in (plain, *others)}) == 1 + len(OTHER_AXES)


def test_ids_are_unique_over_a_product_of_axes() -> None:
    matrix = Matrix(
        modes=tuple(Mode),
        batch_sizes=(1, 11, 111),
        precisions=tuple(Precision),
        memory_formats=tuple(MemoryFormat),
        compilers=tuple(Compiler),
        allocators=tuple(Allocator),
        device="cpu",
    )
    cases = [
        case
        for threads, size in itertools.product((1, 11), (22, 224))
        for case in msgspec.structs.replace(matrix, threads=threads, image_size=size).expand((RESNET, LENET), SIZES.get)
    ]
    assert len(cases) == 2 * 2 * 2 * 2 * 3 * 6 * 2 * 2 * 2
    assert len({case.id for case in cases}) == len(set(cases)) == len(cases)


@given(data=st.data())
def test_two_cases_have_one_id_only_if_they_are_the_same_case(data: st.DataObject) -> None:
    first, second = data.draw(a_case), data.draw(a_case)
    assert (first.id == second.id) == (first == second)


a_case = st.builds(
    Case,
    model=st.builds(ModelRef, st.sampled_from(["a", "ab"]), st.sampled_from(["a", "b:a", "hub/a"])),
    mode=st.sampled_from(Mode),
    batch=st.integers(1, 3),
    image_size=st.integers(1, 3),
    image_width=st.none() | st.integers(1, 3),
    precision=st.sampled_from(Precision),
    device=st.sampled_from(["cpu", "cuda", "cuda:1"]),
    threads=st.integers(1, 3),
    memory_format=st.sampled_from(MemoryFormat),
    compiler=st.sampled_from(Compiler),
    allocator=st.sampled_from(Allocator),
)


@given(a_case)
def test_a_case_is_read_back_from_its_id(case: Case) -> None:
    assert parse_case_id(case.id) == case


PLAIN_ID = "torchvision:resnet18/infer/b1/224/fp32/cpu/contiguous/eager/t2/retained"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("resnet18", f"'resnet18' is not the id of a case: {PLAIN_ID} is one, and `zoobench show` prints them"),
        (PLAIN_ID.removeprefix("torchvision:"), "is not the id of a case: "),
        (PLAIN_ID.replace("/t2", ""), "is not the id of a case: "),
        (PLAIN_ID.replace("b1", "1"), "batch size '1' in the id of a case does not begin with b, as b2"),
        (PLAIN_ID.replace("t2", "t0"), "threads 0 is too small: it must be at least 1"),
        (PLAIN_ID.replace("fp32", "fp23"), "unknown precision 'fp23': did you mean fp32, tf32 or fp16?"),
        (PLAIN_ID.replace("eager", "eagre"), "unknown compiler 'eagre': did you mean eager?"),
    ],
)
def test_what_is_no_id_is_refused_with_what_would_be_right(text: str, message: str) -> None:
    with pytest.raises((BadInputError, UnknownNameError), match=re.escape(message)):
        parse_case_id(text)


def an_axis(*values: object) -> st.SearchStrategy[tuple[object, ...] | None]:
    return st.none() | st.lists(st.sampled_from(values), max_size=2, unique=True).map(tuple)


matrices = st.builds(
    Matrix,
    models=an_axis("resnet18", "vgg*"),
    families=an_axis("resnet", "vgg"),
    modes=an_axis(*Mode),
    batch_sizes=an_axis(1, 8),
    image_size=st.none() | st.integers(1, 3),
    image_width=st.none() | st.integers(1, 3),
    precisions=an_axis(*Precision),
    memory_formats=an_axis(*MemoryFormat),
    compilers=an_axis(*Compiler),
    allocators=an_axis(*Allocator),
    device=st.none() | st.sampled_from(["cpu", "cuda"]),
    threads=st.none() | st.integers(1, 3),
)


@given(matrices, matrices, matrices)
def test_laying_over_is_associative(top: Matrix, middle: Matrix, bottom: Matrix) -> None:
    assert top.over(middle).over(bottom) == top.over(middle.over(bottom))


@given(matrices, matrices)
def test_laying_over_is_idempotent_and_the_empty_matrix_is_neutral(top: Matrix, bottom: Matrix) -> None:
    assert top.over(top) == top
    assert top.over(bottom).over(bottom) == top.over(bottom)
    assert Matrix().over(top) == top == top.over(Matrix())


@given(matrices, matrices)
def test_what_is_set_stays_and_what_is_not_is_filled_in(top: Matrix, bottom: Matrix) -> None:
    both = top.over(bottom)
    for axis in set(Matrix.__struct_fields__) - {"models", "families"}:
        expected = getattr(bottom, axis) if getattr(top, axis) is None else getattr(top, axis)
        assert getattr(both, axis) == expected, axis


@pytest.mark.parametrize(
    ("top", "bottom", "models", "families"),
    [
        (Matrix(families=("vgg",)), Matrix(models=("lenet5",)), None, ("vgg",)),
        (Matrix(models=("lenet5",)), Matrix(families=("vgg",)), ("lenet5",), None),
        (Matrix(models=("lenet5",)), Matrix(models=("vgg16",), families=("vgg",)), ("lenet5",), None),
        (Matrix(models=("lenet5",), families=("vgg",)), Matrix(models=("vgg16",)), ("lenet5",), ("vgg",)),
        (Matrix(), Matrix(models=("lenet5",), families=("vgg",)), ("lenet5",), ("vgg",)),
    ],
)
def test_models_and_families_name_the_same_axis(
    top: Matrix, bottom: Matrix, models: tuple[str, ...] | None, families: tuple[str, ...] | None
) -> None:
    both = top.over(bottom)
    assert (both.models, both.families) == (models, families)


def test_expansion_is_complete_and_cheapest_first_within_a_model() -> None:
    matrix = Matrix(
        modes=(Mode.TRAIN, Mode.INFER), batch_sizes=(32, 1, 8), precisions=(Precision.FP32,), device="cpu", threads=2
    )
    cases = list(matrix.expand((RESNET, LENET), SIZES.__getitem__))
    order = [(Mode.INFER, 1), (Mode.INFER, 8), (Mode.INFER, 32), (Mode.TRAIN, 1), (Mode.TRAIN, 8), (Mode.TRAIN, 32)]
    assert [(case.model, case.mode, case.batch) for case in cases] == [
        (model, mode, batch) for model in (RESNET, LENET) for mode, batch in order
    ]
    assert cases[0] == make_case("resnet18")
    assert cases[6] == make_case("lenet5")


def test_expansion_follows_the_matrix_on_every_axis() -> None:
    axes = {axis: value for axis, value in OTHER_AXES.items() if axis != "model"}
    matrix = Matrix(
        modes=(Mode.TRAIN,),
        batch_sizes=(2,),
        image_size=225,
        image_width=300,
        precisions=(Precision.AMP_BF16,),
        memory_formats=(MemoryFormat.CHANNELS_LAST,),
        compilers=(Compiler.INDUCTOR,),
        allocators=(Allocator.SYSTEM,),
        device="cuda:1",
        threads=3,
    )
    assert list(matrix.expand((RESNET,), SIZES.__getitem__)) == [make_case("resnet18", **axes)]


@pytest.mark.parametrize("axis", ["modes", "batch_sizes", "precisions", "device", "threads"])
def test_an_axis_that_nobody_set_is_named(axis: str) -> None:
    full = Matrix(modes=(Mode.INFER,), batch_sizes=(1,), precisions=(Precision.FP32,), device="cpu", threads=1)
    matrix = msgspec.structs.replace(full, **{axis: None})
    with pytest.raises(BadInputError, match=f"^the matrix says nothing about {axis}, and no preset fills it in$"):
        list(matrix.expand((RESNET,), SIZES.__getitem__))


def test_no_models_are_no_cases() -> None:
    matrix = Matrix(modes=(Mode.INFER,), batch_sizes=(1,), precisions=(Precision.FP32,), device="cpu", threads=1)
    assert list(matrix.expand((), SIZES.__getitem__)) == []


@pytest.mark.parametrize("choices", [Mode, Precision, MemoryFormat, Compiler, Allocator])
def test_every_choice_is_parsed_by_its_value(choices: type[Mode]) -> None:
    assert [parse_choice("axis", choice.value, choices) for choice in choices] == list(choices)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fp23", "unknown precision 'fp23': did you mean fp32, tf32 or fp16?"),
        ("AMP", "unknown precision 'AMP': known: amp-bf16, amp-fp16, bf16, fp16, fp32, tf32"),
        ("", "unknown precision '': known: amp-bf16, amp-fp16, bf16, fp16, fp32, tf32"),
    ],
)
def test_a_wrong_choice_is_answered_with_the_right_ones(text: str, message: str) -> None:
    with pytest.raises(UnknownNameError) as raised:
        parse_choice("precision", text, Precision)
    assert str(raised.value) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("abc", "batch size 'abc' is not a whole number"),
        ("1.5", "batch size '1.5' is not a whole number"),
        ("", "batch size '' is not a whole number"),
        ("0", "batch size 0 is too small: it must be at least 1"),
        ("-3", "batch size -3 is too small: it must be at least 1"),
    ],
)
def test_a_wrong_number_is_named(text: str, message: str) -> None:
    with pytest.raises(BadInputError) as raised:
        parse_positive("batch size", text)
    assert str(raised.value) == message


@given(st.integers(1, 10**9))
def test_every_positive_number_is_parsed(number: int) -> None:
    assert parse_positive("threads", str(number)) == number


def test_a_smoke_run_takes_one_round_however_long_a_call_is() -> None:
    assert (SMOKE_BUDGET.min_rounds, SMOKE_BUDGET.max_rounds, SMOKE_BUDGET.max_warmup_s) == (1, 1, 0.0)
    assert SMOKE_BUDGET.max_s >= 60, "a case forecast to take longer than max_s is not begun"


@pytest.mark.parametrize(("text", "height", "width"), [("224", 224, 224), ("480x640", 480, 640), ("1x1", 1, 1)])
def test_pictures_are_named_by_a_side_or_by_height_and_width(text: str, height: int, width: int) -> None:
    assert parse_image_size(text) == (height, width)
    assert parse_image_size(str(parse_image_size(text))) == (height, width)


@pytest.mark.parametrize("text", ["", "x", "224x", "x224", "2x2x2", "0", "10x0", "-1x5", "a", "1.5"])
def test_what_names_no_picture_is_refused(text: str) -> None:
    with pytest.raises(BadInputError, match=r"^image size "):
        parse_image_size(text)


def test_a_wide_matrix_makes_wide_cases() -> None:
    matrix = Matrix(
        modes=(Mode.INFER,), batch_sizes=(1,), precisions=(Precision.FP32,), device="cpu", threads=1,
        image_size=480, image_width=640,
    )  # fmt: skip
    [case] = matrix.expand((RESNET,), SIZES.__getitem__)
    assert case.resolution == (480, 640)
    assert "/480x640/" in case.id


@given(st.data())
def test_a_case_fits_what_asks_for_its_own_axes_and_nothing_else(data: st.DataObject) -> None:
    case, other = data.draw(a_case), data.draw(a_case)
    asked = Matrix(
        modes=(case.mode,),
        batch_sizes=(case.batch,),
        image_size=case.resolution.height,
        image_width=case.resolution.width,
        precisions=(case.precision,),
        memory_formats=(case.memory_format,),
        compilers=(case.compiler,),
        allocators=(case.allocator,),
        threads=case.threads,
    )
    assert Matrix().fits(case)
    assert asked.fits(case)
    on_other_axes = {axis: getattr(case, axis) for axis in ("model", "device")}
    if other.resolution == case.resolution:  # a square may have its width said or not
        on_other_axes |= {"image_size": case.image_size, "image_width": case.image_width}
    assert asked.fits(other) == (msgspec.structs.replace(other, **on_other_axes) == case)


@pytest.mark.parametrize(
    "axes",
    [
        {"modes": (Mode.TRAIN,)},
        {"batch_sizes": (2, 8)},
        {"image_size": 160},
        {"image_size": 224, "image_width": 300},
        {"precisions": (Precision.BF16,)},
        {"threads": 5},
        {"allocators": (Allocator.SYSTEM,)},
    ],
    ids=str,
)
def test_one_axis_that_differs_is_enough_not_to_fit(axes: dict[str, object]) -> None:
    assert not Matrix(**axes).fits(make_case())


# Budgets


def test_one_process_has_the_whole_budget() -> None:
    budget = Budget(max_s=3.0)
    assert budget.share() is budget


@given(st.integers(2, 12), st.integers(0, 50), st.integers(0, 2000))
def test_the_shares_of_several_processes_make_up_the_budget(processes: int, least: int, most: int) -> None:
    budget = Budget(min_rounds=least, max_rounds=most, min_s=1.5, max_s=6.0, max_warmup_s=3.0, processes=processes)
    share = budget.share()

    assert share.processes == 1
    assert (share.precision_target, share.time_limit_s) == (budget.precision_target, budget.time_limit_s)
    assert [processes * each for each in (share.min_s, share.max_s, share.max_warmup_s)] == pytest.approx([1.5, 6, 3])
    for whole, part in ((least, share.min_rounds), (most, share.max_rounds)):
        assert whole <= processes * part < whole + processes
