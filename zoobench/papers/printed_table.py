"""One table of a paper, its figures as numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from zoobench.papers.published import Figure, figures

PERCENT = 100.0
"""By which a printed percentage becomes a ratio."""


class PrintedTable(NamedTuple):
    """One table of one paper, its figures as numbers in the units they are printed in."""

    paper: str
    number: str

    @property
    def source(self) -> str:
        """`Xception (arXiv:1610.02357), Table 3`."""
        arxiv = next(figure.arxiv for figure in figures() if figure.paper == self.paper)
        return f"{self.paper} (arXiv:{arxiv}), {self.number}"

    def values(self, metric: str) -> dict[tuple[str, str], float]:
        """By model and size of pictures."""
        return {(figure.model, figure.image_size): float(figure.value) for figure in self._figures(metric)}

    def by_variant(self, metric: str) -> dict[str, float]:
        """Percentages, as ratios."""
        return {figure.variant: float(figure.value) / PERCENT for figure in self._figures(metric)}

    def value(self, metric: str, model: str, variant: str) -> float:
        """The one of that model and variant."""
        wanted = (model, variant)
        return next(float(each.value) for each in self._figures(metric) if (each.model, each.variant) == wanted)

    def _figures(self, metric: str) -> Iterator[Figure]:
        wanted = (self.paper, self.number, metric)
        return (figure for figure in figures() if (figure.paper, figure.table, figure.metric) == wanted)
