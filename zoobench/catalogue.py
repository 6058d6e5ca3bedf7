"""The zoo as data: every model that can be named, its family and what its pictures look like. No torch.

`catalogue.csv` holds the models of torchvision and our own; packages add theirs through the entry-point group
`zoobench.models` (an object with `entries()` and `build(name, *, num_classes, weights)`); any importable callable is a
model too, as `package.module:factory`.
"""

from __future__ import annotations

import csv
import fnmatch
import functools
import importlib.metadata
import importlib.resources
import re
from collections.abc import Iterable

import msgspec

from zoobench.cases import Matrix, ModelRef
from zoobench.errors import BadInputError, UnknownNameError

IMPORTED = "import"
"""Source of a model named by an importable callable."""

IMPORTED_FAMILY = "imported"
IMPORTED_IMAGE_SIZE = 224

ENTRY_POINTS = "zoobench.models"
DEFAULT_SUITE = "default-suite"
EVERYTHING = "*"
_FACTORY = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One model of the catalogue. Image sizes are sides of square pictures, in pixels.

    `top1_ratio` is the published single-crop top-1 accuracy on ImageNet-1k, `top1_source` who printed it.
    """

    source: str
    name: str
    family: str
    image_size: int
    min_image_size: int
    channels: int = 3
    is_default: bool = False
    top1_ratio: float | None = None
    top1_source: str = ""

    @property
    def ref(self) -> ModelRef:
        return ModelRef(self.source, self.name)


@functools.cache
def entries() -> tuple[Entry, ...]:
    """Every named model: the built-in ones in the order of the catalogue, then those of installed packages.

    Raises: BadInputError if a package adds a name that is taken.
    """
    found = _builtin_entries()
    for point in importlib.metadata.entry_points(group=ENTRY_POINTS):
        found += tuple(point.load().entries())
    _refuse_duplicates(found)
    return found


def find(name: str) -> Entry:
    """The entry of `name`: `resnet50`, `torchvision:resnet50` or `package.module:factory`.

    Raises: UnknownNameError with the nearest names.
    """
    name = name.removeprefix(f"{IMPORTED}:")
    source, _, bare = name.rpartition(":")
    for entry in entries():
        if bare == entry.name and source in ("", entry.source):
            return entry
    if _FACTORY.fullmatch(name) and source not in {entry.source for entry in entries()}:
        return _imported_entry(name)
    raise UnknownNameError("model", name, [entry.name for entry in entries()], where_listed="`python -m zoobench list`")


def entry_of(model: ModelRef) -> Entry:
    """The entry of a reference, also of one whose package is not installed here (then with its family unknown)."""
    if model.source == IMPORTED:
        return _imported_entry(model.name)
    known = (entry for entry in entries() if entry.ref == model)
    return next(known, _imported_entry(str(model)))


def select(matrix: Matrix) -> tuple[Entry, ...]:
    """What the matrix's models and families stand for, in the order of the catalogue, imported models last.

    A model may be a pattern (`resnet*`), `default-suite`, or `*` for all.
    Raises: UnknownNameError for a model, pattern or family that fits nothing.
    """
    families = _known_families(matrix.families or ())
    wanted = {entry.ref: entry for name in matrix.models or () for entry in _matching(name)}
    wanted |= {entry.ref: entry for entry in entries() if entry.family in families}
    listed = [entry for entry in entries() if entry.ref in wanted]
    return (*listed, *(entry for entry in wanted.values() if entry not in listed))


def families() -> tuple[str, ...]:
    """Families in the order of the catalogue."""
    return tuple(dict.fromkeys(entry.family for entry in entries()))


def check_image_size(entry: Entry, image_size: int) -> None:
    """Raises: BadInputError if pictures of this side are too small for the model."""
    if image_size < entry.min_image_size:
        raise BadInputError(
            f"image size {image_size} is too small for {entry.name}: it must be at least {entry.min_image_size}"
        )


def _builtin_entries() -> tuple[Entry, ...]:
    text = importlib.resources.files("zoobench").joinpath("catalogue.csv").read_text(encoding="utf-8")
    rows = ({key: value for key, value in row.items() if value != ""} for row in csv.DictReader(text.splitlines()))
    return msgspec.convert(list(rows), tuple[Entry, ...], strict=False)


def _imported_entry(name: str) -> Entry:
    return Entry(source=IMPORTED, name=name, family=IMPORTED_FAMILY, image_size=IMPORTED_IMAGE_SIZE, min_image_size=1)


def _matching(name: str) -> Iterable[Entry]:
    if name == DEFAULT_SUITE:
        return [entry for entry in entries() if entry.is_default]
    if any(sign in name for sign in "*?["):
        matching = [entry for entry in entries() if fnmatch.fnmatchcase(entry.name, name)]
        return matching or [find(name)]
    return [find(name)]


def _known_families(names: Iterable[str]) -> set[str]:
    for name in names:
        if name not in families():
            raise UnknownNameError("family", name, families())
    return set(names)


def _refuse_duplicates(found: tuple[Entry, ...]) -> None:
    seen: set[str] = set()
    for entry in found:
        if entry.name in seen:
            raise BadInputError(f"two installed sources both provide a model named {entry.name!r}: uninstall one")
        seen.add(entry.name)
