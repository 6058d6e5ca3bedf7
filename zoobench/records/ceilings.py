"""The ceilings of machines, kept beside the runs: measured once for each machine and environment.

What cannot be read, or is of another machine, is measured again and said so; a cache is never an error.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import msgspec

from zoobench.cases import Case
from zoobench.records.files import write_record
from zoobench.records.record import COPY, MATRIX_PRODUCT, Ceiling, Environment

FILE = "ceilings.json"
LAYOUT = 1
"""Version of the file's layout; a file of another one is measured again."""


_HOST_FACTS = ("system", "machine", "processor", "cores", "usable_threads", "governor")
_SOFTWARE_FACTS = ("torch", "libc")

Facts = dict[str, str]


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


def facts_of(environment: Environment, device: str) -> Facts:
    """What must be the same for a ceiling to be the same: the machine, the device, torch and what sets it up."""
    host = {f"host {name}": environment.host.get(name, "") for name in _HOST_FACTS}
    software = {name: environment.software.get(name, "") for name in _SOFTWARE_FACTS}
    told = next((facts for facts in environment.devices if facts.name == device), None)
    of_device = {"device": device, "model": told.model, **told.facts} if told else {"device": device}
    return {**host, **software, **environment.settings, **of_device}


def read_cache(folder: Path, facts: Facts) -> KnownCeilings:
    """The ceilings of this machine in this environment; a note where there is a file that does not tell them."""
    path = folder / FILE
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
    path = folder / FILE
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
