"""Words that must not come back: each has a standard word of the field in docs/glossary.md."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import zoobench

PACKAGE = Path(zoobench.__file__).parent
WORDS = (
    "opponent", "contest", "contestant", "contender", "awaken", "sitting", "gravest", "foretell", "foretold", "dear",
    "mend", "accuse", "tally", "opinion", "lab", "survey",
)  # fmt: skip
PATTERN = re.compile(rf"(?i)(?<![a-z])({'|'.join(WORDS)})(s|ed|ing)?(?![a-z])")


def names(tree: ast.Module) -> Iterator[str]:
    """Every identifier that the module defines or uses, its words apart."""
    for node in ast.walk(tree):
        for field in ("id", "name", "attr", "arg", "asname"):
            if isinstance(found := getattr(node, field, None), str):
                yield re.sub(r"(?<=[a-z])(?=[A-Z])|_", " ", found)


def docstrings(tree: ast.Module) -> Iterator[str]:
    """Docstrings, those of constants among them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.value.value


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_private_word_comes_back(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    found = [match.group() for text in (*names(tree), *docstrings(tree)) for match in PATTERN.finditer(text)]
    assert found == [], "docs/glossary.md has the word to use"


@pytest.mark.parametrize("text", ["Opponents", "the contest", "tally_of", "labs", "mended"])
def test_such_words_are_found(text: str) -> None:
    assert PATTERN.search(re.sub("_", " ", text))


@pytest.mark.parametrize("text", ["label", "available", "amend"])
def test_longer_words_are_not(text: str) -> None:
    assert not PATTERN.search(text)
