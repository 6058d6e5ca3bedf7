"""Models that misbehave, each in one way. As references: `faulty_models:leaking`, in a worker or here."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import torch
from torch import Tensor, nn

SIDE = 16
"""Of their pictures."""

KEPT_BYTES = 64 * 2**10
PATIENCE_S = 20.0
"""For whoever is to stop a model, so that a test fails and does not hang."""

LATE = 60
"""A call among the rounds, long after warm-up."""


class Net(nn.Module):
    """Two layers, and whatever a subclass does in `beside`."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Conv2d(3, 8, 3, stride=2)
        self.classifier = nn.Linear(8, 10)
        self.calls = 0

    def forward(self, images: Tensor) -> Tensor:
        if not images.is_meta:  # counting is no call
            self.calls += 1
            self.beside()
        return self.classifier(self.features(images).relu().mean((2, 3)))

    def beside(self) -> None:
        """Nothing."""


class Leaking(Net):
    def __init__(self) -> None:
        super().__init__()
        self.kept: list[Tensor] = []

    def beside(self) -> None:
        self.kept.append(torch.empty(KEPT_BYTES, dtype=torch.uint8))


class Hoarding(Net):
    """Keeps Python's small objects: no memory that matters."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[tuple[int, str]] = []

    def beside(self) -> None:
        self.kept.append((self.calls, "seen"))


class Slowing(Net):
    """Every call computes a little more than the one before."""

    def beside(self) -> None:
        for _ in range(20 + self.calls):
            torch.ones(64).sum()


class Sleeping(Net):
    def beside(self) -> None:
        time.sleep(0.005)


class Spawning(Net):
    """A thread for each of the first ten calls, which never ends."""

    def beside(self) -> None:
        if self.calls <= 10:
            threading.Thread(target=threading.Event().wait, name="forgotten", daemon=True).start()


class Resetting(Net):
    def beside(self) -> None:
        torch.set_num_threads(3)
        torch.set_flush_denormal(False)
        torch.use_deterministic_algorithms(mode=True)
        torch.set_float32_matmul_precision("medium")


class Hooking(Net):
    """Adds a hook to itself in every tenth call, as code does that means to do it once."""

    def beside(self) -> None:
        if self.calls % 10 == 1:
            self.features.register_forward_hook(lambda *_: None)


class Patching(Net):
    def beside(self) -> None:
        plain = nn.functional.linear

        def counted(*arguments: Tensor) -> Tensor:
            self.calls += 0
            return plain(*arguments)

        nn.functional.linear = counted


class Dying(Net):
    """Killed in the middle of a block."""

    def beside(self) -> None:
        if self.calls == LATE:
            os.kill(os.getpid(), signal.SIGKILL)


class Stoppable(Net):
    """In one of its calls it tells a fifo who it is, and computes on until it was stopped for a while."""

    def __init__(self, fifo: str) -> None:
        super().__init__()
        self.fifo = fifo

    def beside(self) -> None:
        if self.calls == LATE:
            with Path(self.fifo).open("w", encoding="ascii") as fifo:
                began = last = time.perf_counter()  # before it is told: the stop may come at once
                fifo.write(str(os.getpid()))
            while (now := time.perf_counter()) - last < 0.5 and now - began < PATIENCE_S:
                last = now


class Doubling(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return 2 * images.flatten(1)


class Idle(nn.Module):
    """Returns at once, without work."""

    def forward(self, images: Tensor) -> Tensor:
        return images.flatten(1)[:, :10]


class Remembering(Net):
    """Computes once: what it is then asked for, it knows already."""

    def forward(self, images: Tensor) -> Tensor:
        if images.is_meta or not hasattr(self, "answer"):
            answer = super().forward(images)
            if images.is_meta:
                return answer
            self.answer = answer
        return self.answer


def double_precision() -> nn.Module:
    """Changes a default while it is built."""
    torch.set_default_dtype(torch.float64)
    return Net()


def hooked() -> nn.Module:
    net = Net()
    for part in (net.features, net.classifier):
        part.register_forward_pre_hook(lambda *_: None)
    return net
