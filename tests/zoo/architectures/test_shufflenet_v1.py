from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from zoobench.zoo.architectures.shufflenet_v1 import (
    BOTTLENECK,
    STAGE_2_WIDTHS,
    STEM_WIDTHS,
    ChannelShuffle,
    Unit,
    shufflenet_v1,
    shufflenet_v1_shallow,
    stage_widths,
    stem_width,
)

VARIANTS = list(itertools.product(STAGE_2_WIDTHS, STEM_WIDTHS))


@given(groups=st.integers(1, 8), per_group=st.integers(1, 9))
def test_shuffle_is_its_definition(groups: int, per_group: int) -> None:
    """Section 3.1: reshape to (g, n), transpose, flatten; so index j holds channel j // g of group j % g."""
    channels = groups * per_group
    maps = torch.arange(2 * channels * 2 * 3).reshape(2, channels, 2, 3)
    shuffled = ChannelShuffle(groups)(maps)
    for place in range(channels):
        group, index = place % groups, place // groups
        assert torch.equal(shuffled[:, place], maps[:, group * per_group + index])


@given(groups=st.integers(1, 8), per_group=st.integers(1, 9))
def test_shuffling_by_the_channels_of_a_group_undoes_the_shuffle(groups: int, per_group: int) -> None:
    maps = torch.randn(1, groups * per_group, 2, 2)
    assert torch.equal(ChannelShuffle(per_group)(ChannelShuffle(groups)(maps)), maps)


def test_each_group_after_the_shuffle_hears_from_every_group_before() -> None:
    unit = Unit(36, 36, stride=1, groups=3, groups_first=3).eval()
    assert hears_everything(unit.branch)
    assert isinstance(unit.branch[3], ChannelShuffle)
    unit.branch[3] = nn.Identity()
    assert not hears_everything(unit.branch)


def hears_everything(branch: nn.Module) -> bool:
    """Whether every output channel depends on some channel of every third of the input."""
    for parameter in branch.parameters():
        parameter.data.abs_()  # so that nothing is rectified to zero
    maps = torch.rand(1, next(branch.parameters()).shape[1] * 3, 4, 4)
    thirds = maps.chunk(3, dim=1)
    for silenced in range(3):
        changed = torch.cat([third * (index != silenced) for index, third in enumerate(thirds)], dim=1)
        if ((branch(maps) - branch(changed)).abs().amax(dim=(0, 2, 3)) == 0).any():
            return False
    return True


@pytest.mark.parametrize(("groups", "scale"), VARIANTS)
def test_widths_can_be_grouped_and_are_nearest_to_the_scaled_table(groups: int, scale: float) -> None:
    widths = stage_widths(groups, scale)
    stem = stem_width(groups, scale)
    assert all(width % (BOTTLENECK * groups) == 0 for width in widths)
    assert stem % groups == 0
    assert stem < widths[0]
    assert widths == (widths[0], 2 * widths[0], 4 * widths[0])
    assert abs(widths[0] - STAGE_2_WIDTHS[groups] * scale) <= BOTTLENECK * groups / 2


def test_widths_at_scale_one_are_table_1() -> None:
    assert {groups: stage_widths(groups, 1.0) for groups in STAGE_2_WIDTHS} == {
        1: (144, 288, 576),
        2: (200, 400, 800),
        3: (240, 480, 960),
        4: (272, 544, 1088),
        8: (384, 768, 1536),
    }


def test_stem_widths_are_those_of_the_authors_code() -> None:
    assert [stem_width(3, scale) for scale in (0.5, 1.0, 1.5, 2.0)] == [12, 24, 24, 48]
    assert [stem_width(8, scale) for scale in (0.5, 1.0, 1.5, 2.0)] == [16, 24, 24, 48]


@pytest.mark.parametrize("groups", STAGE_2_WIDTHS)
def test_quarter_scale_is_near_the_13_million_of_table_2(groups: int, count_macs) -> None:  # type: ignore[no-untyped-def]
    model = shufflenet_v1(groups=groups, scale=0.25).to("meta").eval()
    macs = count_macs(model, torch.empty(1, 3, 224, 224, device="meta")) - model.classifier.weight.numel()
    assert abs(macs - 13e6) < 1e6


def test_only_the_first_pointwise_convolution_of_stage_2_is_ungrouped() -> None:
    model = shufflenet_v1(groups=4)
    pointwise = [
        layer for layer in model.stages.modules() if isinstance(layer, nn.Conv2d) and layer.kernel_size == (1, 1)
    ]
    assert [layer.groups for layer in pointwise] == [1] + [4] * (2 * 16 - 1)


def test_shrinking_unit_concatenates_the_average_of_its_input() -> None:
    unit = Unit(6, 24, stride=2, groups=3, groups_first=1).eval()
    maps = torch.rand(1, 6, 8, 8)
    out = unit(maps)
    assert out.shape == (1, 24, 4, 4)
    # windows not touching the border: plain averages of 3x3
    assert torch.allclose(out[0, :6, 1, 1], maps[0, :, 1:4, 1:4].mean(dim=(1, 2)))


def test_other_units_add_their_input() -> None:
    unit = Unit(12, 12, stride=1, groups=3, groups_first=3).eval()
    maps = torch.rand(1, 12, 5, 5)
    nn.init.zeros_(unit.branch[-1].weight)
    assert torch.equal(unit(maps), maps)


@pytest.mark.parametrize(("groups", "scale"), [(1, 0.25), (8, 0.25), (4, 0.5)])
def test_forward_and_backward(groups: int, scale: float) -> None:
    model = shufflenet_v1(5, groups=groups, scale=scale).train()
    logits = model(torch.randn(2, 3, 64, 64))
    assert logits.shape == (2, 5)
    nn.functional.cross_entropy(logits, torch.tensor([0, 4])).backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in model.parameters())


def halving_excitation(unit: Unit) -> Unit:
    """An excitation of sigmoid(0) for any input."""
    nn.init.zeros_(unit.excitation.fc2.weight)
    nn.init.zeros_(unit.excitation.fc2.bias)
    return unit.eval()


def test_excitation_rescales_the_branch_before_it_is_added() -> None:
    unit = halving_excitation(Unit(48, 48, stride=1, groups=3, groups_first=3, is_excited=True))
    maps = torch.randn(1, 48, 5, 5)
    assert torch.allclose(unit(maps), (maps + unit.branch(maps) / 2).relu(), atol=1e-6)


def test_excitation_rescales_the_whole_concatenation() -> None:
    unit = halving_excitation(Unit(6, 48, stride=2, groups=3, groups_first=1, is_excited=True))
    maps = torch.randn(1, 6, 8, 8)
    joined = torch.cat((unit.shortcut(maps), unit.branch(maps)), dim=1)
    assert torch.allclose(unit(maps), (joined / 2).relu(), atol=1e-6)


def test_plain_units_hold_no_excitation() -> None:
    assert not any("excitation" in name for name, _ in shufflenet_v1(2).named_parameters())


def test_shallow_model_has_half_the_units_of_every_stage() -> None:
    assert [len(stage) for stage in shufflenet_v1(2).stages] == [4, 8, 4]
    assert [len(stage) for stage in shufflenet_v1_shallow(2).stages] == [2, 4, 2]
