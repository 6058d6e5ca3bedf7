"""What a round reads when there is nothing to read: every latency is too long by this."""

from __future__ import annotations

from zoobench.devices import Device
from zoobench.doctor.effort import Effort
from zoobench.doctor.example import example_case
from zoobench.doctor.surroundings import as_in_a_case, rounded
from zoobench.isolate import Tell
from zoobench.records import Measurement
from zoobench.timing.rounds import HOST_CLOCK, Clock, Phase, take_round

ROUNDS = 200
_WARM_UP_ROUNDS = 10


def examine_empty_round(device_name: str, _effort: Effort, tell: Tell) -> None:
    """Tell `round_overhead`."""
    with as_in_a_case(example_case(device_name)) as device:
        tell(measure_overhead(device))


def measure_overhead(device: Device, clock: Clock = HOST_CLOCK) -> Measurement:
    """Readings of rounds of a call that does nothing."""
    phases = [Phase("latency", _nothing)]
    rounds = [take_round(phases, device, clock) for _ in range(_WARM_UP_ROUNDS + ROUNDS)]
    samples = tuple(rounded(r.device_s) for r in rounds[_WARM_UP_ROUNDS:])
    return Measurement(metric="round_overhead", samples=samples, method="rounds of a call that does nothing")


def _nothing() -> None:
    pass
