"""`zoobench env`: this machine, as a run would record it."""

from __future__ import annotations

import typer

from zoobench.records import Environment


def env() -> None:
    """Print this machine as a run would record it. Host, software, settings, commit and devices."""
    from zoobench.isolate import ForkedWorkers  # noqa: PLC0415
    from zoobench.options import AUTOMATIC  # noqa: PLC0415
    from zoobench.session import open_lab  # noqa: PLC0415

    for line in render_environment(open_lab(ForkedWorkers(), device=AUTOMATIC).environment):
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
