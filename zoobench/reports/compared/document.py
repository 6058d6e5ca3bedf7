"""`compare.json`: the whole result, to be read by programs; its schema is `zoobench/compare/compare.schema.json`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from zoobench.atomic import write_record
from zoobench.compare.evidence import SCHEMA
from zoobench.compare.result import Comparison
from zoobench.errors import BadInputError, StoreError

FILE = "compare.json"


def write_document(comparison: Comparison, folder: Path) -> Path:
    """Put it in the place of the one before, if any.

    Raises: OSError; then the one before is still there.
    """
    return write_record(folder / FILE, comparison)


def load_comparison(path: Path) -> Comparison:
    """Read a result back.

    Raises: StoreError for what is none, BadInputError for one of another schema.
    """
    try:
        document = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise StoreError(f"{path} is not a comparison: {error}") from None
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror or error}") from error
    _check_schema(document.get("schema"), path)
    try:
        return msgspec.convert(document, Comparison)
    except msgspec.ValidationError as error:
        raise StoreError(f"{path} is not a comparison: {error}") from None


def schema_of_document() -> dict[str, Any]:
    """The JSON schema of the document (draft 2020-12)."""
    (reference,), definitions = msgspec.json.schema_components([Comparison], ref_template="#/$defs/{name}")
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "A comparison by zoobench"}
    return {**head, **reference, "$defs": definitions}


def _check_schema(schema: object, path: Path) -> None:
    if not isinstance(schema, int):
        raise StoreError(f"{path} is not a comparison: it has no schema")
    if schema != SCHEMA:
        raise BadInputError(f"{path} has schema {schema}, this zoobench reads {SCHEMA}: use the zoobench that wrote it")
