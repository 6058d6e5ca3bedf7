"""`zoobench list`: the models that can be named."""

from __future__ import annotations

from typing import Annotated

import typer

from zoobench import catalogue
from zoobench.catalogue import Entry
from zoobench.units import format_percent


def list_(
    family: Annotated[list[str] | None, typer.Option("--family", help="only these families; may be repeated")] = None,
) -> None:
    """List the zoo. Name, family, native image size, published top-1 accuracy; * marks the default suite."""
    from tabulate import tabulate  # noqa: PLC0415

    rows = [_row(entry) for entry in catalogue.of_families(family or catalogue.families())]
    typer.echo(tabulate(rows, headers=("model", "", "family", "image", "top-1", "printed by"), tablefmt="simple"))


def _row(entry: Entry) -> tuple[str, ...]:
    return (
        entry.name,
        "*" if entry.is_default else "",
        entry.family,
        f"{entry.channels}×{entry.image_size}²",
        format_percent(entry.top1_ratio),
        entry.top1_source,
    )
