from __future__ import annotations

import ast
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from sides import LIMIT_S

from zoobench.cases import Case, Mode, ModelRef, Precision, ZoobenchError
from zoobench.compare.checkouts import COPY, Checkout, renamed
from zoobench.compare.environments import prove_own
from zoobench.compare.messages import (
    Compute,
    CountedFacts,
    CountFacts,
    Discover,
    Discovery,
    Output,
    Prepare,
    Prepared,
    TakeBlock,
    TakenBlock,
)
from zoobench.compare.spec import ignore
from zoobench.compare.worker_pair import SideProcess
from zoobench.records.comparison import SideName

HERE = Path("module.py")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("from zoobench import cases\n", "from zoobench_harness import cases\n"),
        ("from zoobench.zoo.build import build_model\n", "from zoobench_harness.zoo.build import build_model\n"),
        (
            "def lazy():\n    from zoobench.cases import Case\n",
            "def lazy():\n    from zoobench_harness.cases import Case\n",
        ),
        (
            "x = 1; from zoobench.cases import (\n    Case,\n)\n",
            "x = 1; from zoobench_harness.cases import (\n    Case,\n)\n",
        ),
        ("from zoobenchmark import other\n", "from zoobenchmark import other\n"),
        ("from . import zoobench\n", "from . import zoobench\n"),
        ("import torch\nNAME = 'from zoobench import'\n", "import torch\nNAME = 'from zoobench import'\n"),
    ],
)
def test_imports_of_the_package_are_renamed_and_nothing_else(text: str, expected: str) -> None:
    assert renamed(text, HERE) == expected


@pytest.mark.parametrize("text", ["import zoobench\n", "import torch, zoobench.cases as cases\n"])
def test_an_import_that_binds_the_packages_name_is_refused(text: str) -> None:
    with pytest.raises(ZoobenchError, match=r"^module\.py:1: write `from zoobench import …`"):
        renamed(text, HERE)


def test_the_copy_names_the_package_nowhere_in_its_imports(bootstrap: Path) -> None:
    for path in (bootstrap.parents[1]).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                assert (node.module or "").partition(".")[0] != "zoobench", path


def test_a_worker_needs_nothing_of_the_installed_zoobench(bootstrap: Path) -> None:
    """Whatever is imported, now or lazily, is the copy's: the other name is not even there."""
    script = f"""
        import sys
        sys.path.append({str(bootstrap.parents[3])!r})
        sys.modules["zoobench"] = None
        import pkgutil, importlib, {COPY}
        modules = ("compare.worker.serve", "devices", "measure.worker.probes", "zoo.build", "measure.tasks")
        for room in modules:
            importlib.import_module("{COPY}." + room)
        from {COPY}.zoo.build import build_model
        build_model("lenet5")
        print([name for name in sys.modules if name.startswith("zoobench.")])
        """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n", done.stderr


ZOO = {
    "__init__.py": "",
    "errors.py": "class ZoobenchError(Exception): pass\nclass UnknownNameError(ZoobenchError): pass\n",
    "catalogue.py": """
        from types import SimpleNamespace
        from zoobench.errors import UnknownNameError

        def find(name):
            if name.rpartition(":")[2] != "own":
                raise UnknownNameError(f"no {name}")
            return SimpleNamespace(source="zoo", name="own", family="f", image_size=8, min_image_size=8, channels=2)
        """,
    "zoo/__init__.py": "",
    "zoo/build.py": """
        from torch import nn
        from zoobench.CATALOGUE import find

        def build_model(name):
            find(name)
            return nn.Sequential(nn.Conv2d(2, WIDTH, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        """,
}
"""Another zoobench, of another time: all that an experiment needs of it."""


OLD_LAYOUT, NEW_LAYOUT = "catalogue", "cases.catalogue"


def project_named_zoobench(root: Path, name: SideName, width: int, catalogue: str) -> Checkout:
    for file, text in ZOO.items():
        inner = catalogue.replace(".", "/") + ".py" if file == "catalogue.py" else file
        path = root / name / "zoobench" / inner
        path.parent.mkdir(parents=True, exist_ok=True)
        filled = text.replace("WIDTH", str(width)).replace("CATALOGUE", catalogue)
        path.write_text(textwrap.dedent(filled), encoding="utf-8")
    if catalogue == NEW_LAYOUT:
        (root / name / "zoobench" / "cases" / "__init__.py").touch()
    return Checkout(name=name, asked=name, folder=root / name, python=Path(sys.executable))


@pytest.mark.parametrize(
    ("name", "width", "catalogue"), [(SideName.BASE, 4, OLD_LAYOUT), (SideName.HEAD, 6, NEW_LAYOUT)]
)
def test_a_project_that_is_zoobench_itself_is_measured_by_this_one(
    name: SideName, width: int, catalogue: str, tmp_path: Path, bootstrap: Path
) -> None:
    side = project_named_zoobench(tmp_path, name, width, catalogue)
    case = Case(
        model=ModelRef("zoo", "own"), mode=Mode.INFER, batch=3, image_size=8, precision=Precision.FP32, device="cpu",
        threads=1,
    )  # fmt: skip
    with SideProcess(side, bootstrap, hash_seed=0, emit=ignore) as worker:
        introduction = worker.ask(Discover(), Discovery, LIMIT_S)
        worker.ask(Prepare(case=case, seed=1), Prepared, LIMIT_S)
        counted = worker.ask(CountFacts(), CountedFacts, LIMIT_S)
        output = worker.ask(Compute(), Output, LIMIT_S)
        block = worker.ask(TakeBlock(rounds=2), TakenBlock, LIMIT_S).block

    room = {"zoobench.cases": "zoobench/cases/__init__.py"} if catalogue == NEW_LAYOUT else {}
    assert prove_own(side, introduction.loaded) == room | {
        "zoobench": "zoobench/__init__.py",
        f"zoobench.{catalogue}": f"zoobench/{catalogue.replace('.', '/')}.py",
        "zoobench.errors": "zoobench/errors.py",
        "zoobench.zoo": "zoobench/zoo/__init__.py",
        "zoobench.zoo.build": "zoobench/zoo/build.py",
    }
    assert counted.exact["parameters"] == width * (2 * 9 + 1)
    assert output.shape == (3, width)
    assert len(block.samples) == 2
    assert list((tmp_path / name).rglob("*.pyc")) == [], "the side's folder stays as it is"
