"""What an experiment asks of a side's worker, and what the worker answers. A worker has at most one case at a time."""

from __future__ import annotations

import msgspec

from zoobench.cases import Case, Matrix
from zoobench.compare.evidence import Block
from zoobench.metrics import MODEL_METRICS
from zoobench.records import Environment, Failure

EXACT_METRICS = (*MODEL_METRICS, "predicted_peak", "predicted_workspace", "operator_calls", "graph_breaks")
"""What is counted of a case on both sides (`zoobench.metrics`)."""


class Introduce(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Import these modules of the side, as far as they can be, and say who you are."""

    modules: tuple[str, ...] = ()
    extra_devices: tuple[str, ...] = ()


class Introduction(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Where the worker is, and the file of every module that it has loaded."""

    environment: Environment
    loaded: dict[str, str]


class ListCases(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Expand the matrix by the side's catalogue."""

    matrix: Matrix


class Listed(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The cases; for each model or family that the side does not know, what it says of it."""

    cases: tuple[Case, ...]
    unknown: dict[str, str]


class Prepare(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Build this case, in place of the one before. Layouts are drawn from `seed`.

    A control is built by the harness. `wasted_ratio` of a warm call's time is wasted in every call after warm-up.
    """

    case: Case
    seed: int
    is_control: bool = False
    wasted_ratio: float = 0.0


class Prepared(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The case is built."""


class CountFacts(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Tell the exact metrics of the prepared case."""


class Counted(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Exact metrics by key, and why there are no others."""

    exact: dict[str, float]
    unavailable: dict[str, str]


class Compute(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Call the prepared model once in eval mode."""


class Output(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The primary logits of that call, little-endian fp32 in C order."""

    shape: tuple[int, ...]
    values: bytes


class WarmUp(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Make calls of the prepared case until they are no longer getting faster, or for so long."""

    bound_s: float


class Warm(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What a call takes now."""

    call_s: float


class TakeBlock(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Let calls of the prepared case settle, and time so many rounds of so many calls.

    For a new layout, its tensors are moved before.
    """

    rounds: int
    calls_a_round: int = 1
    has_new_layout: bool = True


class TakenBlock(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The block."""

    block: Block


class Release(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Drop the prepared case and put its settings back."""


class Released(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """No case is prepared."""


class Refusal(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The request failed, and the worker lives. `is_missing` if the side has no such model."""

    failure: Failure
    is_missing: bool = False


Request = Introduce | ListCases | Prepare | CountFacts | Compute | WarmUp | TakeBlock | Release
Reply = Introduction | Listed | Prepared | Counted | Output | Warm | TakenBlock | Released | Refusal


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A reply, and from when to when the worker worked on it, by a clock that all processes share."""

    reply: Reply
    began_s: float
    ended_s: float
