"""The tables of certificates: certified accuracy by radius."""

import numpy as np
import xarray as xr

from pyrosnn.plots.style import count
from pyrosnn.results import read_spec
from pyrosnn.summaries.certificates import (
    GROUP,
    broken,
    certified_accuracy,
    certified_at,
    data_set_certificate,
)
from pyrosnn.tables import Cell, Number, Table


def certificate_tables(result: xr.DataTree) -> list[Table]:
    """Return the certified accuracy by radius, beside the accuracy under attack.

    Args:
        result: a result of ``certificates``.
    """
    values, spec = result[GROUP].dataset, read_spec(result)
    names = [str(name) for name in values["certificate"].values]
    shares = certified_accuracy(result)
    columns = {name: shares.sel(certificate=name).values for name in names}
    columns["one draw"] = data_set_certificate(result, alpha=spec["alpha"]).values
    for name, title in (("interval_held", "interval condition"), ("attacked_correct", "attacked")):
        if name in values:
            columns[title] = values[name].mean("example").values
    scale = float(values["noise_scale"])
    rows: list[list[Cell]] = [
        [
            f"{radius:.4g}",
            f"{radius / scale:.3g} σ",
            *[Number(value=100 * float(v[i]), form=".1f") for v in columns.values()],
        ]
        for i, radius in enumerate(values["distance"].values)
    ]
    lines = [
        f"Certified accuracy in % beyond a radius in ℓ2 (σ = {scale:.3g}), for "
        f"{count(values.sizes['example'], 'image')} and {spec['num_samples']:,} draws of (θ, ε)",
        f"Each radius is too large with probability {spec['alpha']:g} at most. Abstentions are "
        f"wrong: {_abstentions(values)}.",
        "One draw: bound of the accuracy of a single draw, over images like these.",
    ]
    if "attacked_correct" in values:
        lines.append(_sandwich(result, names))
    return [Table(title="\n".join(lines), columns=["radius", *columns], rows=rows)]


def _abstentions(values: xr.Dataset) -> str:
    shares = values["certified_radius"].isnull().mean("example")
    words = [
        f"{name} {100 * float(share):.1f} %"
        for name, share in zip(values["certificate"].values, shares.values, strict=True)
    ]
    return ", ".join(words)


def _sandwich(result: xr.DataTree, names: list[str]) -> str:
    """Return what the attack did to certified images of the mean prediction."""
    spec = read_spec(result)
    judged = f"judged by the mean of {spec['inference_samples']} draws"
    name = "margin" if "margin" in names else "votes"
    counts = broken(result, name)
    fell, held = int(counts.sum()), int(np.sum(counts["certified"].values))
    total = int(certified_at(result).sel(certificate=name).size)
    return (
        f"Attacked: PGD with S_A = {spec['attack_samples']}, {judged}. Of {total} images and "
        f"radii {held} are certified ({name}), and the attack breaks {fell} of these."
    )
