from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoobench.compare.generation import block_order, hash_seed, layout_seed, pair_order
from zoobench.records.comparison import SideName, Stage

SEEDS = st.integers(0, 2**32)


@given(SEEDS, st.integers(1, 40), st.sets(st.text(min_size=1), max_size=8))
def test_the_contests_of_a_generation_are_drawn_by_the_seed_whatever_order_they_come_in(
    seed: int, generation: int, case_pairs: set[str]
) -> None:
    drawn = pair_order(case_pairs, seed, Stage.SCREEN, generation)
    assert sorted(drawn) == sorted(case_pairs)
    assert drawn == pair_order(sorted(case_pairs, reverse=True), seed, Stage.SCREEN, generation)


@given(SEEDS, st.integers(1, 6))
def test_blocks_are_runs_in_which_each_side_is_early_as_often_as_late(seed: int, runs: int) -> None:
    order = block_order(4 * runs, seed, Stage.SCREEN, 1, "net")
    assert {order[start : start + 4] for start in range(0, len(order), 4)} <= {"ABBA", "BAAB"}
    places = {side: sum(place for place, letter in enumerate(order) if letter == side) for side in "AB"}
    assert places["A"] == places["B"], "an even drift is the same on both sides"


@pytest.mark.parametrize(("blocks", "length"), [(1, 2), (2, 2), (3, 4), (5, 6), (6, 6)])
def test_blocks_come_in_pairs(blocks: int, length: int) -> None:
    order = block_order(blocks, 1, Stage.SCREEN, 1, "net")
    assert len(order) == length
    assert Counter(order) == {"A": length // 2, "B": length // 2}


def test_both_orders_are_drawn() -> None:
    drawn = Counter(block_order(4, 1, Stage.CONFIRM, generation, "net") for generation in range(200))
    assert set(drawn) == {"ABBA", "BAAB"}
    assert min(drawn.values()) > 70


def test_every_draw_is_for_its_own_place() -> None:
    layouts = {
        layout_seed(seed, stage, generation, case_pair, side)
        for seed in (1, 2) for stage in Stage for generation in (1, 2) for case_pair in ("a", "b") for side in SideName
    }  # fmt: skip
    assert len(layouts) == 32
    assert hash_seed(1, "pilot") == hash_seed(1, "pilot") != hash_seed(1, Stage.SCREEN, 1)
    assert 0 <= hash_seed(1, "pilot") < 2**32, "as PYTHONHASHSEED takes it"
