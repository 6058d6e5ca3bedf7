"""An experiment on the disk: what was asked and who is compared, and a line for everything seen, as it is seen.

A folder holds `experiment.json` (the head), `assignment.json` (from which it is resumed) and `journal.jsonl`, which may
be packed as `journal.jsonl.xz`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import msgspec

from zoobench.compare.evidence import SCHEMA, Contest, Evidence, Experiment, Plan, Replicate
from zoobench.errors import BadInputError, StoreError, ZoobenchError
from zoobench.experiment.assignment import Assignment
from zoobench.lines import COMPRESSED, LineWriter, cannot, read_lines
from zoobench.store import new_folder, write_head

EXPERIMENT_FILE = "experiment.json"
ASSIGNMENT_FILE = "assignment.json"
JOURNAL_FILE = "journal.jsonl"
LABEL = "compare"


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that was seen: exactly one of these."""

    contest: Contest | None = None
    plan: Plan | None = None
    replicate: Replicate | None = None
    note: str | None = None

    def __post_init__(self) -> None:
        if sum(part is not None for part in (self.contest, self.plan, self.replicate, self.note)) != 1:
            raise ValueError("a line is of one thing")


class Journal:
    """The evidence so far, on the disk and here. While it is open, no other process can append to it."""

    def __init__(self, folder: Path, evidence: Evidence) -> None:
        """Raises: StoreError if another process writes it, or it cannot be written."""
        self.folder = folder
        self.evidence = evidence
        self._lines = LineWriter(folder / JOURNAL_FILE, f"experiment {folder.name}")

    def add(self, seen: Contest | Plan | Replicate | str) -> None:
        """Put it on the disk.

        Raises: StoreError if the disk does not take it; what was there before stays.
        """
        line = _line_of(seen)
        self._lines.append(msgspec.json.encode(line))
        self.evidence = _with(self.evidence, line)

    def close(self) -> None:
        self._lines.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def create_journal(results: Path, assignment: Assignment, describe: Callable[[str, str], Experiment]) -> Journal:
    """Begin a folder in the results. `describe` makes the head from its id and its starting time.

    Raises: StoreError if it cannot be written.
    """
    folder, now = new_folder(results, LABEL)
    experiment = describe(folder.name, now.isoformat(timespec="milliseconds"))
    write_head(folder / ASSIGNMENT_FILE, assignment)
    write_head(folder / EXPERIMENT_FILE, experiment)
    return Journal(folder, Evidence(experiment=experiment))


def resume_journal(folder: Path) -> Journal:
    """Open a journal to append what it lacks.

    Raises: StoreError, BadInputError.
    """
    if not (folder / JOURNAL_FILE).exists() and (folder / f"{JOURNAL_FILE}{COMPRESSED}").exists():
        raise BadInputError(f"{folder} is packed: unpack its {JOURNAL_FILE}{COMPRESSED} to go on with it")
    experiment = load_experiment(folder)
    journal = Journal(folder, Evidence(experiment=experiment))
    try:
        journal.evidence = load_evidence(folder)
    except ZoobenchError:
        journal.close()
        raise
    return journal


def load_evidence(folder: Path) -> Evidence:
    """Everything that the experiment saw; what cannot be read is a note, nothing is skipped in silence.

    Raises: StoreError for an unreadable head, BadInputError for one of a newer zoobench.
    """
    evidence = Evidence(experiment=load_experiment(folder))
    path = folder / JOURNAL_FILE
    if not path.exists():
        path = path.with_name(f"{JOURNAL_FILE}{COMPRESSED}")
    lines: list[Line] = []
    for number, content, is_whole in read_lines(path):
        if not is_whole:
            lines.append(Line(note=f"{path.name} line {number}, the last, was cut off in the middle and was skipped"))
            continue
        try:
            lines.append(_LINES.decode(content))
        except _UNREADABLE as error:
            lines.append(Line(note=f"{path.name} line {number} is corrupt and was skipped: {error}"))
    return _gathered(evidence, lines)


def load_experiment(folder: Path) -> Experiment:
    """The head.

    Raises: StoreError, BadInputError.
    """
    path = folder / EXPERIMENT_FILE
    document = _decoded(path, dict[str, Any])
    schema = document.get("schema")
    if isinstance(schema, int) and schema > SCHEMA:
        raise BadInputError(f"{path} has schema {schema}, this zoobench reads up to {SCHEMA}: upgrade zoobench")
    return _decoded(path, Experiment)


def load_assignment(folder: Path) -> Assignment:
    """What was asked.

    Raises: StoreError.
    """
    return _decoded(folder / ASSIGNMENT_FILE, Assignment)


_LINES = msgspec.json.Decoder(Line)
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError)

Kind = TypeVar("Kind")


def _decoded(path: Path, kind: type[Kind]) -> Kind:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except _UNREADABLE as error:
        raise StoreError(f"{path} is not of an experiment: {error}") from None
    except OSError as error:
        raise cannot("read", path, error) from error


def _line_of(seen: Contest | Plan | Replicate | str) -> Line:
    if isinstance(seen, Contest):
        return Line(contest=seen)
    if isinstance(seen, Plan):
        return Line(plan=seen)
    return Line(replicate=seen) if isinstance(seen, Replicate) else Line(note=seen)


def _with(evidence: Evidence, line: Line) -> Evidence:
    return _gathered(evidence, [line])


def _gathered(evidence: Evidence, lines: list[Line]) -> Evidence:
    """The evidence with these lines after it."""
    return msgspec.structs.replace(
        evidence,
        contests=(*evidence.contests, *(line.contest for line in lines if line.contest is not None)),
        plans=(*evidence.plans, *(line.plan for line in lines if line.plan is not None)),
        replicates=(*evidence.replicates, *(line.replicate for line in lines if line.replicate is not None)),
        notes=(*evidence.notes, *(line.note for line in lines if line.note is not None)),
    )
