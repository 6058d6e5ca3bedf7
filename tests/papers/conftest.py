from __future__ import annotations

import paper_nets
import pytest

from zoobench.papers.found import Zoo, collect_counted
from zoobench.records import CaseRecord


@pytest.fixture(scope="session")
def paper_records() -> tuple[CaseRecord, ...]:
    return paper_nets.paper_records()


@pytest.fixture(scope="session")
def zoo(paper_records) -> Zoo:
    return collect_counted(paper_records)
