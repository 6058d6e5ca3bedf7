"""What stands in a page that a browser has open."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect


def rows_of(page: Page, table: str) -> list[dict[str, str]]:
    """The table's visible rows by the titles of their columns, as people see them; texts are not cut into lines."""
    titles, *rows = page.locator(f"#table-{table}").evaluate(
        """table => [table.tHead.rows[0], ...table.tBodies[0].rows].map(row =>
             [...row.cells].map(cell => (cell.querySelector(".dt-column-title") ?? cell).textContent.trim()))"""
    )
    return [dict(zip(titles, row, strict=True)) for row in rows if len(row) == len(titles)]


def show_all_rows(page: Page, table: str) -> None:
    """On one page of the table."""
    page.locator(f"#table-{table}_wrapper .dt-length select").select_option("500")


def spots(page: Page, count: int) -> dict[str, tuple[float, float]]:
    """The chart's points, once there are so many: where each stands, by what a screen reader says of it."""
    found = page.locator("#chart-which-model svg .mark-symbol path[aria-label]")
    expect(found).to_have_count(count)
    said = found.evaluate_all("all => all.map(each => [each.ariaLabel, each.getAttribute('transform')])")
    return {text: _pair(place) for text, place in said}


def corners(page: Page) -> set[tuple[float, float]]:
    """Those of the line that is the chart's front."""
    line = page.locator("#chart-which-model svg .mark-line path")
    path = str(line.get_attribute("d")) if line.count() else ""
    return {_pair(corner) for corner in re.findall(r"[-\d.e]+,[-\d.e]+", path)}


def choose(page: Page, form: str, values: dict[str, str]) -> None:
    """These fields of a form, as one who picks and types."""
    for name, value in values.items():
        field: Locator = page.locator(f"#{form} [name='{name}']")
        if field.evaluate("field => field.tagName") == "SELECT":
            field.select_option(value)
        else:
            field.fill(value)


def overflow_px(page: Page) -> int:
    """How far the page reaches beyond the right edge of the window."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def overlapping(page: Page, chart: str) -> list[str]:
    """Pairs of the chart's visible texts whose boxes lie on each other by more than 2 px."""
    found: list[str] = page.locator(f"#chart-{chart} svg").evaluate(
        """svg => {
          const boxes = [...svg.querySelectorAll("text")]
            .filter(each => each.textContent && each.getAttribute("opacity") !== "0")
            .map(each => [each.textContent, each.getBoundingClientRect()]);
          const common = (a, b, start, end) => Math.min(a[end], b[end]) - Math.max(a[start], b[start]);
          const lie = (a, b) => common(a, b, "left", "right") > 2 && common(a, b, "top", "bottom") > 2;
          return boxes.flatMap(([name, box], at) => boxes.slice(at + 1)
            .filter(([, other]) => lie(box, other)).map(([other]) => `${name} on ${other}`));
        }"""
    )
    return found


def cut_off(page: Page, chart: str) -> list[str]:
    """The chart's visible texts that reach beyond its room."""
    found: list[str] = page.locator(f"#chart-{chart}").evaluate(
        """room => {
          const { left, right, top, bottom } = room.getBoundingClientRect();
          return [...room.querySelectorAll("svg text")]
            .filter(each => each.textContent && each.getAttribute("opacity") !== "0")
            .filter(each => { const box = each.getBoundingClientRect();
              return box.left < left - 1 || box.right > right + 1 || box.top < top - 1 || box.bottom > bottom + 1; })
            .map(each => each.textContent);
        }"""
    )
    return found


def _pair(text: str) -> tuple[float, float]:
    across, down = re.findall(r"-?[\d.]+(?:e-?\d+)?", text)[:2]
    return round(float(across), 1), round(float(down), 1)
