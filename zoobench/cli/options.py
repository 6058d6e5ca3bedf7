"""Commands that take the options of the table `zoobench.cases.options.OPTIONS` beside their own."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import msgspec
import typer

from zoobench.cases import AXES, Axis, parse_ratio
from zoobench.cases.options import OPTIONS, OptionRow


def with_rows(
    command: Callable[..., None], names: Collection[str] | None = None, helps: Mapping[str, str] | None = None
) -> Callable[..., None]:
    """Give a command the options of the table, all or those of these names, so that help and parsing are the table's.

    The command takes them as `**texts`, by their names with underscores; None where one was not given. `helps` are the
    texts of those whose default is another one here.
    """
    rows = [row for row in OPTIONS if names is None or row.name in names]
    return _with(command, [_option(row, (helps or {}).get(row.name, row.help)) for row in rows])


def _with(command: Callable[..., None], more: list[inspect.Parameter]) -> Callable[..., None]:
    hints = get_type_hints(command, include_extras=True)
    own = [
        parameter.replace(annotation=hints[parameter.name])
        for parameter in inspect.signature(command).parameters.values()
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD
    ]
    parameters = [*own, *more]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return command


def with_axes(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command that measures one case an option for each axis, by the axis's name."""
    rows = [OptionRow(axis.name.replace("_", "-"), _metavar(axis), _help(axis)) for axis in AXES]
    return _with(command, [_option(row, row.help) for row in rows])


def _metavar(axis: Axis) -> str:
    return (
        axis.metavar.partition(",")[0] if axis.is_list and axis.is_number else "NAME" if axis.is_list else axis.metavar
    )


def _help(axis: Axis) -> str:
    """One value is asked for, so the default is that of the axis; `auto` needs a run."""
    if axis.name == "device":
        return "cpu, cuda, cuda:1 (default: cpu)"
    return f"{axis.help} (default: {axis.default})" if axis.default is not None else axis.help


def _option(row: OptionRow, text: str) -> inspect.Parameter:
    option: Any = typer.Option(f"--{row.name}", metavar=row.metavar, help=text, show_default=False)
    return inspect.Parameter(
        row.name.replace("-", "_"),
        inspect.Parameter.KEYWORD_ONLY,
        annotation=Annotated[str | None, option],
        default=None,
    )


# The rule of a comparison, as options of the commands that decide.


if TYPE_CHECKING:
    from zoobench.records.comparison import Rule

MARGIN = typer.Option(metavar="RATIO", help="a change counts from here on (default: 5% on CPUs, 2% on GPUs)")
ALPHA = typer.Option(metavar="RATIO", help="most probable a false alarm may be (default: 5%)")


class RuleRequest(msgspec.Struct, frozen=True, kw_only=True):
    """By what is to be decided; None is for the devices, or the stored experiment, to say."""

    margin_ratio: float | None = None
    alpha: float | None = None
    is_strict: bool = False

    def over(self, rule: Rule) -> Rule:
        """That rule with what was asked for in its place."""
        return msgspec.structs.replace(
            rule,
            margin_ratio=rule.margin_ratio if self.margin_ratio is None else self.margin_ratio,
            alpha=rule.alpha if self.alpha is None else self.alpha,
            is_strict=rule.is_strict or self.is_strict,
        )


def parse_rule(margin: str | None, alpha: str | None, *, is_strict: bool = False) -> RuleRequest:
    """The rule from the texts of its options.

    Raises: BadInputError.
    """
    return RuleRequest(
        margin_ratio=None if margin is None else parse_ratio("margin", margin),
        alpha=None if alpha is None else parse_ratio("alpha", alpha),
        is_strict=is_strict,
    )
