"""How long a user waits before anything happens: workers, help texts, listings. Prints figures, judges nothing.

python benchmarks/bench_start.py
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable

from zoobench.measure.executor import ForkedWorkers, Task
from zoobench.measure.messages import Emit

REPEATS = 10
COMMANDS = (("--help",), ("report", "--help"), ("run", "--help"), ("list",))


def say_nothing(emit: Emit) -> None:
    """The least that a worker can do."""
    emit(None)


def main() -> None:
    """Print the median and range of each, in seconds."""
    workers = ForkedWorkers()
    task = Task(say_nothing, ())
    first, *later = [_seconds(lambda: _worker(workers, task)) for _ in range(REPEATS + 1)]
    print(f"first worker, with the server's imports: {first:.2f} s")
    print(f"later workers, start to end: {_spread(later)}")
    for arguments in COMMANDS:
        times = [_seconds(lambda: _command(arguments)) for _ in range(REPEATS)]  # noqa: B023 - called at once
        print(f"python -m zoobench {' '.join(arguments)}: {_spread(times)}")


def _worker(workers: ForkedWorkers, task: Task) -> None:
    told: list[object] = []
    failure = workers.run(task, told.append, time_limit_s=60.0)
    if failure is not None or told != [None]:
        raise SystemExit(f"the worker did not answer: {failure}")


def _command(arguments: tuple[str, ...]) -> None:
    subprocess.run([sys.executable, "-m", "zoobench", *arguments], check=True, stdout=subprocess.DEVNULL)


def _seconds(action: Callable[[], None]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def _spread(times: list[float]) -> str:
    return f"{statistics.median(times):.3f} s ({min(times):.3f} to {max(times):.3f})"


if __name__ == "__main__":
    main()
