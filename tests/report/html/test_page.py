import base64
import hashlib
import re

import msgspec
import pytest
from synthetic import HOSTILE, default_run, failed, make_calibration, make_case, make_run, realistic_record

from zoobench.cases import Mode, ModelRef
from zoobench.records import CaseRecord, Finding, Severity, store
from zoobench.report import write
from zoobench.report.html import assets
from zoobench.report.html.sections import SECTIONS

KEYS = [
    "which-model", "families", "reproduction", "why-slow", "batch-and-precision", "audit", "comparison", "every-case",
    "method",
]  # fmt: skip
LARGEST_BYTES = 6e6


def keys_of(page):
    return [found["id"] for tag, found in page.tags if tag == "section"]


def hash_of(text):
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def hostile_run(text):
    model = ModelRef("import", f"pkg:{text}")
    finding = Finding(code=text, severity=Severity.WARNING, values={"why": text})
    records = [
        realistic_record(make_case()),
        failed(make_case(model=model), text),
        msgspec.structs.replace(realistic_record(make_case("vgg16")), findings=(finding,), settings={text: text}),
    ]
    return make_run(records, label=text, commit=text)


def test_sections_stand_in_their_order_each_with_its_place_in_the_contents(page_of):
    page = page_of(default_run())
    assert keys_of(page) == KEYS
    assert len(SECTIONS) == len(KEYS)
    links = [found["href"] for tag, found in page.tags if tag == "a"]
    assert [link for link in links if link[1:] in KEYS] == [f"#{key}" for key in KEYS]


def test_the_policy_allows_the_page_s_own_scripts_and_styles_and_nothing_else(page_of):
    page = page_of(default_run())
    rules = dict(rule.split(" ", 1) for rule in page.policy.split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"].split() == [hash_of(script) for script in page.scripts]
    assert rules["style-src"].split() == [hash_of(style) for style in page.styles]
    assert rules["img-src"] == "data: blob:"
    assert "unsafe" not in page.policy


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_texts_are_texts(page_of, text):
    page, plain = page_of(hostile_run(text)), page_of(hostile_run("x"))
    assert [tag for tag, _ in page.tags if tag in {"script", "style", "img", "iframe"}] == [
        tag for tag, _ in plain.tags if tag in {"script", "style", "img", "iframe"}
    ]
    assert page.scripts == plain.scripts
    cases = page.data("data-page")["cases"]
    assert f"pkg:{text}" in cases["name"]["of"]
    assert any(text in failure for failure in cases["failure"]["of"])
    assert text in page.data("data-every-case")["texts"]
    if not set(text) & set("\u202e\u2066"):  # those are written out where a sentence or a table has them
        assert " ".join(text.split()) in page.text


def test_nothing_in_the_page_points_out_of_it_or_runs_beside_the_policy(page_of):
    page = page_of(default_run())
    for tag, found in page.tags:
        assert not {"src", "style", "srcset", "action", "formaction", "background", "ping"} & found.keys(), tag
        assert not [name for name in found if name.startswith("on")], tag
        assert found.get("href", "#").startswith("#"), tag


def test_no_address_stands_outside_the_libraries(page_of):
    page = page_of(default_run())
    own = [*page.scripts[:1], *page.scripts[3:], *page.styles[1:], *page.data_texts, page.text, page.policy]
    namespaces = {"http://www.w3.org/2000/svg"}
    assert {url for text in own for url in re.findall(r"https?://[^\s\"'`)]+", text)} <= namespaces
    assert [len(page.scripts), len(page.styles)] == [4, 2]


def test_the_libraries_are_whole_and_close_no_element():
    charts, tables = assets.charts_script(), assets.tables_script()
    assert "window.vegaEmbed=" in charts[-100:]
    assert "window.jQuery=" in tables
    assert not re.search(r"export\s*\{", tables)
    assert "</script" not in (charts + tables).lower()
    assert "</style" not in assets.tables_style().lower()


def test_a_default_run_s_page_is_small_and_the_same_twice(page_of):
    first, second = page_of(default_run()).source, page_of(default_run()).source
    assert len(first.encode()) < LARGEST_BYTES
    assert first == second


@pytest.mark.parametrize(
    ("runs", "sentence"),
    [
        ((), "No case was recorded: python -m zoobench run --preset quick measures nine models."),
        ((make_run(()),), "No case was recorded: python -m zoobench run --preset quick measures nine models."),
        ((make_run([failed(make_case(mode=mode)) for mode in Mode]),), "2 cases of 1 model: 2 failed"),
        ((make_run([realistic_record(make_case())]),), "The fastest of 1 model (inference, batch 1, fp32) is resnet18"),
    ],
    ids=["no run", "empty", "failures only", "one case"],
)
def test_runs_with_little_in_them_have_every_section(page_of, runs, sentence):
    page = page_of(*runs)
    assert keys_of(page) == KEYS
    assert sentence in page.text
    assert "No net of the papers was counted: pytest suites/bench_papers.py --benchmark-only counts" in page.text
    assert "No second opinion was asked for: pytest suites/bench_audit.py --benchmark-only asks for it." in page.text


def test_mixed_devices_and_runs_stand_side_by_side(page_of):
    base = make_run(realistic_record(make_case("alexnet", device=device)) for device in ("cpu", "cuda:0"))
    other = make_run(
        [realistic_record(make_case("alexnet"))], run_id="20260302T100000.000Z-head", label="head", commit="2"
    )
    page = page_of(base, other)
    cases = page.data("data-page")["cases"]
    assert [cases["device"]["of"][at] for at in cases["device"]["at"]] == ["cpu", "cuda:0", "cpu"]
    assert [cases["run"]["of"][at] for at in cases["run"]["at"]] == ["base", "base", "head"]
    assert "What differs between the environments" in page.text


def test_runs_of_unlike_schemas_share_a_page(page_of, tmp_path):
    new = make_run([realistic_record(make_case())])
    old = make_run([realistic_record(make_case("vgg16"))], run_id="20250101T000000.000Z-old", label="old")
    folder = tmp_path / old.run.run_id
    folder.mkdir()
    (folder / "run.json").write_bytes(msgspec.json.encode(of_schema_1(old.run, "ceilings", "calibration")))
    (record,) = old.records
    (folder / "cases.jsonl").write_bytes(
        msgspec.json.encode(of_schema_1(record, "breakdowns", "layers", "settings")) + b"\n"
    )
    page = page_of(new, store.load_run(tmp_path, old.run.run_id))
    assert page.data("data-page")["cases"]["name"]["of"] == ["resnet18", "vgg16"]
    assert len(page.data("data-every-case")["cases"]) == 2


def of_schema_1(record, *later):
    document = msgspec.to_builtins(record) | {"schema": 1}
    kept = document["environment"] if not isinstance(record, CaseRecord) else document
    for name in later:
        kept.pop(name)
    return document


def test_what_doctor_found_stands_in_the_method(page_of):
    run = make_run([realistic_record(make_case())])
    environment = msgspec.structs.replace(run.run.environment, calibration=make_calibration())
    calibrated = msgspec.structs.replace(run, run=msgspec.structs.replace(run.run, environment=environment))
    assert "Calibration of the machine" in page_of(calibrated).text


def test_without_html_an_earlier_page_is_taken_away(tmp_path):
    run = make_run([realistic_record(make_case())])
    page = write.write_report([run], tmp_path).html
    assert page.exists()
    assert write.write_report([run], tmp_path, is_html=False).html is None
    assert not page.exists()
