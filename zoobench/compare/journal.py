"""An experiment on the disk: what was asked and who is compared, and a line for everything seen, as it is seen.

A folder holds `experiment.json` (the head), `assignment.json` (from which it is resumed) and `journal.jsonl`, which may
be packed as `journal.jsonl.xz`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import msgspec

from zoobench.cases import BadInputError, StoreError
from zoobench.compare.spec import ComparisonSpec, PairCost
from zoobench.records.comparison import SCHEMA, CasePair, ComparisonSetup, Evidence, GenerationPlan, Replicate
from zoobench.records.files import COMPRESSED, LineWriter, cannot, read_lines
from zoobench.records.store import new_folder, write_head

EXPERIMENT_FILE = "experiment.json"
ASSIGNMENT_FILE = "assignment.json"
JOURNAL_FILE = "journal.jsonl"
LABEL = "compare"


def comparison_ids(results: Path) -> list[str]:
    """Ids of the experiments in a results folder, oldest first."""
    return sorted(head.parent.name for head in results.glob(f"*/{EXPERIMENT_FILE}"))


class JournalLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that was seen: exactly one of these."""

    case_pair: CasePair | None = msgspec.field(default=None, name="contest")
    plan: GenerationPlan | None = None
    cost: PairCost | None = None
    replicate: Replicate | None = None
    note: str | None = None

    def __post_init__(self) -> None:
        if sum(getattr(self, field) is not None for field in self.__struct_fields__) != 1:
            raise ValueError("a line is of one thing")


class Seen(msgspec.Struct, frozen=True):
    """What a journal holds: the evidence, and what case pairs cost, by which an experiment that goes on makes plans."""

    evidence: Evidence
    costs: tuple[PairCost, ...] = ()

    def after(self, lines: Iterable[JournalLine]) -> Seen:
        """With these lines behind."""
        lines = tuple(lines)
        evidence = msgspec.structs.replace(
            self.evidence,
            case_pairs=(*self.evidence.case_pairs, *(line.case_pair for line in lines if line.case_pair is not None)),
            plans=(*self.evidence.plans, *(line.plan for line in lines if line.plan is not None)),
            replicates=(*self.evidence.replicates, *(line.replicate for line in lines if line.replicate is not None)),
            notes=(*self.evidence.notes, *(line.note for line in lines if line.note is not None)),
        )
        return Seen(evidence, (*self.costs, *(line.cost for line in lines if line.cost is not None)))


class Journal:
    """What was seen so far, on the disk and here. While it is open, no other process can append to it."""

    def __init__(self, folder: Path, seen: Seen) -> None:
        """Raises: StoreError if another process writes it, or it cannot be written."""
        self.folder = folder
        self._seen = seen
        self._lines = LineWriter(folder / JOURNAL_FILE, f"experiment {folder.name}")

    @property
    def evidence(self) -> Evidence:
        return self._seen.evidence

    @property
    def costs(self) -> tuple[PairCost, ...]:
        return self._seen.costs

    def add(self, line: JournalLine) -> None:
        """Put it on the disk.

        Raises: StoreError if the disk does not take it; what was there before stays.
        """
        self._lines.append(msgspec.json.encode(line))
        self._seen = self._seen.after([line])

    def close(self) -> None:
        self._lines.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def create_journal(
    results: Path, spec: ComparisonSpec, describe: Callable[[str, str], ComparisonSetup], label: str = LABEL
) -> Journal:
    """Begin a folder in the results. `describe` makes the head from its id and its starting time.

    Raises: StoreError if it cannot be written.
    """
    folder, now = new_folder(results, label)
    setup = describe(folder.name, now.isoformat(timespec="milliseconds"))
    write_head(folder / ASSIGNMENT_FILE, spec)
    write_head(folder / EXPERIMENT_FILE, setup)
    return Journal(folder, Seen(Evidence(setup=setup)))


def resume_journal(folder: Path) -> Journal:
    """Open a journal to append what it lacks.

    Raises: StoreError, BadInputError.
    """
    if not (folder / JOURNAL_FILE).exists() and (folder / f"{JOURNAL_FILE}{COMPRESSED}").exists():
        raise BadInputError(f"{folder} is packed: unpack its {JOURNAL_FILE}{COMPRESSED} to go on with it")
    return Journal(folder, _read(folder))


def load_evidence(folder: Path) -> Evidence:
    """Everything that the experiment saw; what cannot be read is a note, nothing is skipped in silence.

    Raises: StoreError for an unreadable head, BadInputError for one of a newer zoobench.
    """
    return _read(folder).evidence


def _read(folder: Path) -> Seen:
    seen = Seen(Evidence(setup=load_setup(folder)))
    path = folder / JOURNAL_FILE
    if not path.exists():
        path = path.with_name(f"{JOURNAL_FILE}{COMPRESSED}")
    return seen.after(_line_of(path, *read) for read in read_lines(path))


def _line_of(path: Path, number: int, content: bytes, is_whole: bool) -> JournalLine:  # noqa: FBT001 - as read
    if not is_whole:
        return JournalLine(note=f"{path.name} line {number}, the last, was cut off in the middle and was skipped")
    try:
        return _LINES.decode(content)
    except _UNREADABLE as error:
        return JournalLine(note=f"{path.name} line {number} is corrupt and was skipped: {error}")


def load_setup(folder: Path) -> ComparisonSetup:
    """The head.

    Raises: StoreError, BadInputError.
    """
    path = folder / EXPERIMENT_FILE
    document = _decoded(path, dict[str, Any])
    schema = document.get("schema")
    if isinstance(schema, int) and schema > SCHEMA:
        raise BadInputError(f"{path} has schema {schema}, this zoobench reads up to {SCHEMA}: upgrade zoobench")
    return _decoded(path, ComparisonSetup)


def load_spec(folder: Path) -> ComparisonSpec:
    """What was asked.

    Raises: StoreError.
    """
    return _decoded(folder / ASSIGNMENT_FILE, ComparisonSpec)


_LINES = msgspec.json.Decoder(JournalLine)
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError)

AnyLine = TypeVar("AnyLine")


def _decoded(path: Path, kind: type[AnyLine]) -> AnyLine:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except _UNREADABLE as error:
        raise StoreError(f"{path} is not of an experiment: {error}") from None
    except OSError as error:
        raise cannot("read", path, error) from error
