"""`zoobench compare`: whether one side is slower or worse than the other, with an exit code that says so."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zoobench.cases import BadInputError, parse_minutes, plans
from zoobench.cli.decided import ReplayRequest, StoredRequest, compare_stored
from zoobench.cli.decided import replay as decide_again
from zoobench.cli.live import MATRIX_OPTIONS, LiveRequest, ResumeRequest, compare_live, go_on, parse_injection
from zoobench.cli.options import ALPHA, MARGIN, parse_rule, with_rows

SIDES = typer.Argument(
    metavar="BASE..HEAD | BASE | RUN RUN",
    help="two commits, one against the working tree, or stored runs, base first (several of a side as RUN,RUN)",
)
AA = typer.Option("--aa", metavar="COMMIT", help="the same commit on both sides: the self-check")
BASE_PYTHON = typer.Option(metavar="PATH", help="interpreter of the base (default: this one)")
HEAD_PYTHON = typer.Option(metavar="PATH", help="interpreter of the head (default: this one)")
CASES = typer.Option("--case", metavar="ID", help="twice: two cases of one commit, base first")
MINUTES = typer.Option(metavar="N", help="time for all of it, from which the plan is made")
STRICT = typer.Option("--strict", help="every case must have a verdict, or the exit code is 3", show_default=False)
INJECT = typer.Option(metavar="PERCENT", help="waste so much of a call in some of the head's cases: is it found?")
INJECT_SHARE = typer.Option(metavar="RATIO", help="of the cases, those in which time is wasted")
SEED = typer.Option(help="of orders, layouts and injections (default: another each time)", show_default=False)
LABEL = typer.Option(help="part of the comparison's id")
RESUME = typer.Option(metavar="RUN_ID", help="go on with a comparison that was stopped")
REPLAY = typer.Option(metavar="RUN_ID", help="decide again from what a comparison has stored")
OUT = typer.Option(help="folder to write to (default: the comparison's, or `compare` in the newest run's)")
RESULTS = typer.Option(help="folder of runs and comparisons")


def compare(
    sides: Annotated[list[str] | None, SIDES] = None,
    *,
    aa: Annotated[str | None, AA] = None,
    base_python: Annotated[str | None, BASE_PYTHON] = None,
    head_python: Annotated[str | None, HEAD_PYTHON] = None,
    case: Annotated[list[str] | None, CASES] = None,
    minutes: Annotated[str, MINUTES] = "10",
    margin: Annotated[str | None, MARGIN] = None,
    alpha: Annotated[str | None, ALPHA] = None,
    strict: Annotated[bool, STRICT] = False,
    inject: Annotated[str | None, INJECT] = None,
    inject_share: Annotated[str, INJECT_SHARE] = "50%",
    seed: Annotated[int | None, SEED] = None,
    label: Annotated[str, LABEL] = "compare",
    resume: Annotated[str | None, RESUME] = None,
    replay: Annotated[str | None, REPLAY] = None,
    out: Annotated[Path | None, OUT] = None,
    results: Annotated[Path, RESULTS] = Path("results"),
    **texts: str | None,
) -> None:
    """Compare two sides: exact metrics exactly, times by tests that bound the false alarms.

    Commits are measured here and now, in turns. Exit codes: 0 nothing is worse, 1 a regression, 2 a mistake in what was
    asked, 3 no verdict, 4 nothing could be compared, 5 another machine, environment or code than it should be.
    """
    from zoobench.compare.request import parse_request  # noqa: PLC0415 - --help must not wait for numpy

    rule, budget_s = parse_rule(margin, alpha, is_strict=strict), parse_minutes("minutes", minutes)
    named = [*(sides or []), *(text for text in (aa, base_python, head_python, *(case or [])) if text is not None)]
    if replay is not None:
        _refuse("--replay", replay, [*named, *([] if resume is None else [f"--resume {resume}"])])
        again = ReplayRequest(comparison_id=replay, results=results, rule=rule, out=out)
        raise typer.Exit(decide_again(again))
    if resume is not None:
        _refuse("--resume", resume, named)
        raise typer.Exit(go_on(ResumeRequest(comparison_id=resume, budget_s=budget_s, results=results, out=out)))
    asked = parse_request(sides or [], aa=aa, base_python=base_python, head_python=head_python, cases=case or ())
    if asked.base.runs:
        stored = StoredRequest(base=asked.base.runs, head=asked.head.runs, results=results, rule=rule, out=out)
        raise typer.Exit(compare_stored(stored))
    injection = parse_injection(inject, inject_share)
    live = LiveRequest(
        sides=asked, texts=texts, budget_s=budget_s, rule=rule, seed=seed, injection=injection, label=label,
        results=results, out=out,
    )  # fmt: skip
    raise typer.Exit(compare_live(live))


def _refuse(option: str, value: str, sides: list[str]) -> None:
    """What is stored has its sides already."""
    if sides:
        raise BadInputError(f"{option} {value} takes no sides: leave out {' '.join(sides)}")


_PRESET = f"what to measure: {', '.join(plans.NAMES)} (default: {plans.QUICK})"

compare = with_rows(compare, MATRIX_OPTIONS, helps={"preset": _PRESET})
