from __future__ import annotations

import lzma
import resource
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from sides import make_case

from zoobench.cases import BadInputError, StoreError
from zoobench.compare.journal import (
    EXPERIMENT_FILE,
    JOURNAL_FILE,
    Journal,
    JournalLine,
    create_journal,
    load_evidence,
    load_spec,
    resume_journal,
)
from zoobench.compare.spec import ComparisonSpec, PairCost
from zoobench.records import Environment
from zoobench.records.comparison import (
    Block,
    CaseFacts,
    CasePair,
    ComparisonKind,
    ComparisonSetup,
    Evidence,
    GenerationPlan,
    Replicate,
    Rule,
    Side,
    SideName,
    Stage,
)

CASE = make_case()
ASSIGNMENT = ComparisonSpec(kind=ComparisonKind.SAME, rule=Rule(margin_ratio=0.05), seed=1, budget_s=60.0)
CONTEST = CasePair(id=CASE.id, base_case=CASE, head_case=CASE, base=CaseFacts(call_s=0.5), head=CaseFacts(call_s=0.5))
PLAN = GenerationPlan(
    cases=1, screen_generations=6, confirm_generations=8, blocks=4, block_s=0.1, expected_s=60.0, spread_ratio=0.02,
    smallest_ratio=0.1,
)  # fmt: skip
COST = PairCost(case_pair=CASE.id, fixed_s=1.5, call_s=0.5)
BLOCK = Block((0.5, 0.25), {"page_faults": (0.0, 1.0)}, (0.125, 0.125, 0.25))


def replicate(generation: int) -> Replicate:
    return Replicate(case_pair=CASE.id, stage=Stage.SCREEN, generation=generation, order="AB", blocks=(BLOCK, BLOCK))


LINES = (
    JournalLine(cost=COST),
    JournalLine(case_pair=CONTEST),
    JournalLine(plan=PLAN),
    JournalLine(replicate=replicate(1)),
    JournalLine(note="hot today"),
)


def describe(name: str, now: str) -> ComparisonSetup:
    environment = Environment(host={}, software={}, settings={}, commit={})
    sides = {side: Side(name=side, asked=side, environment=environment) for side in SideName}
    return ComparisonSetup(
        comparison_id=name, started_at=now, command=(), kind=ComparisonKind.SAME, base=sides[SideName.BASE],
        head=sides[SideName.HEAD], rule=ASSIGNMENT.rule, seed=1,
    )  # fmt: skip


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    with create_journal(tmp_path, ASSIGNMENT, describe) as journal:
        for line in LINES:
            journal.add(line)
    return journal


def test_what_was_seen_is_read_back(journal: Journal) -> None:
    evidence = load_evidence(journal.folder)

    assert evidence == journal.evidence
    assert (evidence.case_pairs, evidence.plans, evidence.notes) == ((CONTEST,), (PLAN,), ("hot today",))
    assert evidence.replicates == (replicate(1),)
    assert journal.folder.name.endswith("Z-compare")
    assert evidence.setup.comparison_id == journal.folder.name
    assert load_spec(journal.folder) == ASSIGNMENT


def test_a_packed_journal_is_read_and_cannot_be_gone_on_with(journal: Journal) -> None:
    path = journal.folder / JOURNAL_FILE
    packed = path.with_name(f"{JOURNAL_FILE}.xz")
    packed.write_bytes(lzma.compress(path.read_bytes()))
    path.unlink()

    assert load_evidence(journal.folder) == journal.evidence
    with pytest.raises(BadInputError, match=r"is packed: unpack its journal\.jsonl\.xz"):
        resume_journal(journal.folder)


def test_a_damaged_packed_journal_is_a_line(journal: Journal) -> None:
    path = journal.folder / JOURNAL_FILE
    packed = path.with_name(f"{JOURNAL_FILE}.xz")
    packed.write_bytes(lzma.compress(path.read_bytes())[:-40])
    path.unlink()
    with pytest.raises(StoreError, match=r"journal\.jsonl\.xz is damaged or cut short"):
        load_evidence(journal.folder)


def test_it_goes_on_where_it_stopped(journal: Journal) -> None:
    with resume_journal(journal.folder) as resumed:
        assert (resumed.evidence, resumed.costs) == (journal.evidence, (COST,))
        resumed.add(JournalLine(replicate=replicate(2)))

    assert load_evidence(journal.folder).replicates == (replicate(1), replicate(2))


def test_one_process_writes_at_a_time(journal: Journal) -> None:
    with (
        resume_journal(journal.folder),
        pytest.raises(StoreError, match=rf"^experiment {journal.folder.name} is being written by another process"),
    ):
        resume_journal(journal.folder)


def test_a_line_cut_off_anywhere_is_said_and_replaced(journal: Journal) -> None:
    path = journal.folder / JOURNAL_FILE
    whole = path.read_bytes()
    start = whole[:-1].rfind(b"\n") + 1
    for length in range(start + 1, len(whole)):
        path.write_bytes(whole[:length])
        cut = load_evidence(journal.folder)
        assert cut.replicates == (replicate(1),)
        assert cut.notes == ("journal.jsonl line 5, the last, was cut off in the middle and was skipped",)
    with resume_journal(journal.folder) as resumed:
        resumed.add(JournalLine(replicate=replicate(2)))
    assert load_evidence(journal.folder).replicates == (replicate(1), replicate(2))
    assert load_evidence(journal.folder).notes == ()


@pytest.mark.parametrize("junk", [b"{}", b"null", b"\xff\xfe", b'{"note":1}', b'{"note":"a","plan":{}}', b"\x00" * 20])
def test_a_corrupt_line_is_said_and_the_rest_is_read(journal: Journal, junk: bytes) -> None:
    path = journal.folder / JOURNAL_FILE
    path.write_bytes(path.read_bytes() + junk + b"\n" + msgspec.json.encode(JournalLine(note="later")) + b"\n")
    evidence = load_evidence(journal.folder)
    assert evidence.case_pairs == (CONTEST,)
    hot, said, later = evidence.notes
    assert (hot, later) == ("hot today", "later")
    assert said.startswith("journal.jsonl line 6 is corrupt and was skipped: ")


@pytest.mark.parametrize(
    ("write", "error", "message"),
    [
        (lambda path: path.unlink(), StoreError, "cannot read "),
        (lambda path: path.write_text("[]"), StoreError, "is not of an experiment"),
        (lambda path: path.write_text('{"schema": 99}'), BadInputError, "has schema 99, this zoobench reads up to"),
    ],
)
def test_a_head_that_cannot_be_read_is_a_line(
    journal: Journal, write: Callable[[Path], object], error: type[Exception], message: str
) -> None:
    write(journal.folder / EXPERIMENT_FILE)
    with pytest.raises(error, match=message):
        load_evidence(journal.folder)


def test_a_disk_that_is_full_is_a_line_and_what_was_written_stays(journal: Journal) -> None:
    """The size of a file is bounded in a process of its own; SIGXFSZ ignored, writing fails as on a full disk."""
    size = (journal.folder / JOURNAL_FILE).stat().st_size
    script = f"""
        import resource, signal
        from pathlib import Path
        from zoobench.cases.errors import StoreError
        from zoobench.compare.journal import JournalLine, resume_journal
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        with resume_journal(Path({str(journal.folder)!r})) as journal:
            resource.setrlimit(resource.RLIMIT_FSIZE, ({size + 10}, {size + 10}))
            try:
                journal.add(JournalLine(note="too much " * 20))
            except StoreError as error:
                print(error)
        """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True)

    assert done.stdout == f"cannot write {journal.folder / JOURNAL_FILE}: File too large\n"
    assert load_evidence(journal.folder) == journal.evidence
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != size + 10


def test_a_results_folder_that_cannot_be_written_is_a_line(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("a file")
    with pytest.raises(StoreError, match="it is not a folder"):
        create_journal(tmp_path / "results", ASSIGNMENT, describe)


def test_a_line_is_of_one_thing() -> None:
    for parts in ({}, {"note": "a", "plan": PLAN}):
        with pytest.raises(ValueError, match="a line is of one thing"):
            JournalLine(**parts)
    assert msgspec.json.encode(JournalLine(note="a")) == b'{"note":"a"}'


def test_evidence_grows_in_the_order_of_the_lines(journal: Journal) -> None:
    assert isinstance(journal.evidence, Evidence)
    with resume_journal(journal.folder) as resumed:
        resumed.add(JournalLine(note="again"))
    assert load_evidence(journal.folder).notes == ("hot today", "again")
