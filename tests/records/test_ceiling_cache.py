from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from synthetic import make_case

from zoobench.cases import DeviceFacts, Precision
from zoobench.records import Ceiling, Environment
from zoobench.records.machine import CEILINGS_FILE, CeilingKey, add_to_cache, ceiling_facts, key_of, keys_of, read_cache

ENVIRONMENT = Environment(
    host={"processor": "Test CPU", "cores": "2", "load_before": "0.50"},
    software={"torch": "2.14.1", "pytest": "9.0"},
    settings={"instruction_set": "AVX512", "OMP_NUM_THREADS": "2"},
    commit={"revision": "abc"},
    devices=(DeviceFacts(name="cpu", is_available=True, model="Test CPU", facts={"instruction_set": "AVX512"}),),
)
FACTS = ceiling_facts(ENVIRONMENT, "cpu")
PRODUCT = Ceiling(
    device="cpu", kind="matrix-product", threads=2, rate=2e11, samples=(2e11,), method="told", precision="fp32"
)
COPY = Ceiling(device="cpu", kind="copy", threads=2, rate=1e10, samples=(1e10,), method="told")


@pytest.mark.parametrize(
    ("precision", "held_against"),
    [
        ("fp32", "fp32"),
        ("tf32", "tf32"),
        ("fp16", "fp16"),
        ("bf16", "bf16"),
        ("amp-fp16", "fp16"),
        ("amp-bf16", "bf16"),
    ],
)
def test_a_case_is_held_against_products_of_its_precision_and_copies(precision: str, held_against: str) -> None:
    case = make_case(precision=Precision(precision), threads=3)
    assert keys_of(case) == (CeilingKey("cpu", "matrix-product", 3, held_against), CeilingKey("cpu", "copy", 3))


def test_a_ceiling_has_the_key_that_asks_for_it() -> None:
    assert (key_of(PRODUCT), key_of(COPY)) == keys_of(make_case(threads=2))


def test_without_a_file_nothing_is_known_and_there_is_nothing_to_say(tmp_path: Path) -> None:
    assert read_cache(tmp_path / "results", FACTS) == ((), "")


def test_what_is_kept_is_read_back_and_a_newer_one_replaces_it(tmp_path: Path) -> None:
    folder = tmp_path / "results"
    newer = msgspec.structs.replace(PRODUCT, rate=3e11, samples=(3e11,))
    assert add_to_cache(folder, FACTS, [PRODUCT, COPY]) == ""
    assert read_cache(folder, FACTS) == ((PRODUCT, COPY), "")
    assert add_to_cache(folder, FACTS, [newer]) == ""
    assert read_cache(folder, FACTS).ceilings == (newer, COPY)
    assert [path.name for path in folder.iterdir()] == [CEILINGS_FILE], "nothing unfinished stays"


@pytest.mark.parametrize(
    ("group", "name", "value"),
    [
        ("host", "processor", "Other CPU"),
        ("software", "torch", "2.15.0"),
        ("settings", "OMP_NUM_THREADS", "1"),
        ("settings", "ONEDNN_MAX_CPU_ISA", "AVX2"),
    ],
)
def test_another_machine_or_environment_has_ceilings_of_its_own(
    tmp_path: Path, group: str, name: str, value: str
) -> None:
    changed = {**getattr(ENVIRONMENT, group), name: value}
    others = ceiling_facts(msgspec.structs.replace(ENVIRONMENT, **{group: changed}), "cpu")
    add_to_cache(tmp_path, FACTS, [PRODUCT])

    known = read_cache(tmp_path, others)
    assert known.ceilings == ()
    assert "is of another machine or environment" in known.note
    assert name in known.note
    assert repr(value) in known.note

    add_to_cache(tmp_path, others, [COPY])
    assert read_cache(tmp_path, FACTS) == ((PRODUCT,), ""), "each keeps its own"
    assert read_cache(tmp_path, others) == ((COPY,), "")


def test_what_does_not_matter_is_no_fact() -> None:
    later = msgspec.structs.replace(
        ENVIRONMENT, host={**ENVIRONMENT.host, "load_before": "3.0"}, commit={"revision": "def"}
    )
    assert ceiling_facts(later, "cpu") == FACTS
    assert ceiling_facts(ENVIRONMENT, "cuda") != FACTS


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b'{"layout": 1}',
        b'{"layout": 99, "entries": []}',
        b'{"layout": 1, "entries": [1]}',
    ],
)
def test_a_corrupt_file_is_measured_again_with_a_note_and_replaced(tmp_path: Path, content: bytes) -> None:
    (tmp_path / CEILINGS_FILE).write_bytes(content)
    known = read_cache(tmp_path, FACTS)
    assert known.ceilings == ()
    assert known.note.startswith(f"{tmp_path / CEILINGS_FILE} cannot be read (")
    assert known.note.endswith("): ceilings are measured again")
    assert add_to_cache(tmp_path, FACTS, [PRODUCT]) == ""
    assert read_cache(tmp_path, FACTS) == ((PRODUCT,), "")


def test_a_folder_that_cannot_be_written_is_a_note(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("a file", encoding="utf-8")
    note = add_to_cache(tmp_path / "results", FACTS, [PRODUCT])
    assert note.startswith(
        f"ceilings are not kept for the next run: cannot write {tmp_path / 'results' / CEILINGS_FILE}: "
    )
