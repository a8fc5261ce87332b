"""The tables of certificates: certified accuracy by radius."""

import numpy as np
import xarray as xr

from pyrosnn.certificates import CERTIFICATES
from pyrosnn.plots.style import count
from pyrosnn.results import read_spec
from pyrosnn.statistics import share_interval_of_means
from pyrosnn.summaries.certificates import (
    GROUP,
    broken,
    certified_accuracy,
    data_set_certificate,
    headline,
)
from pyrosnn.summaries.words import interval_words
from pyrosnn.tables import Cell, Number, Table
from pyrosnn_studies.needs import needs

ONE_DRAW = "one draw"


@needs(GROUP)
def certificate_tables(result: xr.DataTree) -> list[Table]:
    """Return the certified accuracy by radius, beside the accuracy under attack.

    Args:
        result: a result of ``certificates``.
    """
    values, spec = result[GROUP].dataset, read_spec(result)
    names = [str(name) for name in values["certificate"].values]
    shares = certified_accuracy(result)
    columns = {name: shares.sel(certificate=name).values for name in names}
    columns[ONE_DRAW] = data_set_certificate(result, alpha=spec["alpha"]).values
    for name, title in (("interval_held", "interval condition"), ("attacked_correct", "attacked")):
        if name in values:
            columns[title] = values[name].mean("example").values
    scale, images = float(values["noise_scale"]), values.sizes["example"]
    rows: list[list[Cell]] = [
        [
            f"{radius:.4g} = {radius / scale:.3g} σ",
            *[_share(name, float(of[i]), images) for name, of in columns.items()],
        ]
        for i, radius in enumerate(values["distance"].values)
    ]
    lines = [
        f"Certified accuracy in % beyond a radius in ℓ2 (σ = {scale:.3g}), for "
        f"{count(images, 'image')} and {spec['num_samples']:,} draws of (θ, ε)",
        f"Each radius is too large with probability {spec['alpha']:g} at most. Abstentions are "
        f"wrong: {_abstentions(values)}.",
        "One draw: bound of the accuracy of a single draw, over images like these.",
        f"[{interval_words(images, 1)}]",
    ]
    if "attacked_correct" in values:
        lines.append(_sandwich(result))
    return [Table(title="\n".join(lines), columns=["radius", *columns], rows=rows)]


def _share(name: str, share: float, images: int) -> Number:
    """Return a share of the images with its interval; the bound over images is one already."""
    if name == ONE_DRAW:
        return Number(value=100 * share, form=".1f")
    low, high = share_interval_of_means(np.array([share]), images)
    return Number(value=100 * share, form=".1f", low=100 * low, high=100 * high)


def _abstentions(values: xr.Dataset) -> str:
    shares = values["certified_radius"].isnull().mean("example")
    words = [
        f"{name} {100 * float(share):.1f} %"
        for name, share in zip(values["certificate"].values, shares.values, strict=True)
    ]
    return ", ".join(words)


def _sandwich(result: xr.DataTree) -> str:
    """Return how the images were attacked, and what that did to certified means."""
    spec = read_spec(result)
    attack = (
        f"Attacked: PGD with S_A = {spec['attack_samples']}, judged by the mean of "
        f"{spec['inference_samples']} draws."
    )
    name = headline(result)
    if not CERTIFICATES[name].of_scores:
        return attack
    counts = broken(result, name)
    fell, held = int(counts.sum()), int(np.sum(counts["certified"].values))
    return f"{attack} It breaks {fell} of {held} certified images and radii ({name})."


@needs(GROUP)
def certificate_verdict(result: xr.DataTree) -> list[str]:
    """Return sentences: between which bounds the accuracy lies, at the radii with certificates.

    Args:
        result: a result of ``certificates``.
    """
    values = result[GROUP].dataset
    name = headline(result)
    shares = certified_accuracy(result).sel(certificate=name)
    sentences = []
    for place, radius in enumerate(values["distance"].values):
        least = 100 * float(shares[place])
        if least == 0:
            break
        words = f"Within {radius:.3g} the accuracy is at least {least:.1f} % (certified, {name})"
        if "attacked_correct" in values and CERTIFICATES[name].of_scores:
            most = 100 * float(values["attacked_correct"][:, place].mean())
            words += f" and at most {most:.1f} % (under attack)"
        sentences.append(f"{words}.")
    return sentences or [f"No image is certified ({name}); take more --num-samples."]
