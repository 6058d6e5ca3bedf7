"""Pages of fabricated runs, and what a parser finds in them."""

from __future__ import annotations

import html.parser
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from zoobench.report.html import render_html
from zoobench.report.report_data import collect_report_data


class Page(html.parser.HTMLParser):
    """A page taken apart: its tags with their attributes, its texts, and what its scripts and styles hold."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.source = source
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.scripts: list[str] = []
        self.styles: list[str] = []
        self._data: dict[str, str] = {}
        self._inside: tuple[str, dict[str, str | None]] = ("", {})
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in {"script", "style"}:
            self._inside = self.tags[-1]
            self._content = ""

    def handle_endtag(self, tag: str) -> None:
        if tag != self._inside[0]:
            return
        attributes = self._inside[1]
        if attributes.get("type") == "application/json":
            self._data[str(attributes["id"])] = self._content
        else:
            {"script": self.scripts, "style": self.styles}[tag].append(self._content)
        self._inside = ("", {})

    def handle_data(self, data: str) -> None:
        if self._inside[0]:
            self._content += data
        else:
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    @property
    def policy(self) -> str:
        return next(str(found["content"]) for tag, found in self.tags if found.get("http-equiv"))

    def data(self, name: str) -> Any:
        return msgspec.json.decode(self._data[name])

    @property
    def data_texts(self) -> list[str]:
        return list(self._data.values())


@pytest.fixture
def page_of() -> Callable[..., Page]:
    """The page of these runs."""
    return lambda *runs: Page(render_html(collect_report_data(runs)))
