from __future__ import annotations

import mmap

from zoobench.timing.covariates import Counters, read_counters


def test_differences_are_by_name() -> None:
    earlier = Counters(page_faults=10.0, involuntary_switches=4.0, cpu_s=1.5)
    later = Counters(page_faults=13.0, involuntary_switches=4.0, cpu_s=2.0)

    assert later.since(earlier) == {"page_faults": 3.0, "involuntary_switches": 0.0, "cpu_s": 0.5}


def test_touching_fresh_pages_is_counted() -> None:
    pages = 400
    before = read_counters()
    with mmap.mmap(-1, pages * mmap.PAGESIZE) as memory:
        memory.madvise(mmap.MADV_NOHUGEPAGE)
        for page in range(pages):
            memory[page * mmap.PAGESIZE] = 1
        added = read_counters().since(before)

    assert added["page_faults"] >= pages


def test_processor_time_of_this_process_is_counted() -> None:
    before = read_counters()
    while read_counters().since(before)["cpu_s"] < 0.02:
        sum(range(10_000))

    assert read_counters().since(before)["cpu_s"] >= 0.02
