"""Data inside the page: JSON that no markup can break out of, and hashes by which scripts and styles are allowed."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from typing import Any

import msgspec
from markupsafe import Markup

_ESCAPES = {"<": r"\u003c", ">": r"\u003e", "&": r"\u0026", "\u2028": r"\u2028", "\u2029": r"\u2029"}


def json_html(data: Any) -> Markup:
    """The content of a `<script type="application/json">`: no `</script>`, comment or entity can begin in it.

    What is not a finite number is null, as in all of msgspec's JSON.
    """
    text = msgspec.json.encode(data).decode()
    for char, escape in _ESCAPES.items():
        text = text.replace(char, escape)
    return Markup(text)  # noqa: S704  there is no markup left in it


def security_policy(scripts: Iterable[str], styles: Iterable[str]) -> str:
    """A content security policy under which only these run, and nothing is loaded from anywhere.

    Images may be data, which the exports of charts and the tables' own styles are.
    """
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {_hashes(scripts)}",
            f"style-src {_hashes(styles)}",
            "img-src data: blob:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _hashes(sources: Iterable[str]) -> str:
    digests = (hashlib.sha256(source.encode()).digest() for source in sources)
    return " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
