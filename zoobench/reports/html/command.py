"""The command that measures a case again, as one types it into a shell."""

from __future__ import annotations

import shlex

from zoobench.cases import Case
from zoobench.catalogue import IMPORTED


def measure_again(case: Case) -> str:
    """All axes are named, so that no preset fills one in; an imported model goes by its factory alone."""
    model = case.model.name if case.model.source == IMPORTED else str(case.model)
    options = {
        "models": model,
        "modes": case.mode,
        "batch-sizes": str(case.batch),
        "image-size": f"{case.picture.height}x{case.picture.width}",
        "precisions": case.precision,
        "device": case.device,
        "memory-format": case.memory_format,
        "compilers": case.compiler,
        "allocator": case.allocator,
        "threads": str(case.threads),
    }
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    return shlex.join(["python", "-m", "zoobench", "run", *words])


def show_all(run_id: str, case: Case) -> str:
    """The command that prints everything that the run has of the case."""
    return shlex.join(["python", "-m", "zoobench", "show", run_id, case.id])
