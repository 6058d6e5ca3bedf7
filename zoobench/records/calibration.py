"""`doctor.json` in a results folder: written whole or not at all, and attached to the runs that start beside it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import msgspec

from zoobench.cases.errors import StoreError, ZoobenchError
from zoobench.records.files import write_record
from zoobench.records.record import Calibration, Environment
from zoobench.records.store import upgrade

FILE = "doctor.json"

MUST_AGREE = ("processor", "threads", "torch", "instruction_set")
"""Facts without which a calibration is of another machine, or of other code."""


def facts_of(environment: Environment) -> dict[str, str]:
    """What a calibration says of where it was made; `MUST_AGREE` is among it."""
    return {
        "processor": environment.host.get("processor", ""),
        "threads": environment.host.get("usable_threads", ""),
        "torch": environment.software.get("torch", ""),
        "instruction_set": environment.settings.get("instruction_set", ""),
        "system": environment.host.get("system", ""),
        "libc": environment.software.get("libc", ""),
        "governor": environment.host.get("governor", ""),
    }


def attach(environment: Environment, results: Path) -> tuple[Environment, tuple[str, ...]]:
    """The environment with the calibration of the results folder, if it is of here; else a line that says why not.

    Without a calibration there is nothing to say. It is never an error: a run needs none.
    """
    try:
        calibration = read_calibration(results)
    except ZoobenchError as error:
        return environment, (f"no calibration: {error}",)
    if calibration is None:
        return environment, ()
    differing = _differences(calibration.facts, facts_of(environment))
    if differing:
        text = (
            f"no calibration: {results / FILE} was made with {differing}: `python -m zoobench doctor` makes a new one"
        )
        return environment, (text,)
    return msgspec.structs.replace(environment, calibration=calibration), ()


def read_calibration(results: Path) -> Calibration | None:
    """The calibration of a results folder; None if there is none.

    Raises: StoreError if it cannot be read, BadInputError if it is of a newer zoobench.
    """
    path = results / FILE
    try:
        document = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
        return msgspec.convert(upgrade(document, str(path)), Calibration)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise StoreError(f"{path} is not a calibration: {error}") from None
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror or error}") from error


def check_writable(results: Path) -> None:
    """Make the folder if need be, so that a minute's work is not done in vain.

    Raises: StoreError if a file cannot be written there.
    """
    try:
        results.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=results):
            pass
    except OSError as error:
        raise _cannot_write(results / FILE, error) from error


def write_calibration(calibration: Calibration, results: Path) -> Path:
    """Put it in the place of the one before, if any; whoever reads sees one or the other, never a half.

    Raises: StoreError if it cannot be written; then the one before is still there.
    """
    path = results / FILE
    try:
        return write_record(path, calibration)
    except OSError as error:
        raise _cannot_write(path, error) from error


def _differences(then: dict[str, str], now: dict[str, str]) -> str:
    pairs = ((fact, then.get(fact, ""), now.get(fact, "")) for fact in MUST_AGREE)
    return ", ".join(f"{fact} {was!r}, here {here!r}" for fact, was, here in pairs if was != here)


def _cannot_write(path: Path, error: OSError) -> StoreError:
    return StoreError(f"cannot write {path}: {error.strerror or error}")
