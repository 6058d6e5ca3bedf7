from __future__ import annotations

import sys
from pathlib import Path

import pytest
from sides import checkout, make_case, matrix

from zoobench.cases import BadInputError, ModelRef, UnknownNameError, catalogue
from zoobench.compare.worker.side_zoo import SideZoo, is_missing, refusal_of
from zoobench.records import Failure, FailureKind
from zoobench.records.comparison import SideName
from zoobench.zoo.build import BuildError

NOWHERE = "elsewhere_entirely"


@pytest.fixture
def zoo(tmp_path: Path) -> SideZoo:
    return SideZoo(str(checkout(tmp_path, SideName.HEAD).folder))


def test_a_matrix_is_expanded_by_the_sides_catalogue(zoo: SideZoo) -> None:
    cases, unknown = zoo.expand(matrix("shufflenet_v2_x0*", "nets:tiny", image_size=None))
    assert [(str(case.model), case.image_size) for case in cases] == [
        ("torchvision:shufflenet_v2_x0_5", 224),
        ("import:nets:tiny", 224),
    ]
    assert unknown == {}


def test_what_the_catalogue_does_not_know_is_told_and_the_rest_expanded(zoo: SideZoo) -> None:
    cases, unknown = zoo.expand(matrix("lenet4", "lenet5", families=("lenets",), image_size=32))
    assert [case.model.name for case in cases] == ["lenet5"]
    assert unknown.keys() == {"lenet4", "lenets"}
    assert unknown["lenets"].startswith("unknown family 'lenets': did you mean lenet")


def test_families_are_expanded_and_nothing_twice(zoo: SideZoo) -> None:
    cases, _ = zoo.expand(matrix("lenet5", families=("lenet",), image_size=32))
    assert [case.model.name for case in cases] == ["lenet5"]


def test_entries_are_the_sides_and_those_it_lacks_the_harnesss(zoo: SideZoo) -> None:
    lenet5 = ModelRef("zoobench", "lenet5")
    assert zoo.entry_of(lenet5) == catalogue.entry_of(lenet5)
    assert zoo.entry_of(ModelRef("zoobench", "lenet4")).family == catalogue.UNKNOWN_FAMILY
    assert zoo.entry_of(make_case().model).family == catalogue.IMPORTED_FAMILY


@pytest.mark.parametrize(
    ("name", "expected"),
    [("lenet4", True), (f"{NOWHERE}:net", True), ("math:sinus", True), ("math:pi", False), ("math:sin", False)],
)
def test_a_model_is_missing_if_there_is_no_such_name_module_or_attribute(
    zoo: SideZoo, name: str, *, expected: bool
) -> None:
    source, _, rest = name.rpartition(":")
    model = ModelRef("import", name) if source else ModelRef("zoobench", rest)
    with pytest.raises((BadInputError, UnknownNameError, BuildError)) as raised:
        zoo.build(model)
    assert is_missing(raised.value) is expected


def test_a_dependency_that_is_missing_is_no_missing_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "needy_nets.py").write_text(f"import {NOWHERE}\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(BuildError, match=f"importing needy_nets raised ModuleNotFoundError: .*{NOWHERE}") as raised:
        SideZoo(str(tmp_path)).build(ModelRef("import", "needy_nets:net"))
    assert not is_missing(raised.value)


def test_errors_for_people_are_told_without_their_class() -> None:
    other = type("ZoobenchError", (Exception,), {})  # another zoobench has a class of its own
    assert refusal_of(other("no such net\nmore"), "build") == Failure(
        kind=FailureKind.BUILD, message="no such net", where="build"
    )
    assert refusal_of(ValueError("no"), "block").message == "ValueError: no"


def test_what_cannot_be_imported_is_let_be(zoo: SideZoo) -> None:
    zoo.load((NOWHERE,))
    assert NOWHERE not in sys.modules


def test_the_files_of_all_modules_are_told(zoo: SideZoo) -> None:
    loaded = zoo.loaded()
    assert loaded["zoobench.cases.catalogue"] == catalogue.__file__
    assert "sys" not in loaded, "it has no file"
