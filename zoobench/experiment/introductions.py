"""The beginning of an experiment: who the two sides are, and which cases they have between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from zoobench.catalogue import IMPORTED
from zoobench.compare.evidence import Side, SideName
from zoobench.errors import BadInputError
from zoobench.experiment.assignment import Assignment, Pair
from zoobench.experiment.checkout import Checkout
from zoobench.experiment.errors import NothingToCompareError, RequestFailedError, SideError
from zoobench.experiment.identity import prove_own
from zoobench.experiment.messages import Introduce, Introduction, ListCases, Listed, Request
from zoobench.experiment.opponents import Opponents
from zoobench.experiment.side_process import AnyReply


class Introduced(NamedTuple):
    """Both sides, and the contests to be, none of them twice."""

    base: Side
    head: Side
    pairs: tuple[Pair, ...]


def introduce(opponents: Opponents, checkouts: Mapping[SideName, Checkout], assignment: Assignment) -> Introduced:
    """Ask both sides.

    Raises: IdentityError for a side that loaded another's code; SideError for one whose own zoobench cannot be
    imported; BadInputError for a model that neither side knows; NothingToCompareError.
    """
    request = Introduce(modules=tuple(modules_of(assignment)), extra_devices=tuple(devices_of(assignment)))
    said = _ask_both(opponents, request, Introduction, assignment.time_limit_s)
    sides = {side: _side_of(checkout, said[side]) for side, checkout in checkouts.items()}
    pairs = assignment.pairs
    if assignment.matrix is not None:
        asked = _ask_both(opponents, ListCases(matrix=assignment.matrix), Listed, assignment.time_limit_s)
        pairs = (*pairs, *pairs_of(asked[SideName.BASE], asked[SideName.HEAD]))
    if not pairs:
        raise NothingToCompareError("nothing to compare: no case was selected on either side")
    return Introduced(sides[SideName.BASE], sides[SideName.HEAD], tuple({pair.id: pair for pair in pairs}.values()))


def pairs_of(base: Listed, head: Listed) -> tuple[Pair, ...]:
    """Every case that the head's catalogue has, then those of models that only the base's has; each for both sides.

    Whether a side has the model is found out when it is built there.
    Raises: BadInputError for what neither knows.
    """
    for name, said in head.unknown.items():
        if name in base.unknown:
            raise BadInputError(f"{said} (on both sides)")
    of_head = {case.model for case in head.cases}
    cases = (*head.cases, *(case for case in base.cases if case.model not in of_head))
    return tuple(Pair(base=case, head=case) for case in cases)


def modules_of(assignment: Assignment) -> Iterator[str]:
    """Modules of which models are made: what is loaded with them proves whose code is measured."""
    models = (case.model for pair in assignment.pairs for case in pair.cases)
    named = [model.name for model in models if model.source == IMPORTED]
    named += assignment.matrix.models or () if assignment.matrix else ()
    factories = (name.removeprefix(f"{IMPORTED}:") for name in named)
    yield from dict.fromkeys(name.partition(":")[0] for name in factories if ":" in name)


def devices_of(assignment: Assignment) -> Iterator[str]:
    """Devices that are named with their index."""
    devices = {case.device for pair in assignment.pairs for case in pair.cases}
    if assignment.matrix is not None and assignment.matrix.device is not None:
        devices.add(assignment.matrix.device)
    yield from sorted(device for device in devices if ":" in device)


def _ask_both(opponents: Opponents, request: Request, kind: type[AnyReply], limit_s: float) -> dict[SideName, AnyReply]:
    replies: dict[SideName, AnyReply] = {}
    for side, reply in opponents.ask_both(dict.fromkeys(SideName, request), kind, limit_s).items():
        if isinstance(reply, RequestFailedError):
            raise SideError(side, reply.failure.message) from reply
        replies[side] = reply
    return replies


def _side_of(checkout: Checkout, said: Introduction) -> Side:
    return Side(
        name=checkout.name,
        asked=checkout.asked,
        environment=said.environment,
        commit=checkout.commit,
        tree=checkout.tree,
        is_dirty=checkout.is_dirty,
        loaded=prove_own(checkout, said.loaded),
    )
