"""The change between two models as other judges than I see it, at the same frozen δ."""

import xarray as xr

from pyrosnn.statistics import robust_at
from pyrosnn.summaries.change import mean_change
from pyrosnn.summaries.standard import QUERIES

# Shares of images by the judge, and the variable that has them.
JUDGES = {
    "once": "archive_correct",
    "noise_free": "noise_free_correct",
    "known": "known_correct",
}


def judged_changes(
    first: xr.Dataset,
    second: xr.Dataset,
    queries: tuple[int, int],
    *,
    confidence: float = 0.95,
) -> xr.Dataset:
    """Return the change of adversarial accuracy between two models, judge by judge.

    Args:
        first: values of a standard evaluation, with the dimension ``repeat``.
        second: those of the other model for the same images and threats.
        queries: how many queries each had.
        confidence: confidence of the intervals.

    Returns:
        ``judged_first``, ``judged_second`` and ``judged_change`` with its interval, over ``threat``
        and ``judge``, those that both results have:

        - ``once``: one prediction with I;
        - ``noise_free``: the network without its noise;
        - ``known``: I, under an attacker who knows it;
        - ``robust_at_k``: k queries with fresh samples are all right.
    """
    both = [_shares(v, number) for v, number in zip((first, second), queries, strict=True)]
    names = [name for name in both[0] if name in both[1]]
    found = [mean_change(both[0][name], both[1][name], confidence=confidence) for name in names]
    joined = xr.concat(found, xr.Variable("judge", names)).transpose(..., "judge")
    return joined.rename({name: f"judged_{name}" for name in joined.data_vars})


def _shares(values: xr.Dataset, number: int) -> dict[str, xr.DataArray]:
    shares = {judge: values[name] for judge, name in JUDGES.items() if name in values}
    queried = values["queries_correct"].sel(perturbation="archive", drop=True)
    for k in QUERIES:
        if k <= number:
            shares[f"robust_at_{k}"] = queried.copy(data=robust_at(queried.values, number, k))
    return {judge: share.astype("float64").drop_attrs() for judge, share in shares.items()}
