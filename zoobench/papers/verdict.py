"""A verdict on each printed figure: it follows from the printed number, the counted one, and a declared convention."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from typing import NamedTuple

import msgspec

from zoobench.papers.conventions import PLAIN, Convention, conventions_of
from zoobench.papers.experiments import PrintedNet, printed_net_of
from zoobench.papers.found import Net, Zoo, collect_counted
from zoobench.papers.published import PrintedFigure, Status, figures, parse_printed, render_found
from zoobench.papers.readings import CountedNet, ReadValue
from zoobench.papers.remarks import prove_misprint, remark_on, why_not_comparable
from zoobench.records import CaseRecord


class FigureVerdict(enum.StrEnum):
    """What holding a printed figure against a counted one says."""

    REPRODUCED = "reproduced"
    """The plain count, rounded to the printed digits, is what is printed."""

    UNDER_CONVENTION = "under-convention"
    """A convention declared for the table gives what is printed."""

    MISPRINT = "misprint"
    """A computed check proves one."""

    NOT_REPRODUCIBLE = "not-reproducible"
    """The net was counted, and neither the plain count nor a declared convention gives what is printed."""

    NOT_COMPARABLE = "not-comparable"
    """An accuracy, a time of another machine, or a net that the zoo has not."""

    NOT_MEASURED = "not-measured"
    """The run did not count the net, or not the one of a convention that might explain the figure."""


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """A printed figure and what was found of it.

    `found` is in base units, None for texts and for what was not counted; `found_text` is the same in the figure's
    unit. `difference_ratio` is found over printed, less 1. `convention` is the name of the one that explains the
    figure, or came nearest; "" is the plain count.
    """

    figure: PrintedFigure
    verdict: FigureVerdict
    found: float | None = None
    found_text: str = ""
    difference_ratio: float | None = None
    convention: str = ""
    note: str = ""


NO_NET = "no net of the zoo stands for it"


def judge_all(records: Sequence[CaseRecord]) -> tuple[Judgement, ...]:
    """A judgement on every published figure, in their order, by what these records counted."""
    zoo = collect_counted(records)
    return tuple(judge(figure, zoo) for figure in figures())


def judge(figure: PrintedFigure, zoo: Zoo) -> Judgement:
    """The verdict on one figure."""
    reason = why_not_comparable(figure)
    experiment = printed_net_of(figure)
    if reason or experiment is None:
        return Judgement(figure=figure, verdict=FigureVerdict.NOT_COMPARABLE, note=reason or NO_NET)
    missing = [net for net in experiment.nets if net not in zoo]
    if missing:
        return _not_measured(figure, missing[0])
    attempts = tuple(_attempts(figure, experiment, zoo))
    if any(attempt.is_equal for attempt in attempts):
        return _explained(attempts)
    uncounted = [each.net for each in conventions_of(figure) if each.net and each.net not in zoo]
    if uncounted:
        return _not_measured(figure, uncounted[0])
    return _unexplained(attempts)


def _not_measured(figure: PrintedFigure, net: Net) -> Judgement:
    return Judgement(figure=figure, verdict=FigureVerdict.NOT_MEASURED, note=f"this run did not count {net}")


class _Attempt(NamedTuple):
    """What one convention gives for a figure."""

    figure: PrintedFigure
    convention: Convention
    value: ReadValue
    is_equal: bool

    @property
    def text(self) -> str:
        return text_of(self.figure, self.value)

    @property
    def distance(self) -> float:
        return abs(difference_ratio(self.figure, self.value) or 0.0)

    def judgement(self, verdict: FigureVerdict, note: str) -> Judgement:
        number = None if isinstance(self.value, str) else float(self.value)
        return Judgement(
            figure=self.figure,
            verdict=verdict,
            found=number,
            found_text=self.text,
            difference_ratio=difference_ratio(self.figure, self.value),
            convention=self.convention.name,
            note=note,
        )


def _attempts(figure: PrintedFigure, experiment: PrintedNet, zoo: Zoo) -> Iterator[_Attempt]:
    """Plain first; a convention whose net was not counted is left out."""
    for convention in conventions_of(figure):
        counted = zoo.get(convention.net or experiment.net)
        if counted is None:
            continue
        baseline = zoo[experiment.baseline] if experiment.baseline else None
        reading = convention.reading or experiment.reading
        value = reading(CountedNet(counted, experiment.part, baseline))
        yield _Attempt(figure, convention, value, is_equal(figure, value, convention))


def is_equal(figure: PrintedFigure, value: ReadValue, convention: Convention = PLAIN) -> bool:
    """Whether a value, rounded as the convention says, is the printed one; texts must be the same."""
    if isinstance(value, str):
        return value == figure.value
    printed = parse_printed(figure.value, figure.unit)
    if printed is not None and convention.digits is not None:
        printed = printed.to_digits(convention.digits)
    return printed is not None and printed.agrees(Fraction(value), convention.rounding)


def difference_ratio(figure: PrintedFigure, value: ReadValue) -> float | None:
    """Found over printed, less 1; None for texts."""
    printed = parse_printed(figure.value, figure.unit)
    if printed is None or isinstance(value, str):
        return None
    return float(Fraction(value) / printed.value) - 1


def text_of(figure: PrintedFigure, value: ReadValue) -> str:
    """A found value in the figure's unit."""
    return value if isinstance(value, str) else render_found(Fraction(value), figure.value, figure.unit)


def _explained(attempts: Sequence[_Attempt]) -> Judgement:
    """By the plainest convention that fits; the note says what else would."""
    fitting, *others = (attempt for attempt in attempts if attempt.is_equal)
    source = _joined(remark_on(fitting.figure), _source_of(fitting.figure))
    if fitting.convention is PLAIN:
        alike = " and ".join(f"{other.convention.name} ({other.text})" for other in others)
        return fitting.judgement(FigureVerdict.REPRODUCED, _joined(alike and f"printed alike: {alike}", source))
    plain = "" if fitting.text == attempts[0].text else f"the plain count is {attempts[0].text}"
    return fitting.judgement(FigureVerdict.UNDER_CONVENTION, _joined(fitting.convention.reason, plain, source))


def _unexplained(attempts: Sequence[_Attempt]) -> Judgement:
    plain = attempts[0]
    source = _source_of(plain.figure)
    evidence = prove_misprint(plain.figure, plain.value)
    if evidence:
        return plain.judgement(FigureVerdict.MISPRINT, _joined(evidence, source))
    nearest = min(attempts, key=lambda attempt: attempt.distance)
    how = f"nearest is {nearest.convention.name or 'the plain count'}"
    return nearest.judgement(FigureVerdict.NOT_REPRODUCIBLE, _joined(how, remark_on(plain.figure), source))


def _source_of(figure: PrintedFigure) -> str:
    return "" if figure.status is Status.READ else f"printed figure {figure.status.value.replace('-', ' ')}"


def _joined(*parts: str) -> str:
    return "; ".join(part for part in parts if part)


def count_verdicts(judgements: Iterable[Judgement]) -> dict[FigureVerdict, int]:
    """How many of each, in the order of `FigureVerdict`."""
    given = [judgement.verdict for judgement in judgements]
    return {verdict: given.count(verdict) for verdict in FigureVerdict}
