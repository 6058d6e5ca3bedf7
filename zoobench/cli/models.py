"""`zoobench build`: make a model and say what it is made of, and what its weights came from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zoobench.cases import catalogue, format_percent
from zoobench.cases.catalogue import Entry
from zoobench.records import Environment


def build(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="a name of `zoobench list`, or package.module:factory")],
    num_classes: Annotated[int | None, typer.Option(min=1, help="classes of the classifier")] = None,
    weights: Annotated[str | None, typer.Option(help="published weights, as torchvision names them")] = None,
    checkpoint: Annotated[Path | None, typer.Option(help="a state dict saved by torch.save")] = None,
) -> None:
    """Build a model and print its size. With weights or a checkpoint, print what was transferred too."""
    from zoobench.counting import count_state  # noqa: PLC0415 - torch
    from zoobench.zoo.build import build_with_transfer  # noqa: PLC0415 - torch

    built = build_with_transfer(model, num_classes=num_classes, weights=weights, checkpoint=checkpoint)
    state = count_state(built.module)
    typer.echo(f"{built.entry.ref}: {state.parameters:,} parameters, {state.buffers:,} buffer elements")
    if built.transfer is not None:
        typer.echo(f"transferred: {len(built.transfer.transferred)} tensors")
        for name, reason in built.transfer.dropped.items():
            typer.echo(f"dropped:     {name} ({reason})")
        for name in built.transfer.fresh:
            typer.echo(f"fresh:       {name}")


# `zoobench list`: the models that can be named.


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


# `zoobench env`: this machine, as a run would record it.


def env() -> None:
    """Print this machine as a run would record it. Host, software, settings, commit and devices."""
    from zoobench.cases.options import AUTOMATIC  # noqa: PLC0415
    from zoobench.measure.executor import ForkedWorkers  # noqa: PLC0415
    from zoobench.measure.session import open_machine  # noqa: PLC0415

    for line in render_environment(open_machine(ForkedWorkers(), device=AUTOMATIC).environment):
        typer.echo(line)


def render_environment(environment: Environment) -> list[str]:
    """An environment as lines of text, in its groups."""
    groups = {name: getattr(environment, name) for name in ("host", "software", "settings", "commit")}
    lines = [line for title, facts in groups.items() for line in _render_group(title, facts)]
    for device in environment.devices:
        facts = {"model": device.model, "precisions": ", ".join(device.precisions), **device.facts}
        lines += _render_group(f"device {device.name}", facts if device.is_available else {"missing": device.reason})
    return lines


def _render_group(title: str, facts: dict[str, str]) -> list[str]:
    return [title, *(f"  {name:<20} {value}" for name, value in facts.items())]
