"""`junit.xml`: the comparison as a test report for continuous integration. A case is a test, a regression a failure."""

from __future__ import annotations

from collections.abc import Iterable
from xml.etree import ElementTree as ET

from zoobench.records.comparison import REGRESSIONS, CaseResult, Comparison, Exit, Verdict
from zoobench.report.comparison import wording
from zoobench.report.text import single_line

FILE = "junit.xml"

_SUITE = "zoobench.compare"
_SKIPPED = frozenset({Verdict.UNDECIDED, Verdict.NOT_COMPARABLE})
_NO_COMPARISON = (Exit.NO_VERDICT, Exit.NO_COMPARISON, Exit.IDENTITY)


def render_junit(comparison: Comparison) -> bytes:
    """The document in the format that Jenkins, GitLab and GitHub Actions read.

    `time` is the median time of a call on the head, in seconds; it is absent if the case has no times. A comparison
    without an overall verdict adds one test with an error: otherwise the document would look as if nothing was wrong.
    """
    cases = [_testcase(case) for case in comparison.cases]
    if comparison.exit in _NO_COMPARISON:
        cases.append(_no_comparison(comparison))
    counts = {
        "tests": len(cases),
        "failures": _count(cases, "failure"),
        "errors": _count(cases, "error"),
        "skipped": _count(cases, "skipped"),
    }
    texts = {name: str(count) for name, count in counts.items()}
    root = ET.Element("testsuites", {"name": _SUITE, **texts})
    suite = ET.SubElement(root, "testsuite", {"name": _SUITE, **texts, "timestamp": _timestamp(comparison.started_at)})
    suite.extend(cases)
    ET.SubElement(suite, "system-out").text = _lines(_about(comparison))
    ET.indent(root)
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def _testcase(case: CaseResult) -> ET.Element:
    model, _, rest = case.id.partition("/")
    names = {"classname": f"{_SUITE}.{single_line(model)}", "name": single_line(rest or case.id)}
    test = ET.Element("testcase", names)
    if case.times is not None:
        test.set("time", f"{case.times.head_s:.9f}")
    text = _case_text(case)
    if case.verdict is Verdict.BROKEN:
        _outcome(test, "error", case.verdict, text)
    elif case.verdict in REGRESSIONS:
        _outcome(test, "failure", case.verdict, text)
    elif case.verdict in _SKIPPED:
        ET.SubElement(test, "skipped", {"message": text})
    else:
        ET.SubElement(test, "system-out").text = text
    return test


def _outcome(test: ET.Element, tag: str, kind: str, text: str) -> None:
    ET.SubElement(test, tag, {"type": kind, "message": text}).text = text


def _no_comparison(comparison: Comparison) -> ET.Element:
    test = ET.Element("testcase", {"classname": _SUITE, "name": "the comparison as a whole"})
    error = ET.SubElement(test, "error", {"type": comparison.exit.name, "message": single_line(comparison.headline)})
    error.text = _lines(comparison.problems)
    return test


def _case_text(case: CaseResult) -> str:
    """The verdict, times and notes of the case on one line."""
    row = wording.row_of(case, case.id)
    parts = [
        f"{row.verdict}: {row.times} {row.change}" if row.change else row.verdict,
        f"adjusted p {row.p}" if row.p else "",
        f"n {row.n}" if row.n else "",
        f"{wording.MISSED} {row.missed}" if row.missed else "",
        row.note,
    ]
    return single_line("; ".join(filter(None, parts)))


def _about(comparison: Comparison) -> Iterable[str]:
    yield comparison.headline
    yield f"base {wording.side_text(comparison.base)}"
    yield f"head {wording.side_text(comparison.head)}"
    yield from filter(None, (wording.controls_text(comparison.controls), *wording.method_texts(comparison)))
    yield from comparison.notes


def _lines(texts: Iterable[str]) -> str:
    return "\n".join(map(single_line, texts))


def _timestamp(started_at: str) -> str:
    """The UTC time to the second and without an offset, which the oldest readers require."""
    return single_line(started_at).partition("+")[0].partition(".")[0]


def _count(cases: Iterable[ET.Element], tag: str) -> int:
    return sum(case.find(tag) is not None for case in cases)
