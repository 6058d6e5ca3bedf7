"""fvcore's count of a forward pass.

fvcore traces with a private interface of torch's JIT and runs the model for real: it takes the time and memory of a
forward pass, and tensors with data. So it never counts in a process that measures anything: see
`zoobench.measure.worker.probes.counts`.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import warnings
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from zoobench.counting.cross_check import CrossCheck

COUNTER = "fvcore"


def count_by_fvcore(module: nn.Module, images: Tensor) -> CrossCheck:
    """What `fvcore.nn.FlopCountAnalysis` says of `module(images)` in eval mode; the module is left so.

    Torch's fused attention layer is off, as wherever weights need gradients: with it fvcore would see even less (of
    vit_b_16's 17.6 GMACs 11.3 instead of 16.9).
    Raises: whatever fvcore or the module raises.
    """
    with warnings.catch_warnings(action="ignore"), torch.no_grad(), _unfused_attention():
        from fvcore.nn import FlopCountAnalysis  # noqa: PLC0415  importing it warns

        analysis = FlopCountAnalysis(module.eval(), images)
        analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)  # noqa: FBT003  fvcore's own way
        by_operator, unsupported = analysis.by_operator(), analysis.unsupported_ops()
    return CrossCheck(
        counter=COUNTER,
        version=importlib.metadata.version(COUNTER),
        by_operator={name: int(macs) for name, macs in by_operator.items()},
        unsupported=dict(sorted(unsupported.items())),
    )


@contextlib.contextmanager
def _unfused_attention() -> Iterator[None]:
    was_enabled = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(was_enabled)
