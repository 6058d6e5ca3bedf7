"""Commands that take the options of the table `zoobench.options.OPTIONS` beside their own."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from typing import Annotated, Any, get_type_hints

import typer

from zoobench.options import OPTIONS, OptionRow


def with_rows(
    command: Callable[..., None], names: Collection[str] | None = None, helps: Mapping[str, str] | None = None
) -> Callable[..., None]:
    """Give a command the options of the table, all or those of these names, so that help and parsing are the table's.

    The command takes them as `**texts`, by their names with underscores; None where one was not given. `helps` are the
    texts of those whose default is another one here.
    """
    hints = get_type_hints(command, include_extras=True)
    own = [
        parameter.replace(annotation=hints[parameter.name])
        for parameter in inspect.signature(command).parameters.values()
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD
    ]
    parameters = [
        *own,
        *(_option(row, (helps or {}).get(row.name, row.help)) for row in OPTIONS if names is None or row.name in names),
    ]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return command


def _option(row: OptionRow, text: str) -> inspect.Parameter:
    option: Any = typer.Option(f"--{row.name}", metavar=row.metavar, help=text, show_default=False)
    return inspect.Parameter(
        row.name.replace("-", "_"),
        inspect.Parameter.KEYWORD_ONLY,
        annotation=Annotated[str | None, option],
        default=None,
    )
