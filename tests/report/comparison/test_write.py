import subprocess
import sys
from pathlib import Path

import pytest
from synthetic import make_comparison, make_result

from zoobench.cases import StoreError
from zoobench.records.comparison import Verdict, load_comparison
from zoobench.report.comparison.markdown import render_markdown
from zoobench.report.comparison.write import MOST_SUMMARY_BYTES, write_comparison

TESTS = Path(__file__).parents[2]


def test_everything_is_written_and_nothing_else(tmp_path):
    paths = write_comparison(make_comparison(), tmp_path / "out", {})
    written = {paths.document, paths.markdown, paths.junit, *paths.figures}
    assert {path.name for path in written} == {"compare.json", "compare.md", "junit.xml", "forest.png", "forest.svg"}
    assert set((tmp_path / "out").iterdir()) == written
    assert load_comparison(paths.document) == make_comparison()
    assert (paths.summary, paths.note) == (None, "")


def test_the_same_comparison_is_the_same_bytes(tmp_path):
    first, second = (write_comparison(make_comparison(), tmp_path / name, {}) for name in ("a", "b"))
    for one, other in zip(first[:3] + first.figures, second[:3] + second.figures, strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_a_forest_of_another_comparison_is_taken_away(tmp_path):
    write_comparison(make_comparison(), tmp_path, {})
    paths = write_comparison(make_comparison([make_result("vgg16", Verdict.BROKEN)]), tmp_path, {})
    assert paths.figures == ()
    assert not list(tmp_path.glob("forest.*"))


def test_the_job_s_summary_is_added_to(tmp_path):
    summary = tmp_path / "summary.md"
    summary.write_text("before\n", encoding="utf-8")
    paths = write_comparison(make_comparison(), tmp_path / "out", {"GITHUB_STEP_SUMMARY": str(summary)})
    assert summary.read_text(encoding="utf-8") == "before\n" + render_markdown(make_comparison())
    assert (paths.summary, paths.note) == (summary, "")


def test_a_summary_that_does_not_exist_yet_is_begun(tmp_path):
    summary = tmp_path / "summary.md"
    write_comparison(make_comparison(), tmp_path / "out", {"GITHUB_STEP_SUMMARY": str(summary)})
    assert summary.read_text(encoding="utf-8") == render_markdown(make_comparison())


def test_a_full_summary_is_left_as_it_is(tmp_path):
    summary = tmp_path / "summary.md"
    summary.write_bytes(b"x" * (MOST_SUMMARY_BYTES - 100))
    paths = write_comparison(make_comparison(), tmp_path / "out", {"GITHUB_STEP_SUMMARY": str(summary)})
    assert summary.stat().st_size == MOST_SUMMARY_BYTES - 100
    assert paths.summary is None
    assert "the job's summary is full" in paths.note


def test_a_summary_that_cannot_be_written_is_no_error(tmp_path):
    nowhere = tmp_path / "missing" / "summary.md"
    paths = write_comparison(make_comparison(), tmp_path / "out", {"GITHUB_STEP_SUMMARY": str(nowhere)})
    assert paths.note == f"cannot write the job's summary {nowhere}: No such file or directory"


def test_an_unwritable_folder(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot write the comparison to"):
        write_comparison(make_comparison(), tmp_path / "file", {})


def test_texts_of_a_comparison_need_neither_matplotlib_nor_pandas():
    modules = ("table", "markdown", "junit", "write")
    imports = "; ".join(f"import zoobench.report.comparison.{module}" for module in modules)
    program = (
        f"import sys; sys.path.insert(0, {str(TESTS)!r}); from synthetic import make_comparison; {imports}; "
        "zoobench.report.comparison.markdown.render_markdown(make_comparison()); "
        "print(sorted({'torch', 'pandas', 'matplotlib', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
