"""Small projects on the disk, as two sides of an experiment, and workers of theirs."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path
from typing import Any

from zoobench.cases import Case, Matrix, Mode, ModelRef, Precision
from zoobench.compare.checkouts import Checkout
from zoobench.records.comparison import SideName

PACKAGE = "nets"
"""Of the models. Not one of this project's."""

SIDE = 16
"""Of their pictures."""

LIMIT_S = 300.0
"""That no request here should reach."""

TINY = """
    from torch import nn

    def tiny():
        return nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10))
    """
TINY_PARAMETERS = 3 * 8 * 9 + 8 + 8 * 10 + 10


def checkout(root: Path, name: SideName, **modules: str) -> Checkout:
    """A side whose package has these modules, and `TINY` in itself unless they say otherwise (`__init__`)."""
    folder = root / name
    package = folder / PACKAGE
    package.mkdir(parents=True)
    for module, text in {"__init__": TINY, **modules}.items():
        (package / f"{module}.py").write_text(textwrap.dedent(text), encoding="utf-8")
    return Checkout(name=name, asked=name, folder=folder, python=Path(sys.executable))


def both(root: Path, **modules: str) -> dict[SideName, Checkout]:
    """Two sides that are the same."""
    return {name: checkout(root, name, **modules) for name in SideName}


def factory(name: str = f"{PACKAGE}:tiny") -> ModelRef:
    """A model of the project."""
    return ModelRef("import", name)


def make_case(name: str = f"{PACKAGE}:tiny", **axes: Any) -> Case:
    """A case of the project's model."""
    usual: dict[str, Any] = {
        "model": factory(name),
        "mode": Mode.INFER,
        "batch": 1,
        "image_size": SIDE,
        "precision": Precision.FP32,
        "device": "cpu",
        "threads": 1,
    }
    return Case(**(usual | axes))


def matrix(*models: str, **axes: Any) -> Matrix:
    """All axes set."""
    usual: dict[str, Any] = {
        "models": models,
        "modes": (Mode.INFER,),
        "batch_sizes": (1,),
        "image_size": SIDE,
        "precisions": (Precision.FP32,),
        "device": "cpu",
        "threads": 1,
    }
    return Matrix(**(usual | axes))
