from __future__ import annotations

import pytest

from zoobench.cases import BadInputError, IdentityError, StoreError, UnknownNameError, ZoobenchError

TWENTY = "10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29"
MODELS = ("resnet18", "resnet34", "resnet50", "vgg16")


@pytest.mark.parametrize(
    ("name", "known", "where_listed", "text"),
    [
        ("vgg61", MODELS, "`list`", "unknown model 'vgg61': did you mean vgg16?"),
        (
            "resnet1",
            ("resnet18", "resnet152", "vgg16"),
            "",
            "unknown model 'resnet1': did you mean resnet18 or resnet152?",
        ),
        ("resnet", MODELS, "", "unknown model 'resnet': did you mean resnet50, resnet34 or resnet18?"),
        ("zzz", MODELS, "`list`", "unknown model 'zzz': `list` prints the names"),
        ("zzz", ("b", "a"), "", "unknown model 'zzz': known: a, b"),
        ("zzz", [str(number) for number in range(10, 30)], "", f"unknown model 'zzz': known: {TWENTY}"),
        ("zzz", [str(number) for number in range(10, 39)], "", f"unknown model 'zzz': known: {TWENTY} and 9 more"),
        ("zzz", (), "", "unknown model 'zzz': known: none"),
        ("new\nline", (), "", "unknown model 'new\\nline': known: none"),
    ],
)
def test_unknown_name_says_what_would_be_right(name: str, known: tuple[str, ...], where_listed: str, text: str) -> None:
    assert str(UnknownNameError("model", name, known, where_listed=where_listed)) == text


def test_the_nearest_names_do_not_depend_on_the_order_of_the_known_ones() -> None:
    texts = {str(UnknownNameError("model", "resnet", known)) for known in (MODELS, MODELS[::-1], set(MODELS))}
    assert len(texts) == 1


@pytest.mark.parametrize("kind", [UnknownNameError, BadInputError, StoreError])
def test_every_mistake_of_the_user_ends_the_program_with_2(kind: type[ZoobenchError]) -> None:
    assert issubclass(kind, ZoobenchError)
    assert kind.exit_code == 2


def test_a_side_that_is_not_what_it_should_be_ends_the_program_with_5() -> None:
    assert issubclass(IdentityError, ZoobenchError)
    assert IdentityError.exit_code == 5
