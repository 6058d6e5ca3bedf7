"""Real repositories, made by git itself."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path


class GitProject:
    """A user's checkout, and the user who works in it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def git(self, *arguments: str) -> str:
        done = subprocess.run(["git", "-C", str(self.root), *arguments], capture_output=True, text=True, check=True)
        return done.stdout.removesuffix("\n")

    def write(self, files: Mapping[str, str]) -> None:
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")

    def commit(self, files: Mapping[str, str] | None = None, message: str = "change") -> str:
        """Full hash of a new commit with these files beside the others."""
        self.write(files or {})
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD")


def files_of(root: Path) -> dict[str, tuple[int, bytes]]:
    """Mode and content of every file."""
    paths = sorted(path for path in root.rglob("*") if path.is_symlink() or not path.is_dir())
    return {
        str(path.relative_to(root)): (
            path.lstat().st_mode,
            str(path.readlink()).encode() if path.is_symlink() else path.read_bytes(),
        )
        for path in paths
    }
