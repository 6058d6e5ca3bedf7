"""Calling code that is not ours: what it raises becomes one line that names it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn

from zoobench.errors import BadInputError, ZoobenchError
from zoobench.failures import is_out_of_memory


class BuildError(ZoobenchError):
    """A factory or package that was asked for a model failed; `__cause__` is what it raised."""


@contextmanager
def blamed_on(culprit: str) -> Iterator[None]:
    """Turn whatever the code inside raises into an error that begins with `culprit`.

    Raises: BuildError. Running out of memory is let through: that is the machine's limit, not the code's mistake.
    """
    try:
        yield
    except ZoobenchError:
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise
        raise BuildError(f"{culprit} raised {_in_one_line(error)}") from error


def checked_module(built: object, culprit: str) -> nn.Module:
    """`built`, if it is a model.

    Raises: BadInputError.
    """
    if not isinstance(built, nn.Module):
        raise BadInputError(f"{culprit} returned {_kind_of(built)}, not a torch.nn.Module")
    return built


def _in_one_line(error: Exception) -> str:
    kind, lines = type(error).__name__, str(error).strip().splitlines()
    return f"{kind}: {lines[0]}" if lines else kind


def _kind_of(built: object) -> str:
    return "None" if built is None else f"a value of type {type(built).__name__}"
