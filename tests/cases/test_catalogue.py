from __future__ import annotations

import csv
import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torchvision

from zoobench.cases import BadInputError, ImageSize, Matrix, ModelRef, UnknownNameError, catalogue
from zoobench.cases.catalogue import Entry

ROOT = Path(catalogue.__file__).parents[2]
FIRST_FAMILIES = [
    "lenet",
    "alexnet",
    "vgg",
    "googlenet",
    "inception-v3",
    "resnet",
    "resnext",
    "wide-resnet",
    "densenet",
    "squeezenet",
    "mobilenet-v1",
    "mobilenet-v2",
    "mobilenet-v3",
    "shufflenet-v1",
    "shufflenet-v2",
    "xception",
    "mnasnet",
]
DEFAULT_SUITE = [
    "lenet5",
    "alexnet",
    "alexnet_2012",
    "vgg16",
    "googlenet",
    "inception_v3",
    "resnet18",
    "resnet50",
    "resnext50_32x4d",
    "wide_resnet50_2",
    "densenet161",
    "squeezenet1_0",
    "squeezenet1_1",
    "mobilenet_v1_100",
    "mobilenet_v2",
    "mobilenet_v3_small",
    "mobilenet_v3_large",
    "shufflenet_v1_g3_x0_5",
    "shufflenet_v1_g3_x1_0",
    "shufflenet_v2_x1_0",
    "xception",
    "mnasnet1_0",
]


@pytest.fixture(scope="module")
def refresh() -> ModuleType:
    spec = importlib.util.spec_from_file_location("refresh_catalogue", ROOT / "tools" / "refresh_catalogue.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def names(*models: str, families: tuple[str, ...] | None = None) -> list[str]:
    return [entry.name for entry in catalogue.select(Matrix(models=models or None, families=families))]


class TestData:
    def test_catalogue_is_what_the_installed_torchvision_says(self, refresh: ModuleType) -> None:
        text = refresh.CATALOGUE.read_text(encoding="utf-8")
        assert refresh.refreshed(text) == text, "run `python tools/refresh_catalogue.py`"

    def test_all_of_torchvisions_classification_models_are_listed(self) -> None:
        listed = [entry.name for entry in catalogue.entries() if entry.source == "torchvision"]
        assert sorted(listed) == torchvision.models.list_models(module=torchvision.models)
        assert len(listed) == 80

    @pytest.mark.parametrize("name", ["resnet50", "inception_v3", "efficientnet_b1", "vit_h_14", "regnet_y_128gf"])
    def test_sizes_and_accuracy_are_those_of_the_first_weights(self, name: str) -> None:
        weights = next(iter(torchvision.models.get_model_weights(name)))
        entry = catalogue.find(name)
        assert entry.image_size == weights.transforms().crop_size[0]
        assert entry.min_image_size == weights.meta["min_size"][0]
        assert entry.top1_ratio == pytest.approx(weights.meta["_metrics"]["ImageNet-1K"]["acc@1"] / 100, abs=1e-9)
        assert entry.top1_source == f"torchvision {weights.name}"

    def test_families_stand_in_the_order_of_the_listed_zoo_and_together(self) -> None:
        assert list(catalogue.families()[: len(FIRST_FAMILIES)]) == FIRST_FAMILIES
        changes = [entry.family for entry in catalogue.entries()]
        assert [f for f, before in zip(changes, ["", *changes], strict=False) if f != before] == list(
            catalogue.families()
        )

    def test_default_suite(self) -> None:
        assert sorted(entry.name for entry in catalogue.entries() if entry.is_default) == sorted(DEFAULT_SUITE)

    def test_every_accuracy_says_who_printed_it(self) -> None:
        for entry in catalogue.entries():
            assert (entry.top1_ratio is None) == (entry.top1_source == "")
            assert entry.top1_ratio is None or 0.4 < entry.top1_ratio < 0.9
            assert entry.min_image_size <= entry.image_size <= (entry.max_image_size or entry.image_size)

    def test_papers_that_print_errors_are_turned_round(self) -> None:
        # table 2 prints errors of 32.6 and 43.2 per cent, table 5 of 26.3
        shuffle = {scale: catalogue.find(f"shufflenet_v1_g3_x{scale}") for scale in ("0_5", "1_0", "2_0")}
        assert [entry.top1_ratio for entry in shuffle.values()] == [0.568, 0.674, 0.737]
        assert shuffle["2_0"].top1_source == "paper: arXiv:1707.01083 Table 5"


class TestRefresh:
    def test_stale_facts_are_mended_and_the_rest_is_kept(self, refresh: ModuleType) -> None:
        text = refresh.CATALOGUE.read_text(encoding="utf-8")
        stale = text.replace("resnet50,resnet,224,1,,3,true,0.76130", "resnet50,resnet,192,7,,3,true,0.5")
        assert stale != text
        assert refresh.refreshed(stale) == text

    def test_new_models_go_below_their_family_and_gone_ones_go(self, refresh: ModuleType) -> None:
        text = refresh.CATALOGUE.read_text(encoding="utf-8")
        lines = text.splitlines(keepends=True)
        (last_vgg,) = (line for line in lines if ",vgg19_bn," in line)
        assert refresh.refreshed(text.replace(last_vgg, "")) == text
        gone = last_vgg.replace("vgg19_bn", "vgg99")
        assert refresh.refreshed(text.replace(last_vgg, last_vgg + gone)) == text

    def test_a_family_nobody_has_gets_a_row_at_the_end(self, refresh: ModuleType) -> None:
        text = refresh.CATALOGUE.read_text(encoding="utf-8")
        without = "".join(line for line in text.splitlines(keepends=True) if "maxvit" not in line)
        last = list(csv.DictReader(refresh.refreshed(without).splitlines()))[-1]
        assert (last["name"], last["family"], last["max_image_size"]) == ("maxvit_t", "maxvit", "224")


class TestFind:
    @pytest.mark.parametrize("name", ["resnet50", "torchvision:resnet50"])
    def test_by_bare_and_full_name(self, name: str) -> None:
        assert catalogue.find(name).ref == ModelRef("torchvision", "resnet50")

    @pytest.mark.parametrize("name", ["my.nets:make", "import:my.nets:make"])
    def test_importable_callable(self, name: str) -> None:
        entry = catalogue.find(name)
        assert entry.ref == ModelRef("import", "my.nets:make")
        assert entry.family == "imported"
        assert catalogue.find(str(entry.ref)) == entry == catalogue.entry_of(entry.ref)

    @pytest.mark.parametrize(
        ("name", "hint"),
        [
            ("resnet5", "did you mean resnet50"),
            ("torchvision:resnet5", "did you mean torchvision:resnet50"),
            ("zoobench:resnet50", "did you mean "),
            ("squeezenet", "did you mean squeezenet1_1"),
            ("qqqq", "`python -m zoobench list` prints the names"),
            ("not a model:x", "prints the names"),
        ],
    )
    def test_unknown_names_have_nearest_ones(self, name: str, hint: str) -> None:
        with pytest.raises(UnknownNameError, match=f"unknown model {name!r}: .*{hint}"):
            catalogue.find(name)

    def test_every_reference_finds_its_entry(self) -> None:
        for entry in catalogue.entries():
            assert catalogue.find(entry.name) is entry
            assert catalogue.find(str(entry.ref)) is entry
            assert catalogue.entry_of(entry.ref) is entry

    def test_reference_of_a_package_that_is_not_installed(self) -> None:
        entry = catalogue.entry_of(ModelRef("elsewhere", "net"))
        assert (entry.ref, entry.family) == (ModelRef("elsewhere", "net"), "unknown")


class TestSelect:
    def test_order_is_the_catalogues_with_imported_models_last_and_none_twice(self) -> None:
        assert names("my.nets:make", "resnet18", "alexnet", "resnet18", "torchvision:alexnet") == [
            "alexnet",
            "resnet18",
            "my.nets:make",
        ]

    @pytest.mark.parametrize("pattern", ["resnet*", "torchvision:resnet*"])
    def test_patterns(self, pattern: str) -> None:
        assert names(pattern) == ["resnet18", "resnet34", "resnet50", "resnet101", "resnet152"]

    def test_pattern_over_a_source(self) -> None:
        assert names("zoobench:*") == [entry.name for entry in catalogue.entries() if entry.source == "zoobench"]

    def test_everything_and_the_default_suite(self) -> None:
        assert names("*") == [entry.name for entry in catalogue.entries() if not entry.is_variant]
        assert sorted(names("default-suite")) == sorted(DEFAULT_SUITE)

    def test_variants_are_asked_for_by_name_or_source(self) -> None:
        variants = [entry for entry in catalogue.entries() if entry.is_variant]
        assert names("papers:*") == [entry.name for entry in variants]
        assert names("googlenet_5x5", "papers:mobilenet_v1_s*") == ["googlenet_5x5", "mobilenet_v1_shallow"]
        assert names("googlenet*", families=("googlenet",)) == ["googlenet"]
        assert {entry.name for entry in catalogue.of_families(["googlenet"])} == {"googlenet", "googlenet_5x5"}

    def test_families_and_models_together(self) -> None:
        assert names("alexnet", families=("mobilenet-v3",)) == ["alexnet", "mobilenet_v3_small", "mobilenet_v3_large"]

    def test_nothing_asked_is_nothing(self) -> None:
        assert names() == []

    def test_what_fits_nothing(self) -> None:
        with pytest.raises(UnknownNameError, match="unknown model 'resnot"):
            names("resnot*")
        with pytest.raises(UnknownNameError, match="unknown family 'mobilenet': did you mean mobilenet-v"):
            names(families=("mobilenet",))


class TestImageSize:
    def test_bounds(self) -> None:
        entry = catalogue.find("alexnet_2012")
        for image_size in (entry.min_image_size, 240, entry.max_image_size or 0):
            catalogue.check_image_size(entry, ImageSize(image_size, image_size))
        with pytest.raises(
            BadInputError, match="image size 226x240 is too small for alexnet_2012: it must be 227 to 258"
        ):
            catalogue.check_image_size(entry, ImageSize(226, 240))
        with pytest.raises(
            BadInputError, match="image size 240x259 is too large for alexnet_2012: it must be 227 to 258"
        ):
            catalogue.check_image_size(entry, ImageSize(240, 259))

    def test_no_upper_bound(self) -> None:
        catalogue.check_image_size(catalogue.find("resnet18"), ImageSize(480, 4096))


Install = Callable[..., None]

PACKAGE = """
from torch import nn
from zoobench.cases.catalogue import Entry

class Zoo:
    def entries(self):
        return [Entry(source={source!r}, name={model!r}, family="garden", image_size=8, min_image_size=8)]

    def build(self, name, *, num_classes, weights):
        if weights == "bad":
            raise ValueError("no such weights\\nsecond line")
        if weights == "worse":
            return None
        return nn.Sequential(nn.Flatten(), nn.Linear(192, num_classes or 3))

zoo = Zoo()
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Lays out a distribution as an installer would, in a folder on Python's path."""
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)

    def put(package: str, *, point: str, model: str, source: str | None = None, value: str = "zoo") -> None:
        (tmp_path / f"{package}.py").write_text(PACKAGE.format(source=source or point, model=model))
        info = tmp_path / f"{package}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[zoobench.models]\n{point} = {package}:{value}\n")
        catalogue.entries.cache_clear()

    yield put
    catalogue.entries.cache_clear()
    for name in set(sys.modules) - before:
        if name.startswith("botany"):
            del sys.modules[name]


class TestPackages:
    def test_models_of_an_installed_package_are_listed_last_and_built(self, install: Install) -> None:
        from zoobench.zoo.build import build_model  # noqa: PLC0415 - torch, which the catalogue does without

        builtin = catalogue.entries()
        install("botany", point="garden", model="rose")
        assert catalogue.entries()[:-1] == builtin
        assert catalogue.find("rose").ref == ModelRef("garden", "rose")
        assert names("garden:*") == names(families=("garden",)) == ["rose"]
        assert build_model("garden:rose", num_classes=7)[1].out_features == 7
        assert build_model(ModelRef("garden", "rose"))[1].out_features == 3

    def test_package_is_imported_on_first_use(self, install: Install) -> None:
        install("botany_lazy", point="garden", model="rose")
        assert "botany_lazy" not in sys.modules
        catalogue.entries()
        assert "botany_lazy" in sys.modules

    def test_a_package_that_fails_to_build_is_named(self, install: Install) -> None:
        from zoobench.zoo.build import BuildError, build_model  # noqa: PLC0415

        install("botany_failing", point="garden", model="rose")
        culprit = "building rose by the package behind 'garden'"
        with pytest.raises(BuildError, match=f"^{culprit} raised ValueError: no such weights$"):
            build_model("rose", weights="bad")
        with pytest.raises(BadInputError, match=f"^{culprit} returned None, not a torch.nn.Module$"):
            build_model("rose", weights="worse")

    @pytest.mark.parametrize(
        ("layout", "said"),
        [
            ({"point": "garden", "model": "resnet50"}, "two installed packages both provide a model named 'resnet50'"),
            ({"point": "torchvision", "model": "rose"}, "both provide a source named 'torchvision'"),
            ({"point": "import", "model": "rose"}, "both provide a source named 'import'"),
            (
                {"point": "garden", "model": "rose", "source": "park"},
                "gives 'rose' the source 'park': it must be 'garden'",
            ),
            ({"point": "garden", "model": "rose", "value": "zo"}, "'garden' cannot be loaded .*: mend or uninstall it"),
        ],
    )
    def test_refused(self, install: Install, layout: dict[str, str], said: str) -> None:
        install("botany_refused", **layout)
        with pytest.raises(BadInputError, match=said):
            catalogue.entries()

    def test_two_packages_with_the_same_model(self, install: Install) -> None:
        install("botany_one", point="garden", model="rose")
        install("botany_two", point="park", model="rose")
        with pytest.raises(
            BadInputError, match="two installed packages both provide a model named 'rose': uninstall one"
        ):
            catalogue.entries()

    def test_entry_refuses_to_be_changed(self) -> None:
        entry = catalogue.find("lenet5")
        assert isinstance(entry, Entry)
        with pytest.raises(AttributeError):
            entry.channels = 3  # type: ignore[misc]
