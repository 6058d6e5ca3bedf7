import pytest

from zoobench.papers.published import PrintedTable


def test_a_table_names_its_paper():
    assert PrintedTable("MobileNetV2", "Table 4").source == "MobileNetV2 (arXiv:1801.04381), Table 4"


def test_values_are_numbers_by_model_and_size_of_pictures():
    times = PrintedTable("ShuffleNet V1", "Table 8").values("inference_time")
    assert len(times) == 5 * 3
    assert times["AlexNet", "720x1280"] == 3633.9


def test_percentages_by_variant_are_ratios():
    shares = PrintedTable("MobileNet V1", "Table 2").by_variant("parameters_share")
    assert sum(shares.values()) == pytest.approx(1.0)


def test_one_value_is_found_by_its_model_and_variant():
    table = PrintedTable("SqueezeNet", "Table 2")
    assert table.value("size_reduction", "SqueezeNet v1.0", "none, 32 bit") == 50
