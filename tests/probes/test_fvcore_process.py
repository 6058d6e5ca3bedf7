from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import pytest
import torch
from torch import nn

from zoobench.cases import ImageSize, ModelRef
from zoobench.probes.fvcore_process import Answer, FvcoreProcess, Question, answer

PICTURE = ImageSize(32, 32)


def linear() -> nn.Module:
    print("a factory may print")  # noqa: T201
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 10))


def killed() -> nn.Module:
    os.kill(os.getpid(), signal.SIGKILL)
    return nn.Identity()


def endless() -> nn.Module:
    while True:
        time.sleep(1)


class Refusing(nn.Module):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        raise ValueError("I take\nno pictures")


def question(factory: object, picture: ImageSize = PICTURE) -> Question:
    return Question(ModelRef("import", f"test_fvcore_process:{factory.__name__}"), picture)  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.path.dirname(__file__))  # noqa: PTH120
    monkeypatch.syspath_prepend(os.path.dirname(__file__))  # noqa: PTH120


@pytest.fixture
def fvcore() -> Iterator[FvcoreProcess]:
    with FvcoreProcess() as process:
        yield process


def test_one_process_answers_several_questions(fvcore: FvcoreProcess) -> None:
    for model, macs in (
        (question(linear), 3 * 32 * 32 * 10),
        (Question(ModelRef("zoobench", "lenet5"), PICTURE), 416_520),
    ):
        opinion = fvcore.ask(model).opinion
        assert opinion is not None
        assert opinion.macs == macs


def test_a_crash_is_a_reason_and_the_next_question_is_answered(fvcore: FvcoreProcess) -> None:
    assert fvcore.ask(question(killed)) == Answer(reason="fvcore's process was killed by SIGKILL")
    assert fvcore.ask(question(linear)).opinion is not None


def test_a_question_that_takes_too_long_is_given_up() -> None:
    with FvcoreProcess(time_limit_s=0.2) as impatient:
        assert impatient.ask(question(endless)) == Answer(reason="fvcore gave no answer within 0.2 s")


def test_what_a_model_raises_is_a_reason_of_one_line() -> None:
    assert answer(question(Refusing)) == Answer(reason="fvcore raised ValueError: I take no pictures")


def test_what_cannot_be_asked_is_a_reason() -> None:
    found = answer(Question(ModelRef("zoobench", "lenet5"), ImageSize(8, 8)))
    assert found.opinion is None
    assert "too small for lenet5" in found.reason
