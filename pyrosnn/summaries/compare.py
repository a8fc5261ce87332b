"""Two models on the same images: at every strength, equal S_A, and equal share of the cosine."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from pyrosnn.errors import require
from pyrosnn.results import GROUP, read_spec
from pyrosnn.results.threats import shown_strength
from pyrosnn.summaries.advice import samples_for_mean
from pyrosnn.summaries.comparable import (
    at_strengths,
    check_comparable,
    chosen_strength,
    common_strengths,
    listed,
)
from pyrosnn.summaries.paired import difference_of_models
from pyrosnn.summaries.reach import (
    at_reach,
    fit_reach,
    follows_law,
    known_reach,
    no_reach,
    samples_for_reach,
)
from pyrosnn.summaries.reading import of_result

SHARES = (0.8, 0.9, 0.95)


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparison:
    """Two results on their common images, at their common strengths and one S_I.

    Attributes:
        first, second: values of the images that both have, over ``repeat``, ``example``,
            ``strength`` and ``attack_samples``.
        first_fit, second_fit: how the cosine grows with S_A (:func:`fit_reach`), from the means
            over these images and all repeats at ``strength``; undefined cosines are left out. All
            NaN where the attack does not follow the law (:func:`follows_law`).
        strength: the strength η at which shares and sizes are compared.
        inference_samples: S_I, the largest that both have.
        moments: those of both for these images, if both are results of ``pyrosnn diagnose``; the
            fits are then :func:`known_reach`.
        law: whether the cosines of the attack follow the law.
        norm: name of the norm that bounds δ, empty where the first result does not say.
    """

    first: xr.Dataset
    second: xr.Dataset
    first_fit: xr.Dataset
    second_fit: xr.Dataset
    strength: float
    inference_samples: int
    moments: tuple[xr.Dataset, xr.Dataset] | None = None
    law: bool = True
    norm: str = ""

    def shown(self, strength: float) -> str:
        """Return a strength as its norm is written, such as 8/255."""
        return shown_strength(self.norm, strength)

    @property
    def sizes(self) -> list[int]:
        """The S_A that both results have, rising."""
        both = np.intersect1d(self.first["attack_samples"], self.second["attack_samples"])
        return [int(size) for size in both]

    def at_every_strength(self, *, confidence: float = 0.95) -> pd.DataFrame:
        """Return the difference in accuracy without attack, and at each strength.

        Args:
            confidence: confidence of the intervals.

        Returns:
            One row for each strength, under attacks with the largest S_A that both have, with the
            columns of :func:`difference_of_models`. The row of strength 0 has the clean
            accuracies; it is the only one where no S_A is common.
        """
        both = (self.first, self.second)
        clean = [values["clean_correct"].astype("float64") for values in both]
        rows = {0.0: _row(clean[0], clean[1], confidence)}
        for eta in self.first["strength"].values.tolist() if self.sizes else []:
            if eta > 0:
                of = [at.sel(attack_samples=self.sizes[-1], drop=True) for at in self._correct(eta)]
                rows[eta] = _row(of[0], of[1], confidence)
        return pd.DataFrame.from_dict(rows, orient="index", columns=list(COLUMNS)).rename_axis(
            "strength"
        )

    def at_equal_size(self, *, confidence: float = 0.95) -> pd.DataFrame:
        """Return the difference in adversarial accuracy at each S_A that both have.

        The same S_A is a weaker attack on the noisier model: see :meth:`at_equal_reach`.

        Args:
            confidence: confidence of the intervals.

        Returns:
            One row for each S_A with the columns of :func:`difference_of_models`.
        """
        rows = {}
        for size in self.sizes:
            chosen = [correct.sel(attack_samples=size, drop=True) for correct in self._correct()]
            rows[size] = _row(chosen[0], chosen[1], confidence)
        return pd.DataFrame.from_dict(rows, orient="index", columns=list(COLUMNS)).rename_axis(
            "attack_samples"
        )

    def at_equal_reach(
        self, shares: Sequence[float] = SHARES, *, confidence: float = 0.95
    ) -> pd.DataFrame:
        r"""Return the difference in adversarial accuracy at equal shares of the reachable cosine.

        Each model is attacked with the S_A that brings the attack's cosine to the share ρ of what
        more samples could reach, $S_A = B \rho^2 / (1 - \rho^2)$. Accuracies are interpolated
        between the sizes of the result, linearly in the share, and never extrapolated. The
        intervals take the fitted B, or the moments, as known.

        Args:
            shares: shares ρ between 0 and 1; the largest that both results reach is added.
            confidence: confidence of the intervals.

        Returns:
            One row for each share with ``first_samples`` and ``second_samples``, the S_A that it
            takes, and the columns of :func:`difference_of_models`. An accuracy is NaN where the
            sizes of the result do not enclose that S_A, and the difference with it.

        Raises:
            ArgumentError: for a share that is not between 0 and 1.
        """
        for share in shares:
            require(0 < share < 1, f"shares must be between 0 and 1, got {share:g}")
        fits = (self.first_fit, self.second_fit)
        largest = min(float(fit["reach"][-1]) for fit in fits)
        smallest = max(float(fit["reach"][0]) for fit in fits)
        added = {largest} if smallest <= largest else set()  # not so for NaN
        rows = {}
        for share in sorted({*map(float, shares), *added}):
            at_share = [
                at_reach(values, fit, share)
                for values, fit in zip(self._correct(), fits, strict=True)
            ]
            needed = self._needed(share)
            rows[share] = [*needed, *_row(at_share[0], at_share[1], confidence)]
        columns = ["first_samples", "second_samples", *COLUMNS]
        return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("share")

    def _needed(self, share: float) -> list[float]:
        """Return the S_A of both models at a share of the reachable cosine."""
        if self.moments is not None:
            return [samples_for_mean(m, share, self.inference_samples) for m in self.moments]
        fits = (self.first_fit, self.second_fit)
        return [samples_for_reach(float(fit["noise_scale"]), share) for fit in fits]

    def _correct(self, strength: float | None = None) -> list[xr.DataArray]:
        eta = self.strength if strength is None else strength
        both = [values["adversarial_correct"] for values in (self.first, self.second)]
        return [correct.sel(strength=eta, drop=True).astype("float64") for correct in both]


COLUMNS = (
    "first",
    "second",
    "difference",
    "samples_low",
    "samples_high",
    "images_low",
    "images_high",
)


def _row(first: xr.DataArray | None, second: xr.DataArray | None, confidence: float) -> list[float]:
    """Return the columns of a comparison; NaN for missing values (None)."""
    if first is not None and second is not None:
        row = difference_of_models(first, second, confidence=confidence, most=1.0)
        return [float(row[name]) for name in COLUMNS]
    means = [np.nan if values is None else float(values.mean()) for values in (first, second)]
    return [*means, *[np.nan] * (len(COLUMNS) - 2)]


@of_result
def compare_results(
    first: xr.DataTree, second: xr.DataTree, *, strength: float | None = None
) -> Comparison:
    """Compare two results: two models under the same attack on the same images.

    Args:
        first: a result file or what a study returned.
        second: another one of the same data set, attack, norm, labels and clipping. Loss, gradient
            and precision may differ: what suits one model need not suit the other.
        strength: a strength η of both, for shares and sizes; None takes the largest common one.

    Raises:
        ArgumentError: naming the setting that differs, or what the results do not have in common:
            images, strengths, S_I.

    Example:
        >>> import pyrosnn
        >>> digits = pyrosnn.load_dataset("digits")
        >>> x, y = digits.test_images(50)
        >>> results = []
        >>> for name in ("bnn", "im"):
        ...     model = pyrosnn.train(pyrosnn.preset(name, epochs=3), digits)
        ...     A, I = pyrosnn.disjoint_sample_sets(model, x, attack=10, inference=20, seed=0)
        ...     values = pyrosnn.evaluate(
        ...         model, x, y, attack=pyrosnn.FGM(strength=0.4), attack_samples=A,
        ...         inference_samples=I, attack_sizes=(1, 10),
        ...     )
        ...     made = {"dataset_digest": digits.digest, "dataset": "digits"}
        ...     results += [pyrosnn.make_result(values, study=name, spec={}, provenance=made)]
        >>> comparison = compare_results(*results)
        >>> comparison.strength, comparison.inference_samples
        (0.4, 20)
        >>> comparison.at_equal_size().index.tolist()
        [1, 10]
    """
    check_comparable(first, second)
    both = [result[GROUP].dataset for result in (first, second)]
    examples = np.intersect1d(both[0]["example"], both[1]["example"])
    require(
        len(examples) >= 2,
        f"the results have {len(examples)} of their images in common; 2 are needed",
    )
    sizes = np.intersect1d(both[0]["inference_samples"], both[1]["inference_samples"])
    require(
        len(sizes) > 0,
        f"the results have no S_I in common: {listed(both[0], 'inference_samples')} and "
        f"{listed(both[1], 'inference_samples')}; run one again with --inference-samples",
    )
    largest = int(sizes[-1])
    etas = common_strengths(both[0], both[1])
    eta = chosen_strength(etas, strength)
    chosen = [
        at_strengths(values, etas)
        .sel(example=examples, inference_samples=largest, drop=True)
        .sortby("attack_samples")
        for values in both
    ]
    moments = None
    if all("moments" in result.children for result in (first, second)):
        known = [result["moments"].dataset.sel(example=examples) for result in (first, second)]
        moments = (known[0], known[1])
    cosines = [_mean_cosines(values.sel(strength=eta, drop=True)) for values in chosen]
    law = all(follows_law(read_spec(result)) for result in (first, second))
    if not law:
        fits = [no_reach(cosine) for cosine in cosines]
    elif moments is None:
        fits = [fit_reach(cosine) for cosine in cosines]
    else:
        pairs = zip(moments, cosines, strict=True)
        fits = [known_reach(dataset, cosine, largest) for dataset, cosine in pairs]
    return Comparison(
        first=chosen[0],
        second=chosen[1],
        first_fit=fits[0],
        second_fit=fits[1],
        strength=eta,
        inference_samples=largest,
        moments=moments if law else None,
        law=law,
        norm=str(read_spec(first).get("norm", "")),
    )


def _mean_cosines(values: xr.Dataset) -> xr.DataArray:
    """Return the mean cosine for each S_A over images and repeats; NaN where none is defined."""
    cosine = values["cosine"].astype("float64")
    return cosine.sum(("repeat", "example")) / cosine.count(("repeat", "example")).where(
        cosine.notnull().any(("repeat", "example"))
    )
