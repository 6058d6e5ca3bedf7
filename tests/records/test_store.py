from __future__ import annotations

import datetime as dt
import errno
import itertools
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic import failed, make_case, make_record, make_run, measurement, realistic_record

from zoobench.cases import BadInputError, Budget, Mode, StoreError, UnknownNameError
from zoobench.records import (
    SCHEMA,
    CaseRecord,
    Failure,
    FailureKind,
    Finding,
    Measurement,
    RunRecord,
    Severity,
    Unavailable,
    files,
    store,
)
from zoobench.records.store import (
    CASES_FILE,
    RUN_FILE,
    UPGRADES,
    RunWriter,
    create_run,
    load_run,
    newest_run,
    resume_run,
    run_id,
    stored_run_ids,
)

TESTS = Path(__file__).parents[1]
LABELS = (
    "../../etc/passwd",
    "a/b",
    "ä/日本語",
    "<script>alert(1)</script>",
    "x" * 500,
    "..",
    ".",
    "-",
    "",
    "a\nb",
    "\0",
)


def describe(name: str, started_at: str) -> RunRecord:
    return msgspec.structs.replace(make_run([]).run, run_id=name, started_at=started_at)


def batches(*numbers: int) -> list[CaseRecord]:
    return [realistic_record(make_case("lenet5", batch=number)) for number in numbers]


def write_run(results: Path, *records: CaseRecord, label: str = "test") -> str:
    with create_run(results, describe, label) as writer:
        for record in records:
            writer.append(record)
    return writer.run.run_id


def cases_file(results: Path, name: str) -> Path:
    return results / name / CASES_FILE


def encoded(record: CaseRecord) -> bytes:
    return msgspec.json.encode(record) + b"\n"


def run_script(script: str, *arguments: object, **options: Any) -> subprocess.Popen[str]:
    """A process of its own, which talks over its standard streams."""
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": str(TESTS)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        **options,
    )


# What is written is read back


finite = st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def measurements(draw: st.DrawFn) -> Measurement:
    n = draw(st.integers(1, 5))
    values = st.lists(finite, min_size=n, max_size=n).map(tuple)
    return Measurement(
        metric=draw(st.text(max_size=9)),
        samples=draw(values),
        method=draw(st.text(max_size=9)),
        calls_per_sample=draw(st.integers(1, 9)),
        covariates=draw(st.dictionaries(st.text(max_size=9), values, max_size=2)),
    )


records = st.builds(
    CaseRecord,
    case=st.builds(make_case, batch=st.integers(1, 999), mode=st.sampled_from(Mode), device=st.text(max_size=9)),
    budget=st.builds(Budget, max_s=st.floats(0, 1e6)),
    started_at=st.text(max_size=9),
    duration_s=finite,
    in_calls_s=finite,
    measurements=st.lists(measurements(), max_size=3).map(tuple),
    unavailable=st.lists(st.builds(Unavailable, metric=st.text(), reason=st.text())).map(tuple),
    findings=st.lists(
        st.builds(
            Finding,
            code=st.text(max_size=9),
            severity=st.sampled_from(Severity),
            values=st.dictionaries(st.text(max_size=9), finite | st.text(), max_size=2),
        ),
        max_size=2,
    ).map(tuple),
    failure=st.none()
    | st.builds(Failure, kind=st.sampled_from(FailureKind), message=st.text(), where=st.text(max_size=9)),
)


@settings(deadline=None)  # it waits for the disk
@given(written=st.lists(records, max_size=3, unique_by=lambda record: record.case.id))
def test_what_is_appended_is_loaded(tmp_path_factory: pytest.TempPathFactory, written: list[CaseRecord]) -> None:
    results = tmp_path_factory.mktemp("results")
    stored = load_run(results, write_run(results, *written))
    assert (list(stored.records), stored.notes) == (written, ())


def test_the_head_says_what_was_asked_and_when(tmp_path: Path) -> None:
    before = dt.datetime.now(dt.UTC)
    name = write_run(tmp_path, label="a/b")
    after = dt.datetime.now(dt.UTC)
    run = load_run(tmp_path, name).run
    assert run == describe(name, run.started_at)
    started_at = dt.datetime.fromisoformat(run.started_at)
    assert before - dt.timedelta(milliseconds=1) <= started_at <= after
    assert name == run_id(started_at, "a/b")


def test_a_run_without_a_finished_case_is_empty_and_not_broken(tmp_path: Path) -> None:
    name = write_run(tmp_path)
    cases_file(tmp_path, name).unlink()
    assert load_run(tmp_path, name).records == ()


def test_a_case_measured_again_replaces_the_first_one(tmp_path: Path) -> None:
    first, other = batches(1, 2)
    again = failed(first.case)
    stored = load_run(tmp_path, write_run(tmp_path, first, other, again))
    assert stored.records == (other, again)


# A finished case is on the disk


def test_every_case_is_synced_before_append_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[bytes] = []
    real_fsync = os.fsync

    def fsync(file: int) -> None:
        synced.append(os.pread(file, os.fstat(file).st_size, 0))
        real_fsync(file)

    lines = [encoded(record) for record in batches(1, 2, 3)]
    with create_run(tmp_path, describe, "test") as writer:
        monkeypatch.setattr(os, "fsync", fsync)
        for number, record in enumerate(batches(1, 2, 3), start=1):
            writer.append(record)
            assert synced[number - 1 :] == [b"".join(lines[:number])]


def test_a_line_that_the_system_takes_in_pieces_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real_write = os.write
    monkeypatch.setattr(os, "write", lambda file, line: real_write(file, line[:7]))
    written = batches(1, 2)
    assert load_run(tmp_path, write_run(tmp_path, *written)).records == tuple(written)


APPEND_FOR_EVER = """
import itertools, pathlib, sys
from synthetic import make_case, realistic_record
from zoobench.records import files, store
from zoobench.records import RunRecord

writer, stored = store.resume_run(pathlib.Path(sys.argv[1]), sys.argv[2])
for batch in itertools.count(len(stored.records) + 1):
    record = realistic_record(make_case("lenet5", batch=batch), rounds=400)
    writer.append(record)
    print(batch, flush=True)
"""


def test_kill_9_keeps_every_finished_case_and_the_run_goes_on(tmp_path: Path) -> None:
    name = write_run(tmp_path)
    finished = 0
    for more in (1, 2, 5, 13, 29):
        with run_script(APPEND_FOR_EVER, tmp_path, name) as process:
            told = [int(process.stdout.readline()) for _ in range(more)]
            with pytest.raises(StoreError, match=f"^run {name} is being written by another process: wait for it"):
                resume_run(tmp_path, name)
            process.send_signal(signal.SIGKILL)
            told += map(int, process.stdout.read().split())
        assert process.returncode == -signal.SIGKILL
        assert told[0] == finished + 1, "it goes on where the one before it was killed"
        stored = load_run(tmp_path, name)
        kept = [record.case.batch for record in stored.records]
        assert kept == list(range(1, len(kept) + 1))
        assert told[-1] <= len(kept) <= told[-1] + 1, "only the case of which it could not tell any more is open"
        assert len(stored.notes) <= 1
        finished = len(kept)
    writer, stored = resume_run(tmp_path, name)
    with writer:
        writer.append(realistic_record(make_case("lenet5", batch=finished + 1)))
    stored = load_run(tmp_path, name)
    assert ([record.case.batch for record in stored.records], stored.notes) == (list(range(1, finished + 2)), ())
    assert len(cases_file(tmp_path, name).read_bytes().splitlines()) == finished + 1, "no case was written twice"


START_MANY = """
import pathlib, sys
from synthetic import make_case, make_run, realistic_record
import msgspec
from zoobench.records import files, store

def describe(name, started_at):
    return msgspec.structs.replace(make_run([]).run, run_id=name, started_at=started_at)

print("ready", flush=True)
sys.stdin.readline()
for number in range(1, 1 + int(sys.argv[2])):
    with store.create_run(pathlib.Path(sys.argv[1]), describe, "same") as writer:
        writer.append(realistic_record(make_case("lenet5", batch=number, threads=int(sys.argv[3]))))
    print(writer.run.run_id)
"""


def test_runs_that_start_at_once_in_one_folder_all_survive(tmp_path: Path) -> None:
    results, starts, writers = tmp_path / "results", 25, 4
    processes = [run_script(START_MANY, results, starts, number) for number in range(1, writers + 1)]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    names = [process.communicate()[0].split() for process in processes]
    assert sorted(itertools.chain(*names)) == stored_run_ids(results)
    assert len(stored_run_ids(results)) == starts * writers
    for threads, of_one in enumerate(names, start=1):
        assert of_one == sorted(of_one), "ids sort by time"
        for number, name in enumerate(of_one, start=1):
            stored = load_run(results, name)
            assert [(record.case.batch, record.case.threads) for record in stored.records] == [(number, threads)]


def test_a_run_has_one_writer(tmp_path: Path) -> None:
    name = write_run(tmp_path)
    writer, _ = resume_run(tmp_path, name)
    with writer, pytest.raises(StoreError) as raised:
        resume_run(tmp_path, name)
    assert str(raised.value) == (f"run {name} is being written by another process: wait for it, or start a new one")
    resume_run(tmp_path, name)[0].close()


# A line that is not whole


def test_a_line_cut_off_anywhere_is_skipped_said_and_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda file: None)  # hundreds of appends, none to outlive this test
    first, last, later = (failed(record.case, message="ßpeicher ist alle ✗") for record in batches(1, 2, 3))
    name = write_run(tmp_path, first, last)
    path = cases_file(tmp_path, name)
    whole = path.read_bytes()
    start = len(encoded(first))
    note = f"{path} line 2, the last, was cut off in the middle of a case and was skipped"
    for cut in range(start, len(whole)):
        path.write_bytes(whole[:cut])
        writer, stored = resume_run(tmp_path, name)
        assert stored.records == (first,), cut
        assert stored.notes == (() if cut == start else (note,)), cut
        with writer:
            writer.append(later)
        assert path.read_bytes() == encoded(first) + encoded(later), cut
    path.write_bytes(whole)
    assert load_run(tmp_path, name).records == (first, last)


@pytest.mark.parametrize("resumed", [False, True])
def test_reading_changes_nothing(tmp_path: Path, *, resumed: bool) -> None:
    name = write_run(tmp_path, *batches(1, 2))
    path = cases_file(tmp_path, name)
    path.write_bytes(path.read_bytes()[:-5])
    before = path.read_bytes()
    if resumed:
        resume_run(tmp_path, name)[0].close()
    else:
        load_run(tmp_path, name)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"not json\n", "JSON is malformed: invalid character (byte 4)"),
        (b"\n", "Input data was truncated"),
        (b"null\n", "Expected `object`, got `null`"),
        (b"[1]\n", "Expected `object`, got `array`"),
        (b"{}\n", "Object missing required field `schema`"),
        (b'{"schema": 0}\n', "no schema"),
        (b'{"schema": "1"}\n', "Expected `int`, got `str` - at `$.schema`"),
        (b'{"schema": 1}\n', "Object missing required field `case`"),
        (b'"\xff"\n', ""),
        (b'{"schema": 1, "case": "\xff"}\n', ""),
        (b"\0\0\0\n", "JSON is malformed: invalid character (byte 0)"),
    ],
)
def test_a_corrupt_line_is_skipped_and_said_with_its_number(tmp_path: Path, line: bytes, reason: str) -> None:
    first, last = batches(1, 2)
    name = write_run(tmp_path, first, last)
    path = cases_file(tmp_path, name)
    path.write_bytes(encoded(first) + line + encoded(last))
    stored = load_run(tmp_path, name)
    assert stored.records == (first, last)
    assert len(stored.notes) == 1
    assert stored.notes[0].startswith(f"{path} line 2 is corrupt and was skipped: {reason}")
    assert "\n" not in stored.notes[0]


def test_bytes_that_are_no_text_are_corrupt(tmp_path: Path) -> None:
    first, last = batches(1, 2)
    name = write_run(tmp_path, first, last)
    path = cases_file(tmp_path, name)
    path.write_bytes(encoded(first).replace(b"fabricated", b"fabric\xffted") + encoded(last))
    stored = load_run(tmp_path, name)
    assert stored.records == (last,)
    assert stored.notes[0].startswith(f"{path} line 1 is corrupt and was skipped: 'utf-8' codec can't decode byte 0xff")


def test_a_record_that_breaks_a_promise_is_corrupt(tmp_path: Path) -> None:
    record = make_record(make_case(), [measurement("latency", 1.0)])
    name = write_run(tmp_path, record)
    path = cases_file(tmp_path, name)
    path.write_bytes(path.read_bytes().replace(b'"samples":[1.0]', b'"samples":[]'))
    stored = load_run(tmp_path, name)
    assert stored.records == ()
    assert "a measurement has samples" in stored.notes[0]


# The schema


def newer(path: Path, line: bytes) -> None:
    path.write_bytes(re.sub(rb'"schema": ?\d+', b'"schema":99', line))


def test_cases_of_a_newer_schema_are_refused(tmp_path: Path) -> None:
    first, last = batches(1, 2)
    name = write_run(tmp_path, first)
    path = cases_file(tmp_path, name)
    with path.open("ab") as file:
        file.write(re.sub(rb'"schema": ?\d+', b'"schema":99', encoded(last)))
    for read in (load_run, resume_run):
        with pytest.raises(BadInputError) as raised:
            read(tmp_path, name)
        assert str(raised.value) == f"{path}:2 has schema 99, this zoobench reads up to {SCHEMA}: upgrade zoobench"
    RunWriter(tmp_path / name, describe(name, "")).close()  # a refused resumption lets go of the run


def test_a_head_of_a_newer_schema_is_refused(tmp_path: Path) -> None:
    name = write_run(tmp_path, *batches(1))
    path = tmp_path / name / RUN_FILE
    newer(path, path.read_bytes())
    with pytest.raises(BadInputError) as raised:
        load_run(tmp_path, name)
    assert str(raised.value) == f"{path} has schema 99, this zoobench reads up to {SCHEMA}: upgrade zoobench"


def test_there_is_a_step_from_every_older_schema() -> None:
    assert sorted(UPGRADES) == list(range(1, SCHEMA))


def test_older_lines_climb_the_ladder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Suppose that schema 1 said `duration_ms`, and that schemas 1 and 2 called `started_at` `began`."""

    def from_1(document: dict[str, Any]) -> dict[str, Any]:
        return document | {"duration_s": document.pop("duration_ms") / 1000} if "case" in document else document

    def from_2(document: dict[str, Any]) -> dict[str, Any]:
        return document | {"started_at": document.pop("began")}

    first, second, third = batches(1, 2, 3)
    name = write_run(tmp_path, first)
    newest = json.loads(encoded(third)) | {"schema": 3}
    middle = json.loads(encoded(second)) | {"schema": 2, "began": second.started_at}
    oldest = json.loads(encoded(first)) | {"schema": 1, "began": first.started_at, "duration_ms": 4000}
    del middle["started_at"], oldest["started_at"], oldest["duration_s"]
    lines = [json.dumps(document) + "\n" for document in (oldest, middle, newest)]
    cases_file(tmp_path, name).write_text("".join(lines))
    head = tmp_path / name / RUN_FILE
    head.write_text(head.read_text().replace('"started_at"', '"began"').replace(f'"schema": {SCHEMA}', '"schema": 2'))

    monkeypatch.setattr(store, "SCHEMA", 3)
    monkeypatch.setattr(store, "UPGRADES", {1: from_1, 2: from_2})
    stored = load_run(tmp_path, name)
    assert stored.notes == ()
    assert stored.records == tuple(msgspec.structs.replace(record, schema=3) for record in (first, second, third))
    assert (stored.run.schema, stored.run.run_id) == (3, name)


# Folders that cannot be read or written


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{}", b"null", b"\xff", b'{"schema": 1}', b'{"schema": 0}', b'{"sch', b'{"schema": "\xff"}'],
)
def test_a_broken_head_is_one_line(tmp_path: Path, content: bytes) -> None:
    name = write_run(tmp_path)
    path = tmp_path / name / RUN_FILE
    path.write_bytes(content)
    with pytest.raises(StoreError) as raised:
        load_run(tmp_path, name)
    assert str(raised.value).startswith(f"{path} is not the head of a run: ")
    assert "\n" not in str(raised.value)


def test_a_head_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    name = write_run(tmp_path)
    (tmp_path / name / RUN_FILE).unlink()
    (tmp_path / name / RUN_FILE).mkdir()
    with pytest.raises(StoreError, match=r"^cannot read .*run.json: Is a directory$"):
        load_run(tmp_path, name)


def test_cases_that_cannot_be_read_are_one_line(tmp_path: Path) -> None:
    name = write_run(tmp_path)
    cases_file(tmp_path, name).unlink()
    cases_file(tmp_path, name).mkdir()
    with pytest.raises(StoreError, match=r"^cannot read .*cases.jsonl: Is a directory$"):
        load_run(tmp_path, name)
    with pytest.raises(StoreError, match=r"^cannot write .*cases.jsonl: Is a directory$"):
        resume_run(tmp_path, name)


def make_file(path: Path) -> Path:
    path.write_text("")
    return path


def make_dangling_link(path: Path) -> Path:
    path.symlink_to(path.parent / "nowhere")
    return path


@pytest.mark.timeout(20)
@pytest.mark.parametrize("below", ["", "deeper"])
@pytest.mark.parametrize("make", [make_file, make_dangling_link])
def test_results_that_are_no_folder_are_said(tmp_path: Path, make: Callable[[Path], Path], below: str) -> None:
    results = make(tmp_path / "results") / below
    with pytest.raises(StoreError) as raised:
        write_run(results)
    assert str(raised.value) == f"cannot write results to {results}: it is not a folder"


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that not even root can write to")
def test_results_that_cannot_be_written_are_said() -> None:
    with pytest.raises(StoreError, match=r"^cannot write /proc/results: No such file or directory$"):
        write_run(Path("/proc/results"))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    name = write_run(tmp_path)
    path = cases_file(tmp_path, name)
    path.unlink()
    path.symlink_to("/dev/full")
    with RunWriter(path.parent, describe(name, "")) as writer, pytest.raises(StoreError) as raised:
        writer.append(batches(1)[0])
    assert str(raised.value) == f"cannot write {path}: No space left on device"


FILL_THE_DISK = """
import pathlib, resource, sys
from synthetic import make_case, make_run, realistic_record
import msgspec
from zoobench.records import files, store
from zoobench.cases.errors import StoreError

def describe(name, started_at):
    return msgspec.structs.replace(make_run([]).run, run_id=name, started_at=started_at)

def limit(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

def told(action, *arguments):
    try:
        action(*arguments)
    except StoreError as error:
        print(error)

results = pathlib.Path(sys.argv[1])
limit(10)
told(store.create_run, results, describe, "no-head")
limit(resource.RLIM_INFINITY)
print(len(store.stored_run_ids(results)))
with store.create_run(results, describe, "test") as writer:
    first, second, third = (realistic_record(make_case("lenet5", batch=batch)) for batch in (1, 2, 3))
    writer.append(first)
    limit((writer.path / store.CASES_FILE).stat().st_size + 100)
    told(writer.append, second)
    limit(resource.RLIM_INFINITY)
    stored = store.load_run(results, writer.run.run_id)
    print(len(stored.records), len(stored.notes))
    writer.append(third)
"""


def test_a_disk_that_fills_up_in_the_middle_of_a_line_keeps_the_cases_before(tmp_path: Path) -> None:
    told, _ = run_script(FILL_THE_DISK, tmp_path).communicate()
    (name,) = stored_run_ids(tmp_path)
    no_head, no_runs, no_case, counts = told.splitlines()
    assert re.fullmatch(rf"cannot write {re.escape(str(tmp_path))}/\S+-no-head/run.json: File too large", no_head)
    assert no_runs == "0"
    assert no_case == f"cannot write {cases_file(tmp_path, name)}: File too large"
    assert counts == "1 0"
    stored = load_run(tmp_path, name)
    assert [record.case.batch for record in stored.records] == [1, 3]
    assert stored.notes == ()


def test_a_line_that_cannot_be_synced_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = batches(1, 2)
    with create_run(tmp_path, describe, "test") as writer:
        writer.append(first)
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", _fail_with(errno.EIO))
            with pytest.raises(StoreError, match=r": Input/output error$"):
                writer.append(second)
    assert load_run(tmp_path, writer.run.run_id).records == (first,)


def test_half_a_line_that_cannot_be_cut_back_is_cut_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third = batches(1, 2, 3)
    real_write = os.write

    def write_half(file: int, line: bytes) -> int:
        real_write(file, line[: len(line) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    with create_run(tmp_path, describe, "test") as writer:
        writer.append(first)
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", write_half)
            patch.setattr(os, "ftruncate", _fail_with(errno.EROFS))
            with pytest.raises(StoreError, match=r": No space left on device$"):
                writer.append(second)
        stored = load_run(tmp_path, writer.run.run_id)
        assert (stored.records, len(stored.notes)) == ((first,), 1)
        writer.append(third)
    stored = load_run(tmp_path, writer.run.run_id)
    assert (stored.records, stored.notes) == ((first, third), ())


def test_a_file_system_without_locks_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files.fcntl, "flock", _fail_with(errno.ENOLCK))
    with pytest.raises(StoreError, match=r"^cannot lock .*cases.jsonl: No locks available$"):
        write_run(tmp_path)


def _fail_with(code: int) -> Callable[..., None]:
    def fail(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    return fail


# Names


@pytest.mark.parametrize("label", LABELS)
def test_no_label_leaves_the_results_folder(tmp_path: Path, label: str) -> None:
    results = tmp_path / "results"
    name = write_run(results, label=label)
    assert [path.name for path in tmp_path.iterdir()] == ["results"]
    assert [path.name for path in results.iterdir()] == [name] == stored_run_ids(results)
    assert len(name) <= 64


@given(st.text())
def test_an_id_is_a_plain_name(label: str) -> None:
    name = run_id(dt.datetime(2026, 3, 1, 10, 0, 0, 7999, dt.UTC), label)
    assert re.fullmatch(r"20260301T100000\.007Z(-[A-Za-z0-9_][A-Za-z0-9._-]{0,39})?", name)
    assert store.RUN_ID.match(name)


@pytest.mark.parametrize(
    ("label", "slug"),
    [
        ("default", "-default"),
        ("../../etc/passwd", "-etc-passwd"),
        ("a/b", "-a-b"),
        ("größe 2", "-gr-e-2"),
        ("日本語", ""),
        ("<script>", "-script"),
        ("v1.2_x", "-v1.2_x"),
        ("x" * 500, "-" + "x" * 40),
    ],
)
def test_a_label_in_an_id(label: str, slug: str) -> None:
    assert run_id(dt.datetime(2026, 3, 1, tzinfo=dt.UTC), label) == f"20260301T000000.000Z{slug}"


moments = st.datetimes(dt.datetime(2000, 1, 1), dt.datetime(2999, 1, 1), timezones=st.just(dt.UTC))  # noqa: DTZ001


@given(moments, moments, st.text(max_size=9), st.text(max_size=9))
def test_ids_sort_by_time(first: dt.datetime, second: dt.datetime, one: str, other: str) -> None:
    if first.replace(microsecond=first.microsecond // 1000 * 1000) < second.replace(
        microsecond=second.microsecond // 1000 * 1000
    ):
        assert run_id(first, one) < run_id(second, other)


def test_only_runs_are_listed_oldest_first(tmp_path: Path) -> None:
    names = ["20260301T100000.000Z-z", "20260301T100000.001Z-a", "20270101T000000.000Z"]
    for name in (*reversed(names), "reference", "2026", "20260301T1000Z", "notes-20260301T100000.000Z"):
        (tmp_path / name).mkdir()
        (tmp_path / name / RUN_FILE).write_text("{}")
    (tmp_path / "20260301T100000.002Z-headless").mkdir()
    (tmp_path / "20260301T100000.002Z-headless" / f"{RUN_FILE}.unfinished").write_text("{")
    (tmp_path / "20260301T100000.003Z-file").write_text("")
    assert stored_run_ids(tmp_path) == names
    assert newest_run(tmp_path) == names[-1]


def test_a_run_that_does_not_exist_is_answered_with_the_nearest(tmp_path: Path) -> None:
    name = write_run(tmp_path, label="default")
    for read in (load_run, resume_run):
        with pytest.raises(UnknownNameError) as raised:
            read(tmp_path, name[:-1])
        assert str(raised.value) == f"unknown run '{name[:-1]}': did you mean {name}?"


@pytest.mark.parametrize("name", ["..", "../outside", "", "/", "20260301T100000.000Z/../../outside"])
def test_a_run_id_is_never_a_path(tmp_path: Path, name: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / RUN_FILE).write_text("{}")
    with pytest.raises(UnknownNameError, match=r"^unknown run .*: known: none$"):
        load_run(tmp_path / "results", name)


@pytest.mark.parametrize("exists", [False, True])
def test_no_runs_are_answered_with_how_to_get_one(tmp_path: Path, *, exists: bool) -> None:
    results = tmp_path / "results"
    if exists:
        results.mkdir()
    assert stored_run_ids(results) == []
    with pytest.raises(BadInputError) as raised:
        newest_run(results)
    assert str(raised.value) == f"there are no runs in {results}: `python -m zoobench run` measures one"
