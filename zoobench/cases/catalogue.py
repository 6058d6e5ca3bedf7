"""The zoo as data: every model that can be named, its family and its images. It imports no torch.

`catalogue.csv` holds the models of torchvision, our own, and variants from the papers' tables. Packages add theirs
through the entry-point group `zoobench.models` (an object with `entries()` and `build(name, *, num_classes, weights)`;
the entry point's name is the source of its entries). Any importable callable is a model too, as
`package.module:factory`.
"""

from __future__ import annotations

import csv
import fnmatch
import functools
import importlib.metadata
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from zoobench.cases.axes import ImageSize, Matrix, ModelRef
from zoobench.cases.errors import BadInputError, UnknownNameError

IMPORTED = "import"
"""Source of a model named by an importable callable."""

VARIANTS = "papers"
"""Source of the variants of nets that papers print in their tables."""

IMPORTED_FAMILY = "imported"
UNKNOWN_FAMILY = "unknown"
IMPORTED_IMAGE_SIZE = 224

ENTRY_POINTS = "zoobench.models"
DEFAULT_SUITE = "default-suite"
EVERYTHING = "*"
_FACTORY = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One model of the catalogue. Image sizes are sides of square images, in pixels.

    `max_image_size` is None where the model takes any larger image; a vision transformer takes one size only.
    `top1_ratio` is the published single-crop top-1 accuracy on ImageNet-1k, `top1_source` who printed it.
    """

    source: str
    name: str
    family: str
    image_size: int
    min_image_size: int
    max_image_size: int | None = None
    channels: int = 3
    is_default: bool = False
    top1_ratio: float | None = None
    top1_source: str = ""

    @property
    def ref(self) -> ModelRef:
        return ModelRef(self.source, self.name)

    @property
    def is_variant(self) -> bool:
        """Whether it is a net of a paper's table that nobody publishes as a model."""
        return self.source == VARIANTS


@functools.cache
def entries() -> tuple[Entry, ...]:
    """Every named model: the built-in ones in the order of the catalogue, then those of installed packages.

    Raises: BadInputError if a package cannot be loaded, or adds a name that is taken or a source not its own.
    """
    builtin = _builtin_entries()
    points = tuple(importlib.metadata.entry_points(group=ENTRY_POINTS))
    _refuse_duplicates("a source", [IMPORTED, *dict.fromkeys(entry.source for entry in builtin), *_names(points)])
    found = (*builtin, *(entry for point in points for entry in _package_entries(point)))
    _refuse_duplicates("a model", _names(found))
    return found


def load_package(point: importlib.metadata.EntryPoint) -> Any:
    """What a package's entry point names; the package is imported now.

    Raises: BadInputError if it is broken.
    """
    try:
        return point.load()
    except (ImportError, AttributeError) as error:
        raise BadInputError(
            f"the package behind {ENTRY_POINTS} entry point {point.name!r} cannot be loaded ({error}): "
            "mend or uninstall it"
        ) from error


def find(name: str) -> Entry:
    """The entry of `name`: `resnet50`, `torchvision:resnet50` or `package.module:factory`.

    Raises: UnknownNameError with the nearest names.
    """
    for entry in entries():
        if name in (entry.name, str(entry.ref)):
            return entry
    factory = name.removeprefix(f"{IMPORTED}:")
    if _FACTORY.fullmatch(factory) and factory.partition(":")[0] not in {entry.source for entry in entries()}:
        return _imported_entry(factory)
    known = [str(entry.ref) if ":" in name else entry.name for entry in entries()]
    raise UnknownNameError("model", name, known, where_listed="`python -m zoobench list`")


def entry_of(model: ModelRef) -> Entry:
    """The entry of a reference, also of one whose package is not installed here (then with its family unknown)."""
    if model.source == IMPORTED:
        return _imported_entry(model.name)
    known = (entry for entry in entries() if entry.ref == model)
    return next(known, _unlisted_entry(model, UNKNOWN_FAMILY))


def select(matrix: Matrix) -> tuple[Entry, ...]:
    """What the matrix's models and families stand for, in the order of the catalogue, imported models last.

    A model may be a pattern (`resnet*`), `default-suite`, or `*` for all. The papers' variants of a net are of its
    family, but must be asked for by name, or by a pattern that names their source (`papers:*`).
    Raises: UnknownNameError for a model, pattern or family that fits nothing.
    """
    wanted = {entry.ref: entry for name in matrix.models or () for entry in _matching(name)}
    wanted |= {entry.ref: entry for entry in of_families(matrix.families or ()) if not entry.is_variant}
    listed = [entry for entry in entries() if entry.ref in wanted]
    return (*listed, *(entry for entry in wanted.values() if entry not in listed))


def of_families(names: Iterable[str]) -> tuple[Entry, ...]:
    """Every named model of these families, variants too, in the order of the catalogue.

    Raises: UnknownNameError for a family that is not there.
    """
    known = _known_families(names)
    return tuple(entry for entry in entries() if entry.family in known)


def families() -> tuple[str, ...]:
    """Families in the order of the catalogue."""
    return tuple(dict.fromkeys(entry.family for entry in entries()))


def check_image_size(entry: Entry, resolution: ImageSize) -> None:
    """Raises: BadInputError if a side of these images is too small or too large for the model."""
    if min(resolution) < entry.min_image_size:
        raise BadInputError(f"image size {resolution} is too small for {entry.name}: it must be {_size_bounds(entry)}")
    if entry.max_image_size is not None and max(resolution) > entry.max_image_size:
        raise BadInputError(f"image size {resolution} is too large for {entry.name}: it must be {_size_bounds(entry)}")


def _size_bounds(entry: Entry) -> str:
    if entry.max_image_size is None:
        return f"at least {entry.min_image_size}"
    if entry.max_image_size == entry.min_image_size:
        return f"{entry.min_image_size}"
    return f"{entry.min_image_size} to {entry.max_image_size}"


def _builtin_entries() -> tuple[Entry, ...]:
    text = Path(__file__).with_name("catalogue.csv").read_text(encoding="utf-8")
    rows = ({key: value for key, value in row.items() if value != ""} for row in csv.DictReader(text.splitlines()))
    return msgspec.convert(list(rows), tuple[Entry, ...], strict=False)


def _package_entries(point: importlib.metadata.EntryPoint) -> tuple[Entry, ...]:
    found = tuple(load_package(point).entries())
    for entry in found:
        if entry.source != point.name:
            raise BadInputError(
                f"the package behind {ENTRY_POINTS} entry point {point.name!r} gives {entry.name!r} the source "
                f"{entry.source!r}: it must be {point.name!r}"
            )
    return found


def _imported_entry(factory: str) -> Entry:
    return _unlisted_entry(ModelRef(IMPORTED, factory), IMPORTED_FAMILY)


def _unlisted_entry(model: ModelRef, family: str) -> Entry:
    return Entry(source=model.source, name=model.name, family=family, image_size=IMPORTED_IMAGE_SIZE, min_image_size=1)


def _matching(name: str) -> Iterable[Entry]:
    if name == DEFAULT_SUITE:
        return [entry for entry in entries() if entry.is_default]
    if any(sign in name for sign in "*?["):
        matching = [entry for entry in entries() if _fits(entry, pattern=name)]
        return matching or [find(name)]
    return [find(name)]


def _fits(entry: Entry, *, pattern: str) -> bool:
    if entry.is_variant and ":" not in pattern:
        return False
    return fnmatch.fnmatchcase(entry.name, pattern) or fnmatch.fnmatchcase(str(entry.ref), pattern)


def _known_families(names: Iterable[str]) -> set[str]:
    for name in names:
        if name not in families():
            raise UnknownNameError("family", name, families())
    return set(names)


def _names(named: Iterable[Entry | importlib.metadata.EntryPoint]) -> list[str]:
    return [each.name for each in named]


def _refuse_duplicates(kind: str, names: list[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise BadInputError(f"two installed packages both provide {kind} named {name!r}: uninstall one")
        seen.add(name)
