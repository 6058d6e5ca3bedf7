"""Rewrite torchvision's rows of zoobench/catalogue.csv from the torchvision that is installed.

    python tools/refresh_catalogue.py

Only facts that torchvision states are rewritten: image sizes and accuracy. Order, families, the default suite and all
other sources are editorial and stay. Models that are new go below the last row of their family, or to the end under a
family of their own; models that are gone lose their row.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Final

import torchvision
from torchvision.models import WeightsEnum

CATALOGUE: Final = Path(__file__).parents[1] / "zoobench" / "cases" / "catalogue.csv"
SOURCE: Final = "torchvision"
ONE_SIZE_FAMILIES: Final = ("vit", "maxvit")
"""Whose position embeddings and windows fit one image size only."""

Row = dict[str, str]


def refreshed(text: str) -> str:
    """The catalogue `text` with torchvision's rows brought up to date."""
    reader = csv.DictReader(io.StringIO(text))
    columns = list(reader.fieldnames or ())
    published = {name: _first_weights(name) for name in torchvision.models.list_models(module=torchvision.models)}
    rows = [row for row in reader if row["source"] != SOURCE or row["name"] in published]
    for name in sorted(published.keys() - {row["name"] for row in rows if row["source"] == SOURCE}):
        _insert(rows, dict.fromkeys(columns, "") | {"source": SOURCE, "name": name, "channels": "3"})
    return _as_csv(columns, [_stated(row, published[row["name"]]) if row["source"] == SOURCE else row for row in rows])


def _first_weights(name: str) -> WeightsEnum:
    """The oldest weights, trained most nearly as the paper did; later ones owe much to later recipes."""
    return next(iter(torchvision.models.get_model_weights(name)))


def _stated(row: Row, weights: WeightsEnum) -> Row:
    """The row with what torchvision says of these weights."""
    (image_size,) = weights.transforms().crop_size
    return row | {
        "image_size": str(image_size),
        "min_image_size": str(max(weights.meta["min_size"])),
        "max_image_size": str(image_size) if row["family"] in ONE_SIZE_FAMILIES else "",
        "top1_ratio": f"{weights.meta['_metrics']['ImageNet-1K']['acc@1'] / 100:.5f}",
        "top1_source": f"{SOURCE} {weights.name}",
    }


def _insert(rows: list[Row], row: Row) -> None:
    """Below the last row whose name has the same first word, in its family; at the end if there is none."""
    stem = _first_word(row["name"])
    alike = [place for place, other in enumerate(rows) if _first_word(other["name"]) == stem]
    row["family"] = rows[alike[-1]]["family"] if alike else stem
    rows.insert(alike[-1] + 1 if alike else len(rows), row)


def _first_word(name: str) -> str:
    return name.partition("_")[0].rstrip("0123456789")


def _as_csv(columns: list[str], rows: list[Row]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


if __name__ == "__main__":
    CATALOGUE.write_text(refreshed(CATALOGUE.read_text(encoding="utf-8")), encoding="utf-8")
