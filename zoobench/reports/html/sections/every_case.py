"""Every case: one table of all that was asked for, whatever came of it; each row opens its case."""

from __future__ import annotations

from zoobench.reports.answers import count_sentence, validity_sentences
from zoobench.reports.html.details import case_details, folding_note
from zoobench.reports.html.section import Section
from zoobench.reports.material import Material

METHOD = """\
- Struck: a time that is not valid, or a case that failed; the last column says why. These rows stand last in any order.
- A click on a row, or Enter on its model, opens the case: its raw samples, what disturbed them, and the command that
  measures it again.
- The CSV holds the rows that the search leaves, in the order shown."""


def every_case(material: Material) -> Section:
    """The table is laid out in the browser, from the page's data."""
    view = material.view
    has_cases = len(view.every_row) > 0
    note = folding_note(view)
    return Section(
        key="every-case",
        title="Every case",
        missing="No case was recorded: `python -m zoobench run` measures the default suite.",
        answer=(count_sentence(view), *validity_sentences(view), *([note] if note else [])) if has_cases else (),
        body="every_case.html.j2" if has_cases else "",
        data=case_details(view, material.runs) if has_cases else None,
        method=METHOD if has_cases else "",
    )
