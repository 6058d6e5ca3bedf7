"""In which facts two environments differ, and for which of them times cannot be compared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from zoobench.records import Environment, Facts
from zoobench.records.comparison import Difference, ExactChange
from zoobench.records.metrics import METRICS, Better, Exactness

# Exact metrics of two sides: facts of the code, compared as they are. An improvement never fails.


EXACT_METRICS = tuple(metric for metric in METRICS if metric.comparison is Exactness.EXACT)


def exact_changes(base: Mapping[str, float], head: Mapping[str, float]) -> tuple[ExactChange, ...]:
    """What differs of the exact metrics that both sides have, in the order of the table of metrics."""
    return tuple(
        ExactChange(
            metric=metric.key,
            base=base[metric.key],
            head=head[metric.key],
            is_worse=_is_worse(metric.better, head[metric.key] - base[metric.key]),
        )
        for metric in EXACT_METRICS
        if metric.key in base and metric.key in head and base[metric.key] != head[metric.key]
    )


def vanished(base: Mapping[str, float], head: Mapping[str, float]) -> tuple[str, ...]:
    """Exact metrics that only the base has, by key."""
    return tuple(metric.key for metric in EXACT_METRICS if metric.key in base and metric.key not in head)


def _is_worse(better: Better, growth: float) -> bool | None:
    if better is Better.NEITHER:
        return None
    return growth > 0 if better is Better.LOWER else growth < 0


_MATTERING = {
    "host": ("processor", "machine", "cores", "usable_threads"),
    "software": ("torch", "torchvision"),
}
"""By the group of facts they are in. All settings matter: they are recorded because torch's speed depends on them."""

_TOLD = {
    "host": ("system", "memory_bytes", "governor"),
    "software": ("python", "libc", "numpy"),
}


def environment_differences(
    bases: Sequence[Environment],
    heads: Sequence[Environment],
    *,
    devices: Iterable[str] = (),
    are_measured_together: bool = False,
) -> tuple[Difference, ...]:
    """Every fact that is not the same in all of them, those that matter first.

    `devices` are those that were measured on. Nothing matters between sides that are measured together, in turns and on
    one machine: there the difference is what the comparison is about.
    """
    wanted = frozenset(devices)
    return tuple(
        difference
        for matters, facts_of in ((True, lambda one: _mattering(one, wanted)), (False, _told))
        for difference in _differences(bases, heads, facts_of, matters=matters and not are_measured_together)
    )


def _differences(
    bases: Sequence[Environment],
    heads: Sequence[Environment],
    facts_of: Callable[[Environment], Facts],
    *,
    matters: bool,
) -> Iterable[Difference]:
    sides = [[facts_of(one) for one in side] for side in (bases, heads)]
    for fact in dict.fromkeys(name for side in sides for facts in side for name in facts):
        base, head = (sorted({facts.get(fact, "") for facts in side}) for side in sides)
        if base != head or len(base) > 1:
            yield Difference(fact=fact, base=", ".join(base), head=", ".join(head), matters=matters)


def _mattering(environment: Environment, devices: frozenset[str]) -> Facts:
    models = {f"device {device.name}": device.model for device in environment.devices if device.name in devices}
    python = ".".join(environment.software.get("python", "").split(".")[:2])
    return {**_picked(environment, _MATTERING), "python (minor)": python, **environment.settings, **models}


def _told(environment: Environment) -> Facts:
    return _picked(environment, _TOLD)


def _picked(environment: Environment, names: Mapping[str, tuple[str, ...]]) -> Facts:
    groups = {"host": environment.host, "software": environment.software}
    return {name: groups[group].get(name, "") for group, of_group in names.items() for name in of_group}
