"""The four families: what each of their models is and does, beside AlexNet and ResNet."""

from __future__ import annotations

from zoobench.reports import palette
from zoobench.reports.html.section import Section
from zoobench.reports.material import Material
from zoobench.reports.tables import Table

_BESIDE = ("alexnet", "resnet")
"""Families against which the four are held."""


def families(material: Material) -> Section:
    """A row a model, at the headline case."""
    table = _of_families(material.tables["zoo"])
    return Section(
        key="families",
        title="The four families: SqueezeNet, MobileNet, ShuffleNet, Xception",
        missing="None of the four families was measured: `python -m zoobench run --preset quick` measures them.",
        tables=(table,) if len(table.frame) else (),
    )


def _of_families(table: Table) -> Table:
    family = table.frame["family"].astype("str")
    is_compared = family.map(palette.group_of).isin(palette.COMPARED)
    shown = table.frame[is_compared | family.isin(_BESIDE)] if is_compared.any() else table.frame.iloc[:0]
    return table._replace(frame=shown)
