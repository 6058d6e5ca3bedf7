from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from zoobench.cases import IdentityError
from zoobench.compare.checkouts import Checkout
from zoobench.compare.environments import check_unchanged, prove_own
from zoobench.records.comparison import SideName

FILES = {
    "acme/__init__.py": "from acme import nets",
    "acme/nets.py": "",
    "research/models/net.py": "",
    "hubconf.py": "import statistics",
    "statistics.py": "",
}


@pytest.fixture(params=["", "src"], ids=["at the root", "under src"])
def source(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def make_side(tmp_path: Path, source: str) -> Callable[[str], Checkout]:
    """A checkout by the name of its folder, the packages lying at its root or in src."""

    def make(name: str) -> Checkout:
        folder = tmp_path / name
        for file, text in FILES.items():
            path = folder / source / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return Checkout(name=SideName.BASE, asked="v1", folder=folder, python=Path(sys.executable), tree="a" * 40)

    return make


def loaded_by_a_worker(path: Path, *modules: str) -> dict[str, str]:
    """Files of all modules that another process has after importing these, with this folder first on its path."""
    code = (
        f"import sys, json; sys.path.insert(0, {str(path)!r})\n"
        f"for name in {modules!r}: __import__(name)\n"
        "found = {name: getattr(each, '__file__', None) for name, each in sys.modules.items()}\n"
        "print(json.dumps({name: file for name, file in found.items() if file}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    answer: dict[str, str] = json.loads(done.stdout)
    return answer


def test_modules_of_the_project_are_told_from_the_others(make_side: Callable[[str], Checkout], source: str) -> None:
    side = make_side("base")
    loaded = loaded_by_a_worker(side.folder / source, "acme", "research.models.net", "json", "msgspec")
    assert {"json", "msgspec"} < set(loaded)
    prefix = f"{source}/" if source else ""
    assert prove_own(side, loaded) == {
        "acme": f"{prefix}acme/__init__.py",
        "acme.nets": f"{prefix}acme/nets.py",
        "research.models.net": f"{prefix}research/models/net.py",
    }


@pytest.mark.parametrize("module", ["acme", "research.models.net", "hubconf"])
def test_a_module_of_the_project_from_elsewhere_is_named(
    make_side: Callable[[str], Checkout], source: str, module: str
) -> None:
    side, installed = make_side("base"), make_side("installed")
    loaded = loaded_by_a_worker(installed.folder / source, module)
    with pytest.raises(IdentityError) as raised:
        prove_own(side, loaded)
    assert str(raised.value) == (
        f"base loaded {module} from {loaded[module]}, not from its own files in {side.folder}: uninstall the project "
        f"from {sys.executable}, and take its folder out of PYTHONPATH"
    )


@pytest.mark.parametrize(
    "loaded",
    [
        {},
        {"statistics": "/usr/lib/python3/statistics.py"},
        {"__main__": "/usr/bin/worker.py"},
        {"research": "/elsewhere/research/__init__.py"},
        {"acmes.nets": "/elsewhere/acmes/nets.py"},
    ],
    ids=["nothing", "the standard library's", "the worker's own", "a folder that is no package", "another name"],
)
def test_what_only_looks_like_the_projects_is_no_proof_and_no_mistake(
    make_side: Callable[[str], Checkout], loaded: Mapping[str, str]
) -> None:
    assert prove_own(make_side("base"), loaded) == {}


def test_a_module_that_the_side_has_no_longer_is_still_of_its_package(make_side: Callable[[str], Checkout]) -> None:
    """An installed package may have what the commit has not."""
    with pytest.raises(IdentityError, match=r"^base loaded acme\.gone from /elsewhere/acme/gone\.py, not from its own"):
        prove_own(make_side("base"), {"acme.gone": "/elsewhere/acme/gone.py"})


def test_a_link_to_the_sides_folder_is_its_folder(make_side: Callable[[str], Checkout], source: str) -> None:
    side = make_side("base")
    link = side.folder.parent / "link"
    link.symlink_to(side.folder)
    assert len(prove_own(side, {"hubconf": str(link / source / "hubconf.py")})) == 1


def test_files_may_be_told_relative_to_the_sides_folder(make_side: Callable[[str], Checkout], source: str) -> None:
    side, file = make_side("base"), f"{source}/hubconf.py".removeprefix("/")
    assert prove_own(side, {"hubconf": file}) == {"hubconf": file}
    with pytest.raises(IdentityError):
        prove_own(side, {"hubconf": f"../installed/{file}"})


def test_a_side_that_is_as_it_began_is_accepted_and_no_other(make_side: Callable[[str], Checkout]) -> None:
    side = make_side("base")
    check_unchanged(side, side.tree)
    with pytest.raises(
        IdentityError, match=r"^files of base changed while it was measured \(tree a{12} became b{12}\)"
    ):
        check_unchanged(side, "b" * 40)
