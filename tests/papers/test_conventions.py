from __future__ import annotations

import pytest

from zoobench.papers.conventions import DECLARED, PLAIN, conventions_of
from zoobench.papers.published import figures
from zoobench.papers.verdict import FigureVerdict, judge


@pytest.mark.parametrize("declaration", DECLARED, ids=lambda each: f"{each.paper} {each.metric} {each.models}")
def test_every_table_and_model_of_a_declaration_is_printed(declaration) -> None:
    covered = [figure for figure in figures() if declaration.covers(figure)]
    assert {figure.table for figure in covered} == set(declaration.tables)
    assert {figure.model for figure in covered} >= set(declaration.models)


@pytest.mark.parametrize("declaration", DECLARED, ids=lambda each: f"{each.paper} {each.metric} {each.models}")
def test_no_convention_is_declared_for_nothing(declaration, zoo) -> None:
    """Each explains a figure, or comes nearest to one that nothing explains."""
    told = {judge(figure, zoo).convention for figure in figures() if declaration.covers(figure)}
    assert {convention.name for convention in declaration.conventions} <= told


def test_every_convention_says_whence_we_know_it() -> None:
    conventions = [each for declaration in DECLARED for each in declaration.conventions]
    assert all(convention.name and len(convention.reason) > 20 for convention in conventions)


def test_plain_is_tried_first_and_alone_where_nothing_is_declared() -> None:
    assert all(conventions_of(figure)[0] is PLAIN for figure in figures())
    undeclared = [figure for figure in figures() if not any(each.covers(figure) for each in DECLARED)]
    assert all(conventions_of(figure) == (PLAIN,) for figure in undeclared)


def test_few_conventions_are_tried_for_one_figure() -> None:
    """With many, one would fit by chance."""
    assert max(len(conventions_of(figure)) for figure in figures()) == 2


def test_a_convention_explains_no_figure_of_another_table(zoo) -> None:
    """A table's own convention is no general licence: without its declaration the figure is not explained."""
    explained = [figure for figure in figures() if judge(figure, zoo).verdict is FigureVerdict.UNDER_CONVENTION]
    assert all(sum(each.covers(figure) for each in DECLARED) == 1 for figure in explained)
