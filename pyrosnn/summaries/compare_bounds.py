"""Two models on the same images between both bounds: certified from below, attacked from above."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from pyrosnn.errors import require
from pyrosnn.results import read_spec
from pyrosnn.summaries.certificates import GROUP, certified_at, certified_threats
from pyrosnn.summaries.comparable import check_same_data, check_same_settings, listed
from pyrosnn.summaries.compare import COLUMNS
from pyrosnn.summaries.evaluated import group_of
from pyrosnn.summaries.paired import difference_of_models
from pyrosnn.summaries.reading import of_result
from pyrosnn.summaries.standard import standard_of

# What is compared of a standard evaluation under each threat, by variable.
SHARES = {"clean": "unattacked_correct", "archive": "archive_correct"}

# Values of images by what they are: a threat or a distance, and a share or a certificate.
Named = Mapping[tuple[Any, str], xr.DataArray]


@of_result
def compare_evaluations(
    first: xr.DataTree, second: xr.DataTree, *, confidence: float = 0.95
) -> pd.DataFrame:
    """Compare two standard evaluations of the same images, threat by threat.

    Args:
        first: a result of the standard evaluation.
        second: another one of the same data set and protocol. The attack samples may differ: the
            diagnosis of each model decides them.
        confidence: confidence of the intervals.

    Returns:
        One row for each common ``threat`` and ``share``: ``clean``, ``archive`` (under all attacks)
        and, where both were certified in ℓ2, ``certified``; with the columns of
        :func:`difference_of_models`. ``attrs`` has the number of common ``images``.

    Raises:
        ArgumentError: naming the setting that differs, or what the results do not have in common.
    """
    check_same_data(first, second)
    check_same_settings(first, second, {"protocol": None, "clip": True})
    return _compared(
        [dict(_of_evaluation(result)) for result in (first, second)],
        ["threat", "share"],
        confidence,
    )


@of_result
def compare_certificates(
    first: xr.DataTree, second: xr.DataTree, *, confidence: float = 0.95
) -> pd.DataFrame:
    """Compare the certified accuracies of two models on the same images.

    Args:
        first: a result with certificates and distances.
        second: another one of the same data set and α.
        confidence: confidence of the intervals.

    Returns:
        One row for each common ``distance`` and ``certificate``, with the columns of
        :func:`difference_of_models`; the intervals are for fresh images. ``attrs`` has the number
        of common ``images``.

    Raises:
        ArgumentError: naming the setting that differs, or what the results do not have in common.
    """
    check_same_data(first, second)
    check_same_settings(first, second, {"alpha": None})
    both = [group_of(result, GROUP) for result in (first, second)]
    common = np.intersect1d(both[0]["distance"], both[1]["distance"])
    require(
        len(common) > 0,
        f"the results have no radius in common: {listed(both[0], 'distance')} and "
        f"{listed(both[1], 'distance')}; run one again with the other's --radii",
    )
    shares = [dict(_of_certificates(result)) for result in (first, second)]
    return _compared(shares, ["distance", "certificate"], confidence)


def num_draws(result: xr.DataTree) -> int | None:
    """Return how many draws certify an image: more of them certify more.

    Args:
        result: a result with certificates.
    """
    spec = read_spec(result)
    number = spec.get("certificate_samples", spec.get("num_samples"))
    return number if isinstance(number, int) else None


def _of_evaluation(result: xr.DataTree) -> Iterator[tuple[tuple[Any, str], xr.DataArray]]:
    values, certified = standard_of(result), certified_threats(result)
    for place, threat in enumerate(map(str, values["threat"].values)):
        for share, name in SHARES.items():
            of = values[name]
            yield (threat, share), of.isel(threat=place, drop=True) if "threat" in of.dims else of
        if certified is not None and bool(certified[:, place].notnull().all()):
            yield (threat, "certified"), _once(certified.isel(threat=place, drop=True))


def _of_certificates(result: xr.DataTree) -> Iterator[tuple[tuple[Any, str], xr.DataArray]]:
    certified = certified_at(result)
    for place, distance in enumerate(certified["distance"].values.tolist()):
        for kind in map(str, certified["certificate"].values):
            of = certified.sel(certificate=kind, drop=True).isel(distance=place, drop=True)
            yield (distance, kind), _once(of)


def _once(values: xr.DataArray) -> xr.DataArray:
    """Return values of a statement that no repeat changes."""
    return values.expand_dims(repeat=1).transpose("repeat", "example")


def _compared(shares: Sequence[Named], names: list[str], confidence: float) -> pd.DataFrame:
    """Return a row for each share that both have, on the images that both have."""
    first, second = shares
    keys = [key for key in first if key in second]
    require(
        len(keys) > 0,
        f"the results have no {' and '.join(names)} in common: {_listed(first)} and "
        f"{_listed(second)}; run one again with the settings of the other",
    )
    rows = {}
    for key in keys:
        one, other = (of[key].astype("float64") for of in shares)
        examples = np.intersect1d(one["example"], other["example"])
        require(
            len(examples) >= 2,
            f"the results have {len(examples)} of their images in common; 2 are needed",
        )
        found = difference_of_models(
            one.sel(example=examples).reset_coords(drop=True),
            other.sel(example=examples).reset_coords(drop=True),
            confidence=confidence,
            most=1.0,
        )
        rows[key] = [float(found[column]) for column in COLUMNS]
    index = pd.MultiIndex.from_tuples(rows, names=names)
    frame = pd.DataFrame(list(rows.values()), columns=list(COLUMNS), index=index)
    frame.attrs["images"] = len(examples)
    return frame


def _listed(of: Named) -> str:
    return ", ".join(dict.fromkeys(str(key[0]) for key in of))
