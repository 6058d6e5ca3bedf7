"""The reading side's tests know a fabricated catalogue: what is published must not change their expected texts."""

import pytest
from synthetic import CATALOGUE, default_run

from zoobench.cases import catalogue
from zoobench.report.frame import collect_frame
from zoobench.report.selection import view_of


@pytest.fixture(autouse=True, scope="module")
def fabricated_catalogue():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalogue, "entries", lambda: CATALOGUE)
        yield


@pytest.fixture(scope="module")
def default_view(fabricated_catalogue):
    """One run of the default preset, with four batch sizes as on a GPU."""
    return view_of(collect_frame([default_run((1, 8, 32, 128))]))


@pytest.fixture(scope="module")
def two_runs_view(fabricated_catalogue):
    """Two runs of the default preset, as on a CPU."""
    other = default_run((1, 8), run_id="20260302T100000.000Z-head", label="head", scale=1.1)
    return view_of(collect_frame([default_run((1, 8)), other]))
