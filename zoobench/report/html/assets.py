"""The libraries that the page carries: Vega for charts, DataTables for tables; both out of packages from PyPI.

Vega (with Vega-Lite and Vega-Embed, 0.9 MB) because a chart is data, not code: its expressions run in an interpreter
where a policy forbids eval, points carry ARIA labels, names that would overlap are left out, and PNG and SVG come
with it. `vl-convert-python` ships it. plotly's package holds only its bundle of 4.8 MB, of the 6 MB that a page may
have, and its smaller ones are not on PyPI. DataTables (0.6 MB, jQuery included) because it sorts, searches and
exports from the keyboard too; `itables` ships it. Neither needs `unsafe-eval` or `unsafe-inline`.
"""

from __future__ import annotations

import re
from importlib import resources
from typing import Final

import vl_convert

# What the page is put together from, beside its templates: scripts, styles and specifications of charts.


PACKAGE: Final = "zoobench.report.html"


def read_asset(folder: str, name: str) -> str:
    """The text of a file of this package."""
    return (resources.files(PACKAGE) / folder / name).read_text(encoding="utf-8")


_EXPORTS = re.compile(r"export\{(?P<names>[^}]*)\};?")


def charts_script() -> str:
    """A module that sets `vegaEmbed`; it takes 2 s to put together."""
    return vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")


def tables_script() -> str:
    """A module that sets `jQuery`, on which DataTables hangs.

    The bundle is made to be imported, and nothing can be imported from a script inside a page.
    """
    bundle = _read("dt_bundle.js")
    found = list(_EXPORTS.finditer(bundle))[-1]
    pairs = (pair.split(" as ") for pair in found["names"].split(","))
    exported = {public: private for private, public in pairs}
    return f"{bundle[: found.start()]}window.jQuery={exported['jQuery']};{bundle[found.end() :]}"


def tables_style() -> str:
    """DataTables' own style, for light and dark."""
    return _read("dt_bundle.css")


def _read(name: str) -> str:
    return (resources.files("itables") / "html" / name).read_text(encoding="utf-8")
