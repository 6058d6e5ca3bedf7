"""What is known of a machine and kept beside the runs: its calibration by `zoobench doctor`, and its ceilings."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from zoobench.cases import Case, StoreError, ZoobenchError
from zoobench.records.files import write_record
from zoobench.records.record import COPY, MATRIX_PRODUCT, Calibration, Ceiling, Environment, Facts
from zoobench.records.store import upgrade

# `doctor.json` in a results folder: written whole or not at all, and attached to the runs that start beside it.


CALIBRATION_FILE = "doctor.json"

MUST_AGREE = ("processor", "threads", "torch", "instruction_set")
"""Facts without which a calibration is of another machine, or of other code."""


def calibration_facts(environment: Environment) -> dict[str, str]:
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
    differing = _differences(calibration.facts, calibration_facts(environment))
    if differing:
        made = f"{results / CALIBRATION_FILE} was made with {differing}"
        return environment, (f"no calibration: {made}: `python -m zoobench doctor` makes a new one",)
    return msgspec.structs.replace(environment, calibration=calibration), ()


def read_calibration(results: Path) -> Calibration | None:
    """The calibration of a results folder; None if there is none.

    Raises: StoreError if it cannot be read, BadInputError if it is of a newer zoobench.
    """
    path = results / CALIBRATION_FILE
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
        raise _cannot_write(results / CALIBRATION_FILE, error) from error


def write_calibration(calibration: Calibration, results: Path) -> Path:
    """Put it in the place of the one before, if any; whoever reads sees one or the other, never a half.

    Raises: StoreError if it cannot be written; then the one before is still there.
    """
    path = results / CALIBRATION_FILE
    try:
        return write_record(path, calibration)
    except OSError as error:
        raise _cannot_write(path, error) from error


def _differences(then: dict[str, str], now: dict[str, str]) -> str:
    pairs = ((fact, then.get(fact, ""), now.get(fact, "")) for fact in MUST_AGREE)
    return ", ".join(f"{fact} {was!r}, here {here!r}" for fact, was, here in pairs if was != here)


def _cannot_write(path: Path, error: OSError) -> StoreError:
    return StoreError(f"cannot write {path}: {error.strerror or error}")


CEILINGS_FILE = "ceilings.json"
LAYOUT = 1
"""Version of the file's layout; a file of another one is measured again."""


_HOST_FACTS = ("system", "machine", "processor", "cores", "usable_threads", "governor")
_SOFTWARE_FACTS = ("torch", "libc")


class CeilingKey(NamedTuple):
    """Which ceiling: `precision` is empty for a copy."""

    device: str
    kind: str
    threads: int
    precision: str = ""


class KnownCeilings(NamedTuple):
    """What the cache knows of this machine, and why it does not know more."""

    ceilings: tuple[Ceiling, ...] = ()
    note: str = ""


class _CachedCeiling(msgspec.Struct, frozen=True):
    """The ceilings of one machine in one environment."""

    facts: Facts
    ceilings: tuple[Ceiling, ...]


class _File(msgspec.Struct, frozen=True):
    layout: int
    entries: tuple[_CachedCeiling, ...]


def key_of(ceiling: Ceiling) -> CeilingKey:
    """Which ceiling it is."""
    return CeilingKey(ceiling.device, ceiling.kind, ceiling.threads, ceiling.precision)


def keys_of(case: Case) -> tuple[CeilingKey, CeilingKey]:
    """The two ceilings that a case is held against: the products of its precision, and copying.

    Under autocast the products are those of the half that it casts to.
    """
    product = CeilingKey(case.device, MATRIX_PRODUCT, case.threads, case.precision.traits.product)
    return product, CeilingKey(case.device, COPY, case.threads)


def ceiling_facts(environment: Environment, device: str) -> Facts:
    """What must be the same for a ceiling to be the same: the machine, the device, torch and what sets it up."""
    host = {f"host {name}": environment.host.get(name, "") for name in _HOST_FACTS}
    software = {name: environment.software.get(name, "") for name in _SOFTWARE_FACTS}
    found = next((facts for facts in environment.devices if facts.name == device), None)
    of_device = {"device": device, "model": found.model, **found.facts} if found else {"device": device}
    return {**host, **software, **environment.settings, **of_device}


def read_cache(folder: Path, facts: Facts) -> KnownCeilings:
    """The ceilings of this machine in this environment; a note where there is a file that cannot be read."""
    path = folder / CEILINGS_FILE
    if not path.exists():
        return KnownCeilings()
    try:
        entries = _decode(path)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        return KnownCeilings(note=f"{path} cannot be read ({error}): ceilings are measured again")
    fitting = next((entry for entry in entries if entry.facts == facts), None)
    if fitting is None and entries:
        return KnownCeilings(note=f"{path} is of {_difference(entries[-1].facts, facts)}: ceilings are measured again")
    return KnownCeilings(fitting.ceilings if fitting else ())


def add_to_cache(folder: Path, facts: Facts, ceilings: Iterable[Ceiling]) -> str:
    """Keep these ceilings beside what is there; a new one replaces the old. Why it could not be done, else nothing.

    The file appears whole or not at all, so a reader beside a writer sees one of two states.
    """
    path = folder / CEILINGS_FILE
    try:
        entries = _decode(path) if path.exists() else ()
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        entries = ()  # the reader has said so
    known = next((entry.ceilings for entry in entries if entry.facts == facts), ())
    merged = {key_of(ceiling): ceiling for ceiling in (*known, *ceilings)}
    others = tuple(entry for entry in entries if entry.facts != facts)
    try:
        write_record(path, _File(LAYOUT, (*others, _CachedCeiling(facts, tuple(merged.values())))))
    except OSError as error:
        return f"ceilings are not kept for the next run: cannot write {path}: {error.strerror or error}"
    return ""


def _decode(path: Path) -> tuple[_CachedCeiling, ...]:
    file = msgspec.json.decode(path.read_bytes(), type=_File)
    if file.layout != LAYOUT:
        raise msgspec.ValidationError(f"layout {file.layout}, this zoobench reads {LAYOUT}")
    return file.entries


def _difference(theirs: Facts, ours: Facts) -> str:
    """The first fact in which two machines or environments differ, in words."""
    name = next(name for name in (*ours, *theirs) if theirs.get(name) != ours.get(name))
    return f"another machine or environment ({name}: {theirs.get(name, '')!r}, here {ours.get(name, '')!r})"
