"""Runs on disk: a directory a run, `run.json` at its head and one line of `cases.jsonl` for each finished case.

A line is on the disk (flushed and synced) before the next case starts, so a run that dies keeps what it finished.
"""

from __future__ import annotations

import datetime as dt
import itertools
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from zoobench.cases import BadInputError, StoreError, UnknownNameError, ZoobenchError
from zoobench.records.files import LineWriter, cannot, read_lines, write_record
from zoobench.records.record import SCHEMA, CaseRecord, RunRecord

RUN_FILE = "run.json"
CASES_FILE = "cases.jsonl"

Upgrade = Callable[[dict[str, Any]], dict[str, Any]]

UPGRADES: dict[int, Upgrade] = {1: lambda document: document, 2: lambda document: document}
"""From a schema to the next: `UPGRADES[1]` turns a line of schema 1 into one of schema 2, and so on up the ladder.

2 adds `breakdowns` and `layers` to a case, and a width to images that are not square. 3 adds blocks to samples,
settings to a case, bytes to layers, ceilings and calibration to an environment. What is absent has defaults.
"""

_MAX_LABEL = 40


class StoredRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run read back. `notes` says what could not be read, one line each; nothing is skipped in silence."""

    run: RunRecord
    records: tuple[CaseRecord, ...]
    notes: tuple[str, ...]
    path: Path


class RunWriter:
    """Appends the cases of one run. While it is open, no other process can append to that run."""

    def __init__(self, path: Path, run: RunRecord) -> None:
        self.path = path
        self.run = run
        self._lines = LineWriter(path / CASES_FILE, f"run {run.run_id}")

    def append(self, record: CaseRecord) -> None:
        """Put one finished case on the disk.

        Raises: StoreError if it cannot be written; the cases before it stay readable.
        """
        self._lines.append(msgspec.json.encode(record))

    def close(self) -> None:
        self._lines.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def create_run(results: Path, describe: Callable[[str, str], RunRecord], label: str) -> RunWriter:
    """Start a run in a directory of its own. `describe` makes its head from its id and its starting time.

    Two runs that start at once get two directories: making one is atomic, and who loses takes the next moment.
    Raises: StoreError if the results folder cannot be written.
    """
    path, now = new_folder(results, label)
    return _start(path, describe(path.name, now.isoformat(timespec="milliseconds")))


def new_folder(results: Path, label: str) -> tuple[Path, dt.datetime]:
    """A folder that is named for this moment, or for the next one that is free, and that moment.

    Raises: StoreError if the results folder cannot be written.
    """
    for _ in itertools.count():
        now = dt.datetime.now(dt.UTC)
        path = results / run_id(now, label)
        try:
            path.mkdir(parents=True)
        except (FileExistsError, NotADirectoryError):
            if not results.is_dir():
                raise StoreError(f"cannot write results to {results}: it is not a folder") from None
            continue
        except OSError as error:
            raise cannot("write", results, error) from error
        return path, now
    raise AssertionError("unreachable")


def resume_run(results: Path, name: str) -> tuple[RunWriter, StoredRun]:
    """Open a run to append what it lacks; the run as it stands, with nobody else writing to it, comes along.

    Raises: UnknownNameError, BadInputError, StoreError.
    """
    path = _path_of(results, name)
    writer = RunWriter(path, _decode_run(path / RUN_FILE))
    try:
        return writer, load_run(results, name)
    except ZoobenchError:
        writer.close()
        raise


def load_run(results: Path, name: str) -> StoredRun:
    """Read a run by its id.

    Raises: UnknownNameError, BadInputError for a newer schema, StoreError for an unreadable head.
    """
    path = _path_of(results, name)
    run = _decode_run(path / RUN_FILE)
    records, notes = _decode_cases(path / CASES_FILE)
    return StoredRun(run=run, records=records, notes=notes, path=path)


def load_runs(results: Path | str = "results", run_ids: Sequence[str] = ()) -> list[StoredRun]:
    """Stored runs by their ids, all of the folder without any.

    Raises: ZoobenchError for a run that is not there or cannot be read.
    """
    folder = Path(results)
    return [load_run(folder, run_id) for run_id in run_ids or stored_run_ids(folder)]


def newest_run(results: Path) -> str:
    """The id of the run that started last.

    Raises: BadInputError if there is none.
    """
    known = stored_run_ids(results)
    if not known:
        raise BadInputError(f"there are no runs in {results}: `python -m zoobench run` measures one")
    return known[-1]


def stored_run_ids(results: Path) -> list[str]:
    """Ids of the runs in a results folder, oldest first."""
    return sorted(head.parent.name for head in results.glob(f"*/{RUN_FILE}") if RUN_ID.match(head.parent.name))


RUN_ID = re.compile(r"\d{8}T\d{6}\.\d{3}Z(-[\w.-]+)?$")


def run_id(started_at: dt.datetime, label: str) -> str:
    """UTC time and label: it sorts, and needs no counter. A label's other characters become dashes."""
    moment = started_at.strftime("%Y%m%dT%H%M%S.") + f"{started_at.microsecond // 1000:03d}Z"
    slug = re.sub(r"[^A-Za-z0-9._]+", "-", label).strip("-.")[:_MAX_LABEL]
    return f"{moment}-{slug}" if slug else moment


def upgrade(document: dict[str, Any], where: str) -> dict[str, Any]:
    """The document in today's schema.

    Raises: BadInputError if it is of a newer zoobench.
    """
    schema = document.get("schema")
    if not isinstance(schema, int) or schema < 1:
        raise msgspec.ValidationError("no schema")
    if schema > SCHEMA:
        raise BadInputError(f"{where} has schema {schema}, this zoobench reads up to {SCHEMA}: upgrade zoobench")
    for step in range(schema, SCHEMA):
        document = UPGRADES[step](document) | {"schema": step + 1}
    return document


def _path_of(results: Path, name: str) -> Path:
    known = stored_run_ids(results)
    if name not in known:
        raise UnknownNameError("run", name, known)
    return results / name


def write_head(path: Path, head: msgspec.Struct) -> None:
    """The file appears whole or not at all: a folder without its head is no run, and harms no reader.

    Raises: StoreError if it cannot be written.
    """
    try:
        write_record(path, head)
    except OSError as error:
        raise cannot("write", path, error) from error


def _start(path: Path, run: RunRecord) -> RunWriter:
    write_head(path / RUN_FILE, run)
    return RunWriter(path, run)


def _decode_run(path: Path) -> RunRecord:
    try:
        document = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
        return msgspec.convert(upgrade(document, str(path)), RunRecord)
    except _UNREADABLE as error:
        raise StoreError(f"{path} is not the head of a run: {error}") from None
    except OSError as error:
        raise cannot("read", path, error) from error


def _decode_cases(path: Path) -> tuple[tuple[CaseRecord, ...], tuple[str, ...]]:
    records: dict[str, CaseRecord] = {}
    notes: list[str] = []
    for number, line, is_whole in read_lines(path):
        if not is_whole:
            notes.append(f"{path} line {number}, the last, was cut off in the middle of a case and was skipped")
            continue
        try:
            record = _decode_case(line, f"{path}:{number}")
        except _UNREADABLE as error:
            notes.append(f"{path} line {number} is corrupt and was skipped: {error}")
        else:
            records.pop(record.case.id, None)
            records[record.case.id] = record
    return tuple(records.values()), tuple(notes)


_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError)
"""What msgspec raises for bytes that are no record; the second for those that are no text either."""

_CASE_DECODER = msgspec.json.Decoder(CaseRecord)


class _SchemaOnly(msgspec.Struct):
    schema: int


_SCHEMA_DECODER = msgspec.json.Decoder(_SchemaOnly)


def _decode_case(line: bytes, where: str) -> CaseRecord:
    """Straight into the record where the line is of today's schema: twice as fast, and a line can be 100 kB."""
    if _SCHEMA_DECODER.decode(line).schema == SCHEMA:
        return _CASE_DECODER.decode(line)
    return msgspec.convert(upgrade(msgspec.json.decode(line), where), CaseRecord)
