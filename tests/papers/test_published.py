from __future__ import annotations

from collections import Counter

from zoobench.cases import parse_image_size
from zoobench.papers.published import Status, figures, parse_printed


def test_every_figure_is_there_once() -> None:
    ids = [figure.id for figure in figures()]
    assert len(ids) == len(set(ids)) == 572


def test_ids_are_ascii_and_hold_no_spaces() -> None:
    assert all(figure.id.isascii() and not set(figure.id) & set(" ,|") for figure in figures())


def test_a_paper_has_one_arxiv_number() -> None:
    by_paper = {(figure.paper, figure.arxiv) for figure in figures()}
    assert len({paper for paper, _ in by_paper}) == len({arxiv for _, arxiv in by_paper}) == len(by_paper) == 8
    assert ("MobileNet V1", "1704.04861") in by_paper


def test_what_was_not_read_in_the_paper_is_marked() -> None:
    assert Counter(figure.status for figure in figures()) == {
        Status.READ: 541,
        Status.FROM_MEMORY: 23,
        Status.SECOND_HAND: 8,
    }


def test_digits_are_kept_as_printed() -> None:
    printed = {figure.id: figure.value for figure in figures()}
    assert printed["squeezenet/table-3/squeezenet-v1.0/complex-bypass/top5_accuracy"] == "82.0"
    assert printed["mobilenet-v1/table-9/0.50-mobilenet-160/macs/160"] == "76"


def test_every_count_is_a_number_with_a_unit() -> None:
    counts = [figure for figure in figures() if figure.metric in {"macs", "parameters", "model_size", "macs_share"}]
    assert all(parse_printed(figure.value, figure.unit) for figure in counts)
    assert len(counts) > 180


def test_sizes_of_pictures_can_be_read() -> None:
    sizes = {parse_image_size(figure.image_size) for figure in figures() if figure.image_size}
    assert (480, 640) in sizes
    assert (299, 299) in sizes
