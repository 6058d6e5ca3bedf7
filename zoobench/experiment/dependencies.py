"""Whether two sides ask for the same dependencies, so that one environment serves both.

Compared is what a project's files declare and lock, not what is installed: requirements by name whatever their order,
locked packages by version. Extras are left out: what only developers install is not measured.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from zoobench.compare.result import Difference
from zoobench.errors import BadInputError, IdentityError
from zoobench.experiment.checkout import Checkout
from zoobench.experiment.request import THIS_PYTHON, Request

PROJECT_FILE = "pyproject.toml"
REQUIREMENTS = ("requirements*.txt", "constraints*.txt", "requirements/*.txt")
LOCKS = ("uv.lock", "poetry.lock", "pdm.lock")

_NOTHING = "nothing"
_MOST_NAMED = 3
_LOCAL = ("editable", "virtual", "directory")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_COMMENT = re.compile(r"(^|\s)#.*$")

Facts = dict[str, str]
"""What is asked for, by what it is asked of: `pyproject.toml: torch` is `>=2.9`."""


def check_dependencies(request: Request, base: Checkout, head: Checkout) -> tuple[Difference, ...]:
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
