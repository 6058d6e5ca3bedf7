from __future__ import annotations

import itertools
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from zoobench.cases import BadInputError, ModelRef, UnknownNameError, ZoobenchError
from zoobench.zoo.build import BuildError, build_model, build_with_transfer

NUMBERS = itertools.count()
Write = Callable[[str], str]

FACTORIES = """
import torch
from torch import nn

limit = 3
ready = nn.Linear(1, 1)

def plain():
    return nn.Linear(2, 5)

def classed(num_classes=5):
    return nn.Linear(2, num_classes)

def open_to_all(**options):
    return nn.Linear(2, options.get("num_classes", 5))

class Net(nn.Linear):
    def __init__(self, num_classes=5):
        super().__init__(2, num_classes)

    @classmethod
    def small(cls):
        return cls(1)

def lazy():
    import neighbour
    return neighbour.make()

def failing():
    raise ValueError("width 7 is odd\\nand a second line")

def silent():
    raise KeyError

def hungry():
    raise MemoryError("32 GiB")

def starved():
    raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried")

def wrong():
    return [nn.Linear(1, 1)]

def nothing():
    pass
"""


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write a module with an unused name into the working directory, and return the name."""
    monkeypatch.chdir(tmp_path)

    def put(text: str) -> str:
        name = f"nets_{next(NUMBERS)}"
        (tmp_path / f"{name}.py").write_text(text)
        return name

    return put


def outputs(name: str, num_classes: int | None = None) -> int:
    return build_model(name, num_classes=num_classes).out_features


def refusal(kind: type[ZoobenchError], name: str, **options: object) -> str:
    with pytest.raises(kind) as caught:
        build_model(name, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("factory", ["plain", "classed", "open_to_all", "Net"])
def test_any_callable_is_a_factory(write: Write, factory: str) -> None:
    module = write(FACTORIES)
    assert outputs(f"{module}:{factory}") == 5
    assert outputs(f"import:{module}:{factory}") == 5


def test_callables_inside_callables(write: Write) -> None:
    assert outputs(f"{write(FACTORIES)}:Net.small") == 1


@pytest.mark.parametrize("factory", ["classed", "open_to_all", "Net"])
def test_number_of_classes_is_handed_over(write: Write, factory: str) -> None:
    assert outputs(f"{write(FACTORIES)}:{factory}", num_classes=9) == 9


def test_number_of_classes_is_not_silently_ignored(write: Write) -> None:
    module = write(FACTORIES)
    text = refusal(BadInputError, f"{module}:plain", num_classes=9)
    assert text == f"factory {module}:plain takes no num_classes: leave it out, or add the parameter"


def test_entry_names_what_was_imported(write: Write) -> None:
    module = write(FACTORIES)
    built = build_with_transfer(ModelRef("import", f"{module}:plain"))
    assert built.entry.ref == ModelRef("import", f"{module}:plain")
    assert built.entry.family == "imported"


def test_checkpoints_work_for_imported_models(write: Write, tmp_path: Path) -> None:
    torch.save({"weight": torch.ones(5, 2)}, tmp_path / "one.pth")
    built = build_with_transfer(f"{write(FACTORIES)}:plain", checkpoint=tmp_path / "one.pth")
    assert built.transfer is not None
    assert built.transfer.fresh == ("bias",)
    assert (built.module.weight == 1).all()


def test_working_directory_comes_first_while_building_and_not_after(write: Write, tmp_path: Path) -> None:
    (tmp_path / "neighbour.py").write_text("from torch import nn\ndef make():\n    return nn.Linear(2, 8)\n")
    before = list(sys.path)
    assert outputs(f"{write(FACTORIES)}:lazy") == 8
    assert sys.path == before


def test_working_directory_wins_over_what_is_installed(
    write: Write, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = write(FACTORIES)
    installed = tmp_path_factory.mktemp("installed")
    (installed / f"{module}.py").write_text("raise SystemError('the wrong one')\n")
    monkeypatch.syspath_prepend(installed)
    assert outputs(f"{module}:plain") == 5


def test_a_factory_that_raises_is_named_with_its_first_line(write: Write) -> None:
    module = write(FACTORIES)
    assert refusal(BuildError, f"{module}:failing") == f"factory {module}:failing raised ValueError: width 7 is odd"
    assert refusal(BuildError, f"{module}:silent") == f"factory {module}:silent raised KeyError"


@pytest.mark.parametrize(("factory", "kind"), [("hungry", MemoryError), ("starved", RuntimeError)])
def test_running_out_of_memory_is_not_the_factorys_fault(write: Write, factory: str, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        build_model(f"{write(FACTORIES)}:{factory}")


def test_what_is_no_factory(write: Write) -> None:
    module = write(FACTORIES)
    assert "is a value of type int, not a callable" in refusal(BadInputError, f"{module}:limit")
    assert "is a model, not a factory" in refusal(BadInputError, f"{module}:ready")
    assert "returned a value of type list, not a torch.nn.Module" in refusal(BadInputError, f"{module}:wrong")
    assert "returned None, not a torch.nn.Module" in refusal(BadInputError, f"{module}:nothing")


def test_missing_attribute_has_nearest_names(write: Write) -> None:
    module = write(FACTORIES)
    text = refusal(UnknownNameError, f"{module}:clased")
    assert text.startswith(f"unknown factory of {module} 'clased': did you mean classed")


def test_missing_module(write: Write, tmp_path: Path) -> None:
    text = f"there is no module {{}} in {tmp_path} or on Python's path"
    assert refusal(BadInputError, "no_such_nets:make") == text.format("no_such_nets")
    assert refusal(BadInputError, "no_such_nets.inner:make") == text.format("no_such_nets.inner")
    module = write(FACTORIES)
    assert refusal(BadInputError, f"{module}.inner:make") == text.format(f"{module}.inner")


def test_module_that_cannot_be_imported(write: Write) -> None:
    broken = write("def make(:\n")
    assert refusal(BuildError, f"{broken}:make").startswith(f"importing {broken} raised SyntaxError: ")
    lacking = write("import no_such_dependency\n")
    assert refusal(BuildError, f"{lacking}:make") == (
        f"importing {lacking} raised ModuleNotFoundError: No module named 'no_such_dependency'"
    )


def test_published_weights_there_are_none(write: Write) -> None:
    assert "has no published weights" in refusal(BadInputError, f"{write(FACTORIES)}:plain", weights="DEFAULT")
