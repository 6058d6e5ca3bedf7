import json
import os
from pathlib import Path

import msgspec
import pytest
from synthetic import make_comparison

import zoobench.records
from zoobench.cases import BadInputError, StoreError
from zoobench.records.comparison import load_comparison, schema_of_document, write_document

SCHEMA_FILE = Path(zoobench.records.__file__).parent / "compare.schema.json"


def test_the_schema_in_the_repository_is_up_to_date():
    """`ZOOBENCH_REWRITE_GOLDEN=1` rewrites it."""
    text = json.dumps(schema_of_document(), indent=2) + "\n"
    if os.environ.get("ZOOBENCH_REWRITE_GOLDEN"):
        SCHEMA_FILE.write_text(text, encoding="utf-8")
    assert text == SCHEMA_FILE.read_text(encoding="utf-8")


def fits(value, schema, definitions):
    """Whether a value fits the schema; supports only what msgspec emits."""
    if "$ref" in schema:
        return fits(value, definitions[schema["$ref"].rpartition("/")[2]], definitions)
    if "anyOf" in schema:
        return any(fits(value, each, definitions) for each in schema["anyOf"])
    if "enum" in schema:
        return value in schema["enum"]
    kind = schema["type"]
    if kind == "object":
        known = schema.get("properties", {})
        others = schema.get("additionalProperties", {})
        return (
            isinstance(value, dict)
            and set(schema.get("required", ())) <= set(value)
            and (set(value) <= set(known) or bool(others))
            and all(fits(each, known.get(name, others), definitions) for name, each in value.items())
        )
    if kind == "array":
        return isinstance(value, list) and all(fits(each, schema["items"], definitions) for each in value)
    types = {"string": str, "boolean": bool, "null": type(None), "integer": int, "number": (int, float)}
    return isinstance(value, types[kind])


def document_of(comparison):
    return json.loads(msgspec.json.encode(comparison))


def test_a_document_fits_the_schema():
    schema = schema_of_document()
    assert fits(document_of(make_comparison()), schema, schema["$defs"])
    assert fits(document_of(make_comparison([], plan=None)), schema, schema["$defs"])


@pytest.mark.parametrize(
    ("field", "value"),
    [("exit", 7), ("kind", "guess"), ("cases", [{"id": "a"}]), ("headline", None), ("unheard_of", 1)],
)
def test_what_is_no_comparison_does_not_fit_the_schema(field, value):
    schema = schema_of_document()
    assert not fits(document_of(make_comparison()) | {field: value}, schema, schema["$defs"])


def test_what_is_written_is_read_back(tmp_path):
    comparison = make_comparison()
    path = write_document(comparison, tmp_path / "new" / "folder")
    assert load_comparison(path) == comparison
    assert path.read_text(encoding="utf-8").startswith('{\n "kind": "commits",\n')
    assert [path.name for path in path.parent.iterdir()] == ["compare.json"]


@pytest.mark.parametrize(
    ("content", "error", "reason"),
    [
        (b'{"schema": 1, "kin', StoreError, "is not a comparison"),
        (b"\xff\xfe", StoreError, "is not a comparison"),
        (b"[]", StoreError, "is not a comparison"),
        (b"{}", StoreError, "it has no schema"),
        (b'{"schema": 1}', StoreError, "missing required field `kind`"),
        (b'{"schema": 2}', BadInputError, "has schema 2, this zoobench reads 1: use the zoobench that wrote it"),
    ],
)
def test_an_unreadable_document_raises_an_error_of_one_line(tmp_path, content, error, reason):
    path = tmp_path / "compare.json"
    path.write_bytes(content)
    with pytest.raises(error, match=reason) as caught:
        load_comparison(path)
    assert "\n" not in str(caught.value)


def test_a_missing_document(tmp_path):
    with pytest.raises(StoreError, match="cannot read"):
        load_comparison(tmp_path / "compare.json")
