"""The rule of a comparison, as options of the commands that decide."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import typer

from zoobench.units import parse_ratio

if TYPE_CHECKING:
    from zoobench.compare.evidence import Rule

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
