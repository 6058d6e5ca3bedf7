import subprocess
import sys

import pytest

from zoobench.cases import ImageSize, Matrix, Mode, ModelRef, catalogue
from zoobench.cases.options import expanded
from zoobench.papers import timed
from zoobench.papers.published import figures
from zoobench.papers.timed import rows_left_out, timed_plans, timed_rows

MOST_CASES = 60
MOST_SECONDS = 600.0
A_PROCESS_S = 2.0
"""To build a net and count it, in a worker of its own."""

MACHINE = Matrix(threads=2, device="cpu")
COLUMNS = [("MobileNetV2", "cpu_time"), ("ShuffleNetV2", "arm_speed"), ("ShuffleNetV2", "gpu_speed")]


@pytest.fixture(scope="module")
def planned():
    """Every case with its budget."""
    return [(case, plan.budget) for plan in timed_plans() for case in expanded(plan.matrix.over(MACHINE))]


def test_every_case_is_planned_once_and_can_be_built_at_its_size(planned):
    cases = [case for case, _ in planned]
    assert len({case.id for case in cases}) == len(cases) <= MOST_CASES
    for case in cases:
        catalogue.check_image_size(catalogue.entry_of(case.model), case.resolution)
        assert catalogue.entry_of(case.model) in catalogue.entries()


def test_all_cases_fit_in_ten_minutes(planned):
    assert sum(A_PROCESS_S + (budget.max_s if budget.max_rounds else 0) for _, budget in planned) < MOST_SECONDS


def test_five_nets_are_called_on_one_thread_at_the_three_resolutions_of_table_8(planned):
    on_a_core = [case for case, _ in planned if (case.mode, case.batch, case.threads) == (Mode.INFER, 1, 1)]
    for resolution in (ImageSize(224, 224), ImageSize(480, 640), ImageSize(720, 1280)):
        models = {case.model.name for case in on_a_core if case.resolution == resolution}
        assert models >= {
            "alexnet", "mobilenet_v1_100", "shufflenet_v1_g3_x0_5", "shufflenet_v1_g3_x1_0", "shufflenet_v1_g3_x2_0",
        }  # fmt: skip


def test_training_is_planned_for_xception_and_inception_alone(planned):
    training = {(case.model.name, case.resolution) for case, _ in planned if case.mode is Mode.TRAIN}
    assert training == {("xception", ImageSize(299, 299)), ("inception_v3", ImageSize(299, 299))}


def test_a_ratio_s_interval_is_within_reach_of_every_timed_case(planned):
    assert {budget.min_rounds for _, budget in planned if budget.max_rounds} == {8}


@pytest.mark.parametrize(("paper", "metric"), COLUMNS)
def test_every_printed_row_has_a_net_or_a_reason(paper, metric):
    rows, left_out = timed_rows(paper, metric), rows_left_out(paper, metric)
    assert not rows.keys() & left_out.keys()
    printed = {figure.model for figure in figures() if (figure.paper, figure.metric) == (paper, metric)}
    assert rows.keys() | left_out.keys() == printed
    assert all(left_out.values())


def test_a_net_printed_twice_is_ranked_once():
    rows = timed_rows("ShuffleNetV2", "arm_speed")
    assert len(set(rows.values())) == len(rows) == 19
    assert "1.0 MobileNet v2" in rows
    assert rows_left_out("ShuffleNetV2", "arm_speed")["1.0 MobileNet v2 (our impl.)"].startswith("the same net")


def test_a_row_that_nobody_gave_a_reason_for_is_no_silent_gap(monkeypatch):
    monkeypatch.setattr(timed, "_LEFT_OUT", {})
    with pytest.raises(KeyError, match="NasNet-A"):
        rows_left_out("MobileNetV2", "cpu_time")


def test_small_pictures_are_of_the_size_in_the_table_s_footnotes():
    rows = timed_rows("ShuffleNetV2", "gpu_speed")
    assert rows["0.4 MobileNet v2 (our impl.)*"].resolution == (160, 160)
    assert rows["0.75 MobileNet v2 (our impl.)**"].resolution == (192, 192)


def test_conditions_fit_a_case_by_mode_batch_precision_and_threads():
    (plan,) = [plan for plan in timed_plans() if plan.matrix.modes == (Mode.TRAIN,)]
    (case, _) = expanded(plan.matrix.over(MACHINE))
    assert case.model == ModelRef("torchvision", "inception_v3")
    assert timed.TRAINING.fit(case)
    assert not timed.BATCH_OF_8.fit(case)
    assert not timed.TRAINING._replace(threads=1).fit(case)


def test_plans_need_neither_torch_nor_pandas():
    program = "import sys; from zoobench.papers.timed import timed_plans; timed_plans(); print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout.split()
    assert not {"torch", "pandas", "scipy"} & set(modules)
