"""The source `import`: any callable that returns a model, named `package.module:factory`."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType

from torch import nn

from zoobench.cases.catalogue import Entry
from zoobench.cases.errors import BadInputError, UnknownNameError, ZoobenchError
from zoobench.devices.failures import is_out_of_memory

# Calling code that is not ours: what it raises becomes one line that names it.


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


def build_imported(entry: Entry, *, num_classes: int | None, weights: str | None) -> tuple[nn.Module, None]:
    """Import the factory, from the working directory first, and call it, with `num_classes` if that is given.

    Raises: BadInputError or UnknownNameError if the factory cannot be found, is none, takes no `num_classes`, or
    weights are asked for; BuildError if importing or calling it raises.
    """
    if weights is not None:
        raise BadInputError(f"{entry.name} has no published weights: give a file with checkpoint= instead")
    with _working_directory_first():
        factory = _factory(entry.name)
        options = _options(entry.name, factory, num_classes)
        with blamed_on(f"factory {entry.name}"):
            built = factory(**options)
    return checked_module(built, f"factory {entry.name}"), None


@contextmanager
def _working_directory_first() -> Iterator[None]:
    """While a factory is found and run: it may import its neighbours when called."""
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        yield
    finally:
        with suppress(ValueError):  # the factory may have taken it away itself
            sys.path.remove(here)


def _factory(name: str) -> Callable[..., object]:
    module_name, _, path = name.partition(":")
    found: object = _module(module_name)
    for attribute in path.split("."):
        if not hasattr(found, attribute):
            raise UnknownNameError(f"factory of {module_name}", attribute, _public_callables(found))
        found = getattr(found, attribute)
    if isinstance(found, nn.Module):
        raise BadInputError(f"{name} is a model, not a factory: name a function or class that makes one")
    if not callable(found):
        raise BadInputError(f"{name} is a value of type {type(found).__name__}, not a callable that makes a model")
    return found


def _module(name: str) -> ModuleType:
    importlib.invalidate_caches()
    with blamed_on(f"importing {name}"):
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            is_itself_missing = f"{name}.".startswith(f"{error.name}.")
            if not is_itself_missing:
                raise
            raise BadInputError(f"there is no module {name} in {Path.cwd()} or on Python's path") from error


def _options(name: str, factory: Callable[..., object], num_classes: int | None) -> dict[str, int]:
    if num_classes is None:
        return {}
    if not _takes_num_classes(factory):
        raise BadInputError(f"factory {name} takes no num_classes: leave it out, or add the parameter")
    return {"num_classes": num_classes}


def _takes_num_classes(factory: Callable[..., object]) -> bool:
    try:
        parameters = inspect.signature(factory).parameters
    except (TypeError, ValueError):  # a callable written in C may tell nothing
        return False
    return "num_classes" in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())


def _public_callables(owner: object) -> list[str]:
    return [name for name, value in vars(owner).items() if callable(value) and not name.startswith("_")]
