"""`zoobench bisect`: the commit from which on a case is slower or worse."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zoobench.cases import parse_minutes, plural
from zoobench.cli.live import LiveRequest, measure_live
from zoobench.cli.options import ALPHA, MARGIN, parse_rule

GOOD = typer.Argument(metavar="GOOD", help="a commit that is as it should be")
BAD = typer.Argument(metavar="BAD", help="a later one that is not")
CASE = typer.Option("--case", metavar="ID", help="the case, by the id that `zoobench compare` prints")
MINUTES = typer.Option(
    metavar="N", help="time for one comparison; an undecided one is given twice and three times that"
)
RESULTS = typer.Option(help="folder of comparisons")

_SHORT = 12


def bisect(
    good: Annotated[str, GOOD],
    bad: Annotated[str, BAD],
    *,
    case: Annotated[str, CASE],
    minutes: Annotated[str, MINUTES] = "2",
    margin: Annotated[str | None, MARGIN] = None,
    alpha: Annotated[str | None, ALPHA] = None,
    results: Annotated[Path, RESULTS] = Path("results"),
) -> None:
    """Compare GOOD with ever nearer commits, always in one comparison, and the one that is found with its own parent.

    Exit codes: 0 the commit was found and confirmed, 3 it was not.
    """
    from zoobench.cases import parse_case_id  # noqa: PLC0415
    from zoobench.compare import bisection  # noqa: PLC0415
    from zoobench.compare.repository import find_repository  # noqa: PLC0415
    from zoobench.compare.request import ComparisonRequest, SideRequest  # noqa: PLC0415
    from zoobench.records.comparison import ComparisonKind, Exit, Verdict  # noqa: PLC0415
    from zoobench.stats.verdicts.decide import decide  # noqa: PLC0415

    wanted = parse_case_id(case)
    rule, budget_s = parse_rule(margin, alpha), parse_minutes("minutes", minutes)
    repository = find_repository(Path.cwd())
    commits = repository.commits(repository.resolve(good), repository.resolve(bad))
    typer.echo(f"{plural(len(commits) - 1, 'commit')} after {good}, along first parents")

    def verdict_on(base: str, head: str, effort: int) -> Verdict:
        sides = ComparisonRequest(
            kind=ComparisonKind.COMMITS,
            base=SideRequest(revision=base, case=wanted),
            head=SideRequest(revision=head, case=wanted),
        )
        request = LiveRequest(
            sides=sides, texts={}, budget_s=effort * budget_s, rule=rule, results=results, label="bisect"
        )
        (result,) = decide(measure_live(request).evidence).cases
        change = "" if result.times is None else f" ({result.times.ratio - 1:+.1%})"
        typer.echo(f"{base[:_SHORT]}..{head[:_SHORT]}: {result.verdict}{change}")
        return result.verdict

    found = bisection.bisect(commits, verdict_on)
    for commit in found.commits:
        typer.echo(repository.described(commit))
    typer.echo(f"{found.confidence}: {found.reason}")
    raise typer.Exit(Exit.NOTHING_WORSE if found.confidence is bisection.Confidence.CONFIRMED else Exit.NO_VERDICT)
