from __future__ import annotations

import torch
import torchvision
from torchvision.models.googlenet import Inception

from zoobench.zoo.architectures.variants import googlenet_5x5


def sees_two_pixels_away(block: Inception) -> bool:
    """Whether the branch called 5x5 depends on a pixel two rows and columns from the one it writes."""
    channels = block.branch1.conv.in_channels
    maps = torch.rand(1, channels, 5, 5)
    changed = maps.clone()
    changed[:, :, 0, 0] = 0
    branch = block.branch3.eval()
    for parameter in branch.parameters():
        parameter.data.abs_()  # so that nothing is rectified to zero
    return not torch.equal(branch(maps)[..., 2, 2], branch(changed)[..., 2, 2])


def test_the_5x5_branch_is_5x5_in_all_nine_blocks_and_in_none_of_torchvisions() -> None:
    theirs = torchvision.models.googlenet(aux_logits=False, init_weights=False)
    for model, expected in ((googlenet_5x5(2), True), (theirs, False)):
        blocks = [part for part in model.modules() if isinstance(part, Inception)]
        assert [sees_two_pixels_away(block) for block in blocks] == [expected] * 9


def test_all_else_is_torchvisions() -> None:
    theirs = torchvision.models.googlenet(aux_logits=False, init_weights=False).state_dict()
    ours = googlenet_5x5().state_dict()
    assert list(ours) == list(theirs)
    different = [name for name, tensor in ours.items() if tensor.shape != theirs[name].shape]
    assert len(different) == 9
    assert all(name.endswith("branch3.1.conv.weight") for name in different)
