"""The page's sections: one module makes one record, and this tuple is their order.

A new section is a module with a function from `Material` to `Section`, and a place here. Numbers in the page's table of
contents come from the order; a section of which nothing was measured says which command measures it.
"""

from __future__ import annotations

from collections.abc import Callable

from zoobench.reports.html.section import Section
from zoobench.reports.html.sections.audit import audit
from zoobench.reports.html.sections.batch_and_precision import batch_and_precision
from zoobench.reports.html.sections.comparison import comparison
from zoobench.reports.html.sections.every_case import every_case
from zoobench.reports.html.sections.families import families
from zoobench.reports.html.sections.method import method
from zoobench.reports.html.sections.reproduction import reproduction
from zoobench.reports.html.sections.which_model import which_model
from zoobench.reports.html.sections.why_slow import why_slow
from zoobench.reports.material import Material

SECTIONS: tuple[Callable[[Material], Section], ...] = (
    which_model,
    families,
    reproduction,
    why_slow,
    batch_and_precision,
    audit,
    comparison,
    every_case,
    method,
)
