"""The proof that a side measured its own files: where its worker's modules came from, and that none was changed."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from zoobench.errors import IdentityError
from zoobench.experiment.checkout import Checkout

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
