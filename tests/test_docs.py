"""What README and the pages of docs/ promise: links lead somewhere, and commands are ones that there are."""

from __future__ import annotations

import itertools
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
import typer
from markdown_it import MarkdownIt
from markdown_it.token import Token
from typer.core import TyperGroup

from zoobench.cli import app

ROOT: Final = Path(__file__).parents[1]
PAGES: Final = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
PROGRAM: Final = ("python -m zoobench ", "zoobench ")
"""How a command line begins."""


@pytest.fixture(params=PAGES, ids=lambda page: page.name)
def page(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def test_links_lead_to_files_and_headings(page: Path) -> None:
    lost = [link for link in links_of(page) if not leads_somewhere(page, link)]
    assert lost == []


def test_commands_and_their_options_exist(page: Path) -> None:
    unknown = [line for line in commands_of(page) if not is_understood(line)]
    assert unknown == []


def test_readme_shows_every_command_of_the_three_verbs() -> None:
    shown = {shlex.split(line)[0] for line in commands_of(ROOT / "README.md")}
    assert shown >= {"run", "profile", "capacity", "doctor", "count", "compare", "bisect", "history"}


def links_of(page: Path) -> Iterator[str]:
    for token in inline_tokens(page):
        target = str(token.attrs.get("href") or token.attrs.get("src") or "")
        if target and "://" not in target:
            yield target


def leads_somewhere(page: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    return target.exists() and (not anchor or anchor in anchors_of(target))


def anchors_of(page: Path) -> set[str]:
    """As GitHub makes them of headings: small letters, dashes for blanks, no punctuation."""
    tokens = parsed(page)
    headings = [after.content for token, after in itertools.pairwise(tokens) if token.type == "heading_open"]
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def commands_of(page: Path) -> Iterator[str]:
    """Command lines of zoobench in blocks of a console, without the program and the remark behind."""
    for token in parsed(page):
        if token.type == "fence" and token.info == "console":
            for line in token.content.splitlines():
                asked = line.removeprefix("$ ").partition(" #")[0].strip()
                yield from (asked.removeprefix(start) for start in PROGRAM if asked.startswith(start))


def is_understood(line: str) -> bool:
    name, *words = shlex.split(line)
    program = typer.main.get_command(app)
    assert isinstance(program, TyperGroup)
    command = program.commands.get(name)
    options = {word.partition("=")[0] for word in words if word.startswith("--")}
    return command is not None and options <= {opt for param in command.params for opt in param.opts}


def parsed(page: Path) -> list[Token]:
    return MarkdownIt("commonmark").parse(page.read_text(encoding="utf-8"))


def inline_tokens(page: Path) -> Iterator[Token]:
    return (child for token in parsed(page) for child in token.children or ())
