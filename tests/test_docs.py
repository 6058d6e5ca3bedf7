"""What README, CONTRIBUTING and docs/ promise: links, commands and files exist, and the site has every page."""

from __future__ import annotations

import itertools
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import site_links
import typer
import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token
from typer.core import TyperGroup

from zoobench.cli import app

ROOT: Final = Path(__file__).parents[1]
DOCS: Final = sorted((ROOT / "docs").glob("*.md"))
PAGES: Final = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *DOCS)
CONTRIBUTING: Final = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
PROJECT: Final = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
SITE: Final = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
REPOSITORY: Final = SITE["extra"]["repository"]
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


def test_every_page_is_in_the_navigation_of_the_site_once() -> None:
    assert sorted(pages_in(SITE["nav"])) == [page.name for page in DOCS]


def test_the_site_is_strict_and_asks_nobody() -> None:
    checks = {**SITE["validation"]["nav"], **SITE["validation"]["links"]}
    assert set(checks.values()) == {"warn"}, "a strict build fails on warnings"
    assert SITE["theme"]["font"] is False
    assert "repo_url" not in SITE, "with it a page asks GitHub for stars"


@pytest.mark.parametrize("page", DOCS, ids=lambda page: page.name)
def test_no_link_of_the_site_leaves_it_but_into_the_repository(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert list(site_links.missing_in(text)) == []
    assert "](../" not in site_links.rewritten(text, REPOSITORY)


@pytest.mark.parametrize(
    ("written", "of_the_site"),
    [
        ("[terms](glossary.md#measuring)", "[terms](glossary.md#measuring)"),
        ("[how](../CONTRIBUTING.md#recipes)", f"[how]({REPOSITORY}/blob/main/CONTRIBUTING.md#recipes)"),
        ("[a run](../results/reference/h200)", f"[a run]({REPOSITORY}/tree/main/results/reference/h200)"),
        ("![a page](../docs/report.png)", "![a page](pictures/report.png)"),
    ],
)
def test_a_link_that_leaves_docs_is_rewritten_and_a_picture_copied(written: str, of_the_site: str) -> None:
    assert site_links.rewritten(written, REPOSITORY) == of_the_site
    assert list(site_links.pictures_of(written)) == (["docs/report.png"] if written.startswith("!") else [])


def test_a_link_to_a_file_that_is_not_there_is_found() -> None:
    assert list(site_links.missing_in("[a](../README.md) [b](../gone.md#x) ![c](../gone.png)")) == [
        "gone.md",
        "gone.png",
    ]


def test_contributing_names_every_room_in_the_order_of_the_contract() -> None:
    [contract] = [each for each in PROJECT["tool"]["importlinter"]["contracts"] if each["type"] == "layers"]
    rooms = re.findall(r"^\| `([a-z_]+)/` \|", CONTRIBUTING, re.MULTILINE)
    assert rooms == contract["layers"]
    assert {path.parent.name for path in ROOT.glob("zoobench/*/__init__.py")} == set(rooms)


def test_contributing_names_files_that_there_are() -> None:
    named = re.findall(r"`((?:\.github|suites|tests|tools|zoobench)/[\w./-]*)`", CONTRIBUTING)
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_the_version_to_cite_is_the_version() -> None:
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert cited["version"] == PROJECT["project"]["version"]


def pages_in(nav: Any) -> Iterator[str]:
    """The pages of a navigation, whatever sections they are in."""
    if isinstance(nav, str):
        yield nav
    else:
        yield from (page for each in (nav.values() if isinstance(nav, dict) else nav) for page in pages_in(each))


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
