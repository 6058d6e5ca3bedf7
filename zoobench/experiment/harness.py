"""The measuring side under a second name, so that zoobench can measure zoobench.

Both sides must be measured by the same code, while the code that is measured may be zoobench itself, at two commits.
So workers import a copy of this zoobench's sources, made when an experiment begins, in which the package and every
import of it is called `zoobench_harness`. `zoobench` is then free for the side's own. What happens to the sources
during the experiment, as in a working tree that is edited meanwhile, does not reach the copy.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from zoobench.errors import ZoobenchError

PACKAGE = "zoobench"
COPY = "zoobench_harness"
BOOTSTRAP = Path("experiment") / "bootstrap.py"

_LEFT_OUT = ("cli", "reports", "papers", "doctor", "capacity", "__pycache__")
"""Rooms in which nothing is measured by a worker of an experiment."""

_COPIED = (".py", ".csv")


def write_harness(folder: Path) -> Path:
    """Put the copy into the folder; the script that a side's python is to run."""
    source = Path(__file__).parents[1]
    for path in _sources(source):
        copy = folder / COPY / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        text = path.read_text(encoding="utf-8")
        copy.write_text(renamed(text, path) if path.suffix == ".py" else text, encoding="utf-8")
    return folder / COPY / BOOTSTRAP


def renamed(text: str, path: Path) -> str:
    """The module's text with the package called by its second name in every import; lines stay where they are.

    Raises: ZoobenchError for an import that cannot be renamed alone, since it binds the package's name itself.
    """
    lines = text.splitlines(keepends=True)
    for node in ast.walk(ast.parse(text, path)):
        if isinstance(node, ast.Import) and any(_is_own(alias.name) for alias in node.names):
            raise ZoobenchError(f"{path}:{node.lineno}: write `from zoobench import …`: the harness cannot rename this")
        if isinstance(node, ast.ImportFrom) and node.level == 0 and _is_own(node.module or ""):
            line = lines[node.lineno - 1]
            lines[node.lineno - 1] = line.replace(f"from {PACKAGE}", f"from {COPY}", 1)
    return "".join(lines)


def _is_own(module: str) -> bool:
    return module == PACKAGE or module.startswith(f"{PACKAGE}.")


def _sources(source: Path) -> Iterator[Path]:
    for path in sorted(source.rglob("*")):
        inner = path.relative_to(source)
        if path.suffix in _COPIED and not set(inner.parts) & set(_LEFT_OUT):
            yield path
