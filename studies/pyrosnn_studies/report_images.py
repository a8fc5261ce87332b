"""The images of a report: some that withstood an attack, and some that fell."""

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from pyrosnn.plots.standard import threat_names
from pyrosnn.reports import Gallery, Image, Text, amplified, pixels_png
from pyrosnn.results import GROUP, read_provenance, read_spec
from pyrosnn.results.threats import strength_in
from pyrosnn.summaries.standard import standard_of
from pyrosnn_studies.report_data import FindDataset

if TYPE_CHECKING:
    from pyrosnn.data.dataset import Dataset

MOST = 4  # images of a kind

Bounds = tuple[float, float]


def shown_images(result: xr.DataTree, find_dataset: FindDataset) -> list[Gallery | Text]:
    """Return the images that a standard evaluation kept, under each threat.

    Args:
        result: a result with the groups ``standard`` and ``shown``.
        find_dataset: gives the data set, whose classes may have names.
    """
    shown, bounds = result["shown"].dataset, _bounds(result)
    shape, dataset = shown["shown_shape"].values.tolist(), find_dataset()
    values = standard_of(result).isel(repeat=0)
    parts: list[Gallery | Text] = []
    for threat, name in enumerate(threat_names(result)):
        of = values.isel(threat=threat)
        rows = shown.isel(shown=np.flatnonzero(shown["shown_threat"].values == threat))
        withstood: list[Image] = []
        fell: list[Image] = []
        for row in range(rows.sizes["shown"]):
            kept = rows.isel(shown=row)
            image = of.sel(example=int(kept["shown_example"]))
            pixels = [kept[f"shown_{key}"].values.reshape(shape) for key in ("image", "attacked")]
            delta = pixels[1] - pixels[0]
            views = {
                "image": pixels_png(pixels[0], bounds),
                f"δ, ±{np.abs(delta).max():.2g}": pixels_png(amplified(delta, bounds), bounds),
                "attacked": pixels_png(pixels[1], bounds),
            }
            before = "" if bool(image["unattacked_correct"]) else " (wrong without attack, too)"
            caption = (
                f"image {int(kept['shown_example'])}: label {_name(dataset, image['label'])} → "
                f"{_name(dataset, image['archive_class'])}{before}"
            )
            kind = withstood if bool(image["archive_correct"]) else fell
            kind.append(Image(views=views, caption=caption))
        parts += [
            Gallery(title=f"{name}: withstood", images=withstood[:MOST]),
            Gallery(title=f"{name}: fell", images=fell[:MOST]),
        ]
    return parts


def clean_images(result: xr.DataTree, find_dataset: FindDataset) -> list[Gallery | Text]:
    """Return images of the data set by what became of them at the largest strength.

    Args:
        result: a result with the group ``evaluation``.
        find_dataset: gives the data set, or says in a sentence why there is none.
    """
    values = result[GROUP].dataset
    if "repeat" in values.dims:
        values = values.isel(repeat=0)
    values = values.isel(strength=-1, attack_samples=-1, inference_samples=-1)
    dataset = find_dataset()
    if isinstance(dataset, str):
        return [Text(paragraphs=[dataset])]
    right = values["adversarial_correct"].values
    bounds = _bounds(result)
    eta = strength_in(read_spec(result), float(values["strength"]))
    parts: list[Gallery | Text] = []
    for title, which in (
        ("withstood", right),
        ("fell", ~right & values["clean_correct"].values),
    ):
        rows = np.flatnonzero(which)[: 2 * MOST]
        images = [_clean(values.isel(example=row), dataset, bounds) for row in rows]
        parts.append(Gallery(title=f"η = {eta}: {title}", images=images))
    return parts


def _clean(image: xr.Dataset, dataset: "Dataset", bounds: Bounds) -> Image:
    index = int(image["example"])
    caption = f"image {index}: label {_name(dataset, image['label'])}"
    if "predicted_class" in image:
        caption += f" → {_name(dataset, image['predicted_class'])}"
    views = {"image": pixels_png(dataset.x_test[index].numpy(), bounds)}
    return Image(views=views, caption=caption)


def _name(dataset: "Dataset | str", label: xr.DataArray) -> str:
    """Return the name of a class, or its number where it has none."""
    names = () if isinstance(dataset, str) else dataset.class_names
    return names[int(label)] if 0 <= int(label) < len(names) else str(int(label))


def _bounds(result: xr.DataTree) -> Bounds:
    low, high = read_provenance(result).get("bounds") or (0.0, 1.0)
    return float(low), float(high)
