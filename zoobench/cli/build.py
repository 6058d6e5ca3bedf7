"""`zoobench build`: make a model and say what it is made of, and what its weights came from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


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
