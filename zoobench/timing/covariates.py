"""What else happened to this process while a round was timed. A disturbed round is known by these, not by its time."""

from __future__ import annotations

import resource

import msgspec


class Counters(msgspec.Struct, frozen=True, kw_only=True):
    """Totals of this process and its threads since it began (getrusage(2)).

    Page faults are the minor ones (no disk): memory that the kernel had to hand out.
    """

    page_faults: float
    involuntary_switches: float
    cpu_s: float

    def since(self, earlier: Counters) -> dict[str, float]:
        """What was added after `earlier`."""
        return {name: getattr(self, name) - getattr(earlier, name) for name in self.__struct_fields__}


def read_counters() -> Counters:
    """The totals as of now."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return Counters(
        page_faults=float(usage.ru_minflt),
        involuntary_switches=float(usage.ru_nivcsw),
        cpu_s=usage.ru_utime + usage.ru_stime,
    )
