"""Whether two sides ask for the same dependencies, so that one environment serves both.

Compared is what a project's files declare and lock, not what is installed: requirements by name whatever their order,
locked packages by version. Extras are left out: what only developers install is not measured.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from zoobench.cases import BadInputError, IdentityError
from zoobench.compare.checkouts import Checkout
from zoobench.compare.request import THIS_PYTHON, ComparisonRequest
from zoobench.records import Facts
from zoobench.records.comparison import Difference

# The proof that a side measured its own files: where its worker's modules came from, and that none was changed.


_SOURCES = (".", "src")
"""Folders of a project in which Python packages lie."""


def prove_own(side: Checkout, loaded: Mapping[str, str]) -> dict[str, str]:
    """The project's modules among those that a worker has imported: names, and files relative to the side's folder.

    `loaded` gives the file of each module, absolute or relative to the side's folder. A module is the project's if
    the side's folder has it, or has a package around it. Nothing is found where a case uses no code of the project:
    then a comparison says nothing about it. Raises: IdentityError for a module of the project that comes from
    elsewhere.
    """
    root = side.folder.resolve()
    own: dict[str, str] = {}
    for module, file in sorted(loaded.items()):
        if not _is_of_project(module, root):
            continue
        path = (root / file).resolve()
        if not path.is_relative_to(root):
            raise IdentityError(
                f"{side.name} loaded {module} from {file}, not from its own files in {side.folder}: uninstall the "
                f"project from {side.python}, and take its folder out of PYTHONPATH"
            )
        own[module] = path.relative_to(root).as_posix()
    return own


def check_unchanged(side: Checkout, tree_now: str) -> None:
    """Raises: IdentityError if a side's files are no longer those that it began with."""
    if tree_now != side.tree:
        raise IdentityError(
            f"files of {side.name} changed while it was measured (tree {side.tree[:12]} became {tree_now[:12]}): let "
            "nothing write to its folder, its own code included"
        )


def _is_of_project(module: str, root: Path) -> bool:
    first, *rest = module.split(".")
    if first in sys.stdlib_module_names or first == "__main__":
        return False
    parts = (first, *rest)
    around = ["/".join(parts[:length]) for length in range(1, len(parts) + 1)]
    return any(_is_module(root / source / name) for source in _SOURCES for name in around)


def _is_module(path: Path) -> bool:
    return Path(f"{path}.py").is_file() or (path / "__init__.py").is_file()


# Whether an interpreter that the user names can run a side.


NEEDED = ("torch", "numpy", "msgspec", "psutil")
"""What a worker imports beside zoobench's own files, which are brought along."""

OLDEST = (3, 11)
LIMIT_S = 60.0

_QUESTION = """
import importlib.metadata, json, sys
found = {each.metadata["Name"].lower(): each.version for each in importlib.metadata.distributions()}
wanted = {name: found[name] for name in sys.argv[1:] if name in found}
print()
print(json.dumps({"version": "%d.%d.%d" % sys.version_info[:3], "packages": wanted}))
"""


class Interpreter(msgspec.Struct, frozen=True):
    """A Python and the versions of what a worker needs of it."""

    version: str
    packages: dict[str, str]


def examine_interpreter(python: Path) -> Interpreter:
    """Ask an interpreter what it is, in one process that imports nothing large.

    Raises: BadInputError if it does not run, is too old, or lacks a package.
    """
    found = _asked(python)
    if tuple(map(int, found.version.split(".")[:2])) < OLDEST:
        raise BadInputError(f"{python} is Python {found.version}: a side needs {OLDEST[0]}.{OLDEST[1]} or newer")
    missing = [name for name in NEEDED if name not in found.packages]
    if missing:
        raise BadInputError(
            f"{python} has no {' and no '.join(missing)}: `{python} -m pip install {' '.join(missing)}` adds what a "
            "side needs"
        )
    return found


def _asked(python: Path) -> Interpreter:
    try:
        # From the root, so that no file of the folder we are in is taken for a module.
        done = subprocess.run(
            [str(python), "-c", _QUESTION, *NEEDED],
            cwd=python.anchor,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=LIMIT_S,
            check=True,
        )
        return msgspec.json.decode(done.stdout.splitlines()[-1], type=Interpreter)
    except OSError as error:
        raise BadInputError(f"{python} cannot be run: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise BadInputError(f"{python} did not answer in {LIMIT_S:.0f} s: is it a Python interpreter?") from None
    except subprocess.CalledProcessError as error:
        raise BadInputError(f"{python} cannot say what it is: {_last_line(error.stderr)}") from None
    except (IndexError, msgspec.MsgspecError):
        raise BadInputError(f"{python} is no Python interpreter: it does not answer as one") from None


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "it fails without a word"


PROJECT_FILE = "pyproject.toml"
REQUIREMENTS = ("requirements*.txt", "constraints*.txt", "requirements/*.txt")
LOCKS = ("uv.lock", "poetry.lock", "pdm.lock")

_NOTHING = "nothing"
_MOST_NAMED = 3
_LOCAL = ("editable", "virtual", "directory")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_COMMENT = re.compile(r"(^|\s)#.*$")


def check_dependencies(request: ComparisonRequest, base: Checkout, head: Checkout) -> tuple[Difference, ...]:
    """Differences of what the sides ask for, where the user has given a side an environment of its own.

    Raises: IdentityError if there are any and both sides would run in ours; BadInputError for a file that cannot be
    read.
    """
    found = dependency_differences(base.folder, head.folder)
    if found and request.base.python is None and request.head.python is None:
        raise IdentityError(
            f"the sides ask for different dependencies ({_some(found)}): make an environment for {base.asked} and name "
            f"its interpreter with --base-python, or name {THIS_PYTHON} if this one serves both"
        )
    return found


def dependency_differences(base: Path, head: Path) -> tuple[Difference, ...]:
    """What the projects in two folders declare or lock differently, in the order of the files.

    Raises: BadInputError for a file that cannot be read.
    """
    before, after = _facts(base), _facts(head)
    return tuple(
        Difference(fact=fact, base=before.get(fact, _NOTHING), head=after.get(fact, _NOTHING), matters=False)
        for fact in dict.fromkeys((*before, *after))
        if before.get(fact) != after.get(fact)
    )


def _facts(folder: Path) -> Facts:
    facts: Facts = {}
    if (folder / PROJECT_FILE).is_file():
        facts |= _declared(_toml(folder / PROJECT_FILE))
    for path in sorted(path for pattern in REQUIREMENTS for path in folder.glob(pattern)):
        facts |= _by_name(str(path.relative_to(folder)), _requirements(path))
    for path in (folder / name for name in LOCKS):
        if path.is_file():
            facts |= _locked(path.name, _toml(path))
    return facts


def _declared(document: Mapping[str, Any]) -> Facts:
    project = document.get("project", {})
    facts = {f"{PROJECT_FILE}: requires-python": project[key] for key in ("requires-python",) if key in project}
    facts |= _by_name(PROJECT_FILE, project.get("dependencies", []))
    for group, requirements in document.get("dependency-groups", {}).items():
        facts |= _by_name(f"{PROJECT_FILE}: group {group}", map(str, requirements))  # a group may include another
    return facts


def _locked(name: str, document: Mapping[str, Any]) -> Facts:
    """Versions of the packages, but for those of the project itself, whose files are what is compared."""
    versions: dict[str, list[str]] = {}
    for package in document.get("package", []):
        source = package.get("source", {})
        if source.get("type") not in _LOCAL and not any(kind in source for kind in _LOCAL):
            versions.setdefault(_normalized(package.get("name", "")), []).append(str(package.get("version", "")))
    return {f"{name}: {package}": ", ".join(sorted(found)) for package, found in sorted(versions.items())}


def _by_name(where: str, requirements: Iterable[str]) -> Facts:
    """One name may be asked for several times, under different conditions."""
    asked: dict[str, list[str]] = {}
    for requirement in requirements:
        match = _NAME.match(requirement)
        name, rest = (_normalized(match[0]), requirement[match.end() :]) if match else (requirement, "")
        asked.setdefault(name, []).append("".join(rest.split()) or "any version")
    return {f"{where}: {name}": " and ".join(sorted(rests)) for name, rests in sorted(asked.items())}


def _requirements(path: Path) -> Iterator[str]:
    """Lines without comments, those that go on in the next put together."""
    try:
        text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"{path} cannot be read: {error}") from None
    return (line for raw in text.splitlines() if (line := _COMMENT.sub("", raw).strip()))


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:  # TOMLDecodeError and UnicodeDecodeError are ValueErrors
        raise BadInputError(f"{path} cannot be read: {error}") from None


def _normalized(name: str) -> str:
    """As package indexes compare names."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _some(differences: tuple[Difference, ...]) -> str:
    named = [f"{each.fact} {each.base} against {each.head}" for each in differences[:_MOST_NAMED]]
    more = len(differences) - len(named)
    return "; ".join(named) + (f"; and {more} more" if more else "")
