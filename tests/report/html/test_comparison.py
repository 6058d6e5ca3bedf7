from synthetic import make_case, make_run, realistic_record

ONE_RUN = "One run alone has nothing to be held against: python -m zoobench report RUN RUN shows two side by side"


def run(place, label, name="alexnet"):
    return make_run([realistic_record(make_case(name))], run_id=f"20260301T10000{place}.000Z-{label}", label=label)


def test_one_run_says_which_command_compares(page_of):
    page = page_of(run(0, "base"))
    assert ONE_RUN in page.text
    assert "table-changes" not in [found.get("id") for _, found in page.tags]


def test_two_runs_are_compared_by_case(page_of):
    page = page_of(run(0, "base"), run(1, "head"))
    assert ONE_RUN not in page.text
    assert "head is held against base." in page.text
    assert "one process each: see python -m zoobench compare" in page.text
    assert "table-changes" in [found.get("id") for _, found in page.tags]


def test_labels_are_texts(page_of):
    page = page_of(run(0, "base"), run(1, "<b>*head*</b>"))
    assert "<b>*head*</b> is held against base." in page.text
    assert not [tag for tag, _ in page.tags if tag == "b"]
