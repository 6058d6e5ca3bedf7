"""Make a model's input images, and find the logits in its output."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from zoobench.cases import BadInputError, ImageSize, catalogue
from zoobench.cases.catalogue import Entry

LOGITS = "logits"
LOGITS_DIMENSIONS = 2


def example_images(
    entry: Entry,
    *,
    batch: int,
    resolution: ImageSize,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    seed: int = 0,
) -> Tensor:
    """Make images (batch, channels, height, width), standard normal like normalised photographs.

    They come from a separate generator on the CPU: equal on every device, and no other random state changes.
    Raises: BadInputError if the model does not accept images of this size.
    """
    catalogue.check_image_size(entry, resolution)
    shape = (batch, entry.channels, *resolution)
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(device, dtype)


def logits_of(output: object) -> list[Tensor]:
    """Return the logits tensors, shape (N, classes), of a model's output: the primary one first, then auxiliary heads.

    The output may be a tensor, or tuples, named tuples, lists and dicts of tensors. If names of fields contain
    `logits`, only these fields are used, the one with exactly that name first; then the first float tensor of two
    dimensions and those of its shape (which leaves out features beside logits).
    Raises: BadInputError if there is none.
    """
    candidates = [
        tensor for tensor in _tensors(output) if tensor.ndim == LOGITS_DIMENSIONS and tensor.is_floating_point()
    ]
    if not candidates:
        raise BadInputError(
            f"the model returned {_described(output)}, in which no tensor is logits: floating-point, (N, classes)"
        )
    return [tensor for tensor in candidates if tensor.shape == candidates[0].shape]


def _tensors(output: object) -> Iterator[Tensor]:
    if isinstance(output, Tensor):
        yield output
        return
    for part in _parts(output):
        yield from _tensors(part)


def _parts(output: object) -> list[object]:
    fields = _fields(output)
    if fields is None:
        return list(output) if isinstance(output, (tuple, list)) else []
    named = {name: part for name, part in fields.items() if LOGITS in str(name) and part is not None}
    return [part for _, part in sorted((named or fields).items(), key=lambda field: field[0] != LOGITS)]


def _fields(output: object) -> Mapping[str, object] | None:
    if isinstance(output, Mapping):
        return output
    if isinstance(output, tuple) and hasattr(output, "_fields"):
        return dict(zip(output._fields, output, strict=True))
    return None


def _described(output: object) -> str:
    if isinstance(output, Tensor):
        return f"a tensor of shape {tuple(output.shape)} and type {str(output.dtype).removeprefix('torch.')}"
    shapes = ", ".join(str(tuple(tensor.shape)) for tensor in _tensors(output)) or "no tensors"
    return f"a {type(output).__name__} of {shapes}"
