"""Texts of users are texts: nothing of them runs, and none of them breaks the page."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from dom import overflow_px, show_all_rows
from playwright.sync_api import expect
from synthetic import HOSTILE, failed, make_case, make_run, realistic_record

from zoobench.cases import ModelRef
from zoobench.records import CaseRecord, Finding, Severity
from zoobench.records.store import StoredRun

MADE = "document.querySelectorAll('script, img, iframe, object, embed, base, link, a[href]:not([href^=\"#\"])').length"


def hostile_record(text: str) -> CaseRecord:
    """Of a case that has its numbers, and this text wherever a user's may stand."""
    case = make_case()
    finding = Finding(code=text, severity=Severity.WARNING, values={"why": text})
    record = msgspec.structs.replace(realistic_record(case), findings=(finding,), settings={text: text})
    return msgspec.structs.replace(record, case=msgspec.structs.replace(case, model=ModelRef("import", f"pkg:{text}")))


def hostile_run(texts: tuple[str, ...]) -> StoredRun:
    messages = [failed(make_case("vgg16", batch=1 + at), text) for at, text in enumerate(texts)]
    label = texts[0]
    return make_run([*map(hostile_record, texts), *messages, realistic_record(make_case())], label=label, commit=label)


@pytest.fixture(scope="module")
def hostile_page(written) -> Path:
    return written(hostile_run(HOSTILE))


def test_hostile_texts_show_as_they_are_and_nothing_of_them_runs(opened, written, hostile_page: Path) -> None:
    page, plain = opened(hostile_page, width=1440), opened(written(hostile_run(("x",))))
    show_all_rows(page, "cases")

    assert page.evaluate(MADE) == plain.evaluate(MADE)
    assert overflow_px(page) <= 0
    names = page.locator("#table-cases tbody button").all_text_contents()
    reasons = page.locator("#table-cases tbody td:last-child").all_text_contents()
    answer = page.locator("#which-model-answer")
    for text in HOSTILE:
        assert f"pkg:{text}" in names
        assert any(reason.endswith(text) for reason in reasons)
    assert "{{7*7}}" in page.locator("main").inner_text()
    assert answer.locator("a, b, strong, code").count() == 0


def test_a_hostile_case_opens_with_its_texts_as_texts(opened, hostile_page: Path) -> None:
    page = opened(hostile_page, width=380)
    show_all_rows(page, "cases")
    assert overflow_px(page) <= 0
    made = page.evaluate(MADE)
    for text in HOSTILE:
        page.locator("#table-cases tbody button").filter(has_text=" ".join(text.split())[:60]).first.focus()
        page.keyboard.press("Enter")
        expect(page.locator("#pane")).to_be_visible()
        assert text in str(page.locator("#pane-more").text_content())
        assert page.evaluate(MADE) == made
        assert page.locator("#pane").evaluate("pane => pane.scrollWidth - pane.clientWidth") <= 0
        page.keyboard.press("Escape")
