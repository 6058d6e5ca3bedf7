import shlex

import pytest
from synthetic import make_case

from zoobench.cases import Allocator, Compiler, MemoryFormat, Mode, ModelRef, Precision, catalogue
from zoobench.cases.options import expanded, parse_options
from zoobench.report.html.cases import measure_again, show_all

CASES = [
    make_case(),
    make_case("xception", mode=Mode.TRAIN, batch=8, precision=Precision.AMP_BF16, threads=1),
    make_case(image_size=480, image_width=640, memory_format=MemoryFormat.CHANNELS_LAST, allocator=Allocator.SYSTEM),
    make_case(model=ModelRef("import", "my.package:net"), compiler=Compiler.INDUCTOR, image_size=64),
]


def options_of(command):
    words = shlex.split(command)
    assert words[:4] == ["python", "-m", "zoobench", "run"]
    return {name.removeprefix("--"): value for name, value in zip(words[4::2], words[5::2], strict=True)}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_the_command_measures_this_case_and_no_other(case):
    options = parse_options(options_of(measure_again(case)))
    matrix = options.matrix
    assert [str(entry.ref) for entry in catalogue.select(matrix)] == [str(case.model)]
    assert [*expanded_of(options)] == [case]


def expanded_of(options):
    from msgspec.structs import replace  # noqa: PLC0415

    return expanded(replace(options.matrix, device=options.device))


def test_a_hostile_name_is_one_word():
    case = make_case(model=ModelRef("import", "a:b; rm -rf ~ '$(x)'"))
    assert options_of(measure_again(case))["models"] == "a:b; rm -rf ~ '$(x)'"
    assert shlex.split(show_all("run 1", case))[4:] == ["run 1", case.id]
