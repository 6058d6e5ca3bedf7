"""Tables as Markdown: texts are escaped, and what is not valid is struck through."""

from __future__ import annotations

import pandas as pd

from zoobench.cases.units import NOT_MEASURED
from zoobench.report.tables import Cell, Column, ColumnKind, Table, cells_of, is_text
from zoobench.report.text import markdown_text


def render_table(table: Table, *, most_rows: int | None = None) -> str:
    """The table in GitHub's Markdown (its first `most_rows` rows), or the sentence that says why it has no rows."""
    shown = table.frame if most_rows is None else table.frame.head(most_rows)
    if shown.empty:
        return table.empty
    texts = pd.DataFrame({index: _cells(shown, column) for index, column in enumerate(table.columns)})
    return texts.to_markdown(
        index=False,
        headers=[markdown_text(column.title) for column in table.columns],
        tablefmt="pipe",
        disable_numparse=True,
        colalign=["left" if is_text(shown, column) else "right" for column in table.columns],
    )


def render_cut_table(table: Table, *, most_rows: int, rest: str) -> str:
    """The table's first rows, and a link to `rest`, the file that has all of them, if there are more."""
    text = render_table(table, most_rows=most_rows)
    left_out = len(table.frame) - most_rows
    return text if left_out <= 0 else f"{text}\n\n… and {left_out} rows more in [{rest}]({rest})."


def _cells(frame: pd.DataFrame, column: Column) -> list[str]:
    return [_cell(cell, column) for cell in cells_of(frame, column)]


def _cell(cell: Cell, column: Column) -> str:
    if cell.is_struck:
        return f"~~{cell.text}~~"
    return (markdown_text(cell.text) or NOT_MEASURED) if column.kind is ColumnKind.TEXT else cell.text
