from __future__ import annotations

import os
import stat
from pathlib import Path

import msgspec
import pytest
from synthetic import TROUBLED, make_calibration

from zoobench.cases import BadInputError, StoreError
from zoobench.records import SCHEMA, Environment, Unavailable, machine
from zoobench.records.machine import attach, calibration_facts, check_writable, read_calibration, write_calibration

ENVIRONMENT = Environment(
    host={"processor": "Example CPU", "usable_threads": "2", "governor": "unknown"},
    software={"torch": "2.14.1"},
    settings={"instruction_set": "AVX512"},
    commit={},
)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    made = make_calibration(TROUBLED, unavailable=(Unavailable(metric="steal", reason="no /proc"),))

    path = write_calibration(made, tmp_path / "new" / "results")

    assert path == tmp_path / "new" / "results" / "doctor.json"
    assert read_calibration(path.parent) == made
    assert [entry.name for entry in path.parent.iterdir()] == ["doctor.json"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_a_second_one_takes_the_place_of_the_first(tmp_path: Path) -> None:
    write_calibration(make_calibration(TROUBLED), tmp_path)
    write_calibration(make_calibration(), tmp_path)

    assert read_calibration(tmp_path) == make_calibration()


def test_ctrl_c_while_it_is_written_leaves_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_calibration(make_calibration(), tmp_path)

    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_calibration(make_calibration(TROUBLED), tmp_path)

    assert read_calibration(tmp_path) == make_calibration()
    assert [entry.name for entry in tmp_path.iterdir()] == ["doctor.json"]


def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fill(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fill)
    with pytest.raises(StoreError, match=r"^cannot write .*doctor\.json: No space left on device$"):
        write_calibration(make_calibration(), tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_found_before_anything_is_measured(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("", encoding="utf-8")

    for write in (check_writable, lambda results: write_calibration(make_calibration(), results)):
        with pytest.raises(StoreError, match=r"^cannot write .*doctor\.json: (Not a directory|File exists)$"):
            write(blocked)


def test_looking_whether_a_folder_can_be_written_leaves_nothing_in_it(tmp_path: Path) -> None:
    check_writable(tmp_path / "results")

    assert list((tmp_path / "results").iterdir()) == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is not a calibration: Input data was truncated"),
        (b"[1]", "is not a calibration: Expected `object`"),
        (b'{"schema": 3}', "is not a calibration: Object missing required field `made_at`"),
        (b'{"made_at": "now"}', "is not a calibration: no schema"),
        (b"\xff", "is not a calibration: "),
    ],
)
def test_what_is_no_calibration_is_said(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / machine.CALIBRATION_FILE).write_bytes(content)

    with pytest.raises(StoreError, match=reason):
        read_calibration(tmp_path)


def test_a_newer_schema_is_not_guessed_at(tmp_path: Path) -> None:
    newer = msgspec.json.encode(make_calibration(schema=SCHEMA + 1))
    (tmp_path / machine.CALIBRATION_FILE).write_bytes(newer)

    with pytest.raises(BadInputError, match="upgrade zoobench"):
        read_calibration(tmp_path)


def test_no_file_is_no_calibration(tmp_path: Path) -> None:
    assert read_calibration(tmp_path) is None
    assert read_calibration(tmp_path / "nowhere") is None
    assert attach(ENVIRONMENT, tmp_path) == (ENVIRONMENT, ())


# Attached to a run


def test_a_calibration_of_here_is_attached(tmp_path: Path) -> None:
    write_calibration(make_calibration(TROUBLED), tmp_path)

    environment, notes = attach(ENVIRONMENT, tmp_path)

    assert environment == msgspec.structs.replace(ENVIRONMENT, calibration=make_calibration(TROUBLED))
    assert notes == ()


@pytest.mark.parametrize("fact", machine.MUST_AGREE)
def test_a_calibration_of_elsewhere_is_not_and_one_line_says_so(tmp_path: Path, fact: str) -> None:
    made = make_calibration()
    write_calibration(make_calibration(facts=made.facts | {fact: "other"}), tmp_path)

    environment, notes = attach(ENVIRONMENT, tmp_path)

    assert environment == ENVIRONMENT
    [note] = notes
    assert note == (
        f"no calibration: {tmp_path / 'doctor.json'} was made with {fact} 'other', here {made.facts[fact]!r}: "
        "`python -m zoobench doctor` makes a new one"
    )


def test_facts_that_do_not_matter_may_differ(tmp_path: Path) -> None:
    facts = make_calibration().facts | {"governor": "performance", "busiest_processes": "cc1plus 7 (1.0)"}
    write_calibration(make_calibration(facts=facts), tmp_path)

    assert attach(ENVIRONMENT, tmp_path)[0].calibration is not None


@pytest.mark.parametrize("content", [b"{", b'{"schema": 99}'])
def test_one_that_cannot_be_read_is_a_line_and_never_an_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / machine.CALIBRATION_FILE).write_bytes(content)

    environment, notes = attach(ENVIRONMENT, tmp_path)

    assert environment == ENVIRONMENT
    assert len(notes) == 1
    assert notes[0].startswith("no calibration: ")
    assert "\n" not in notes[0]


def test_a_folder_in_the_place_of_the_file_is_a_line_too(tmp_path: Path) -> None:
    (tmp_path / machine.CALIBRATION_FILE).mkdir()

    assert "Is a directory" in attach(ENVIRONMENT, tmp_path)[1][0]


def test_facts_are_those_of_the_environment() -> None:
    facts = calibration_facts(ENVIRONMENT)

    assert {fact: facts[fact] for fact in machine.MUST_AGREE} == make_calibration().facts
    assert facts["governor"] == "unknown"
