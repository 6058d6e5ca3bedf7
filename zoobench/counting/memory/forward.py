"""Peak memory of inference from the same pass over meta tensors that counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import torch
from torch import Tensor, nn
from torch._ops import OpOverload, OpOverloadPacket

from zoobench.counting import costs
from zoobench.counting.memory.ledger import Category, Ledger, Peak
from zoobench.counting.memory.workspace import NOTHING, Backend
from zoobench.counting.trace import Trace, trace_forward


def trace_with_peak(
    module: nn.Module,
    images: Tensor,
    *,
    extra_costs: Mapping[OpOverloadPacket, costs.CostFunction] | None = None,
    backend: Backend = NOTHING,
) -> tuple[Trace, Peak]:
    """`trace_forward`, and the peak of that pass in the precision of its weights.

    Meta tensors have no kernels of their own, so attention is that of plain operators, which keep the scores; for nets
    with attention `zoobench.prediction` is the better foreteller.
    Raises: UncountableError as `trace_forward`.
    """
    held = {
        Category.WEIGHTS: storage_bytes([*module.parameters(), *module.buffers()]),
        Category.INPUTS: storage_bytes([images]),
    }
    ledger = Ledger(held, backend)

    def witness(operator: OpOverload, args: Sequence[Any], kwargs: Mapping[str, Any], result: Any) -> None:
        ledger.observe(operator, args, kwargs, _as_on_a_device(operator, args, result))

    trace = trace_forward(module, images, costs.table(extra_costs), witness)
    peak = ledger.peak()
    path = trace.operators[ledger.peak_number - 1].path if ledger.peak_number else ""
    return trace, msgspec.structs.replace(peak, path=path)


def _as_on_a_device(operator: OpOverload, args: Sequence[Any], result: Any) -> Any:
    """Batch norm that does not train has no statistics of its batch; on meta tensors it gives some."""
    is_batch_norm = operator.overloadpacket is torch.ops.aten.native_batch_norm
    return result[0] if is_batch_norm and args[_IS_TRAINING] is False else result


_IS_TRAINING = 5
"""Place among the arguments of aten.native_batch_norm."""


def storage_bytes(tensors: Iterable[Tensor]) -> int:
    """Bytes of the tensors' storages, which may have no address; each once however many tensors are views of it."""
    storages = {id(storage): storage for storage in (tensor.untyped_storage() for tensor in tensors)}
    return sum(storage.nbytes() for storage in storages.values())
