"""Charts on the disk, in one format or more: the same bytes whenever the same is drawn."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from zoobench.reports.charts.canvas import PNG_DPI

_PNG_COMPRESSION = 4
"""3 % larger than at the usual 6, and a sixth faster."""
_SVG_SALT = "zoobench"
"""The same report twice is the same bytes: ids in an SVG are drawn from this, not at random."""
_PDF_FONT_TYPE = 42
"""TrueType: publishers refuse matplotlib's usual Type 3."""


class Format(enum.StrEnum):
    """Of a chart's file, and the end of its name."""

    PNG = "png"
    SVG = "svg"
    PDF = "pdf"


ON_SCREENS = (Format.PNG, Format.SVG)
IN_PAPERS = (*ON_SCREENS, Format.PDF)


def write_figure(figure: Figure, folder: Path, key: str, formats: Sequence[Format] = ON_SCREENS) -> tuple[Path, ...]:
    """One chart in each of these formats."""
    paths = tuple(folder / f"{key}.{each}" for each in formats)
    for each, path in zip(formats, paths, strict=True):
        _save(figure, path, each)
    return paths


def write_charts(
    charts: Iterable[tuple[str, Figure | None]], folder: Path, formats: Sequence[Format] = ON_SCREENS
) -> Iterable[Path]:
    """Each chart by its key; where there is none now, an earlier one is taken away."""
    for key, figure in charts:
        if figure is not None:
            yield from write_figure(figure, folder, key, formats)
        else:  # one of an earlier report would pass for a chart of this one
            for each in Format:
                (folder / f"{key}.{each}").unlink(missing_ok=True)


def _save(figure: Figure, path: Path, form: Format) -> None:
    if form is Format.PNG:
        figure.savefig(path, dpi=PNG_DPI, metadata={"Software": None}, pil_kwargs={"compress_level": _PNG_COMPRESSION})
    elif form is Format.SVG:
        with mpl.rc_context({"svg.hashsalt": _SVG_SALT}):
            figure.savefig(path, metadata={"Date": None})
    else:
        with mpl.rc_context({"pdf.fonttype": _PDF_FONT_TYPE}):
            figure.savefig(path, metadata={"CreationDate": None})
