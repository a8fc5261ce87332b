"""Expected angle between two Gaussian vectors with the same mean, and its closed form.

Figure 2 of the paper, with means and variances uniform on [0, t], averaged over
many such means and variances. The study needs no model.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, ClassVar

import numpy as np
import xarray as xr
from annotated_types import Ge, Gt

from pyrosnn.conditions import expected_cosine, second_order_cosine
from pyrosnn.errors import require
from pyrosnn.plots import angles_figure
from pyrosnn.results import make_dataset
from pyrosnn.seeding import seed_sequence
from pyrosnn_studies.angles_tables import angles_tables
from pyrosnn_studies.cells import Cell
from pyrosnn_studies.settings import SeedSettings
from pyrosnn_studies.study import Study

NAME = "gaussian-angles"
GROUP = "angles"
VALUES = ("angle", "angle_error", "cosine_first_order", "cosine_second_order")
CHUNK = 1000  # pairs drawn at a time
MAX_STEPS = 200  # a typing error should not make a map of a million cells


@dataclass(frozen=True, kw_only=True)
class AnglesSpec(SeedSettings):
    """Settings of the study.

    Attributes:
        dimension: length of the vectors.
        pairs: number of pairs of vectors for each mean and variance.
        draws: number of means and variances; ± is the error over them, and with one over its pairs.
        largest: largest value of t.
        step: step between the values of t, from 0 on.
    """

    panel: ClassVar[str] = "vectors"

    dimension: Annotated[int, Ge(1)]
    pairs: Annotated[int, Ge(2)]
    draws: Annotated[int, Ge(1)] = 1
    largest: Annotated[float, Gt(0)]
    step: Annotated[float, Gt(0)]

    def __post_init__(self) -> None:
        """Check the values."""
        super().__post_init__()
        least = self.largest / MAX_STEPS
        require(
            least <= self.step <= self.largest,
            f"step must be in [{least:g}, {self.largest:g}], got {self.step}",
        )

    @property
    def scales(self) -> np.ndarray:
        """The values of t, of the means and of the variances."""
        count = math.floor(self.largest / self.step + 1e-9)  # 0.3 / 0.1 is 2.9999999999999996
        return np.round(self.step * np.arange(count + 1), 10)


def _cells(spec: AnglesSpec) -> list[Cell]:
    """Return a cell for each t of the means: they share the pairs, which a process draws once."""
    return [Cell(part=GROUP, block=i) for i in range(len(spec.scales))]


def _run_cell(spec: AnglesSpec, cell: Cell, subject: None) -> xr.Dataset:
    drawn = _drawn(spec)
    scales, t_mean = spec.scales, spec.scales[cell.block]
    values = {name: np.full((1, len(scales)), np.nan) for name in VALUES}
    for j, t_variance in enumerate(scales):
        if t_mean == t_variance == 0:
            continue  # two zero vectors have no angle
        degrees = [
            _angles(products, float((u * u).sum()), float(t_mean), float(np.sqrt(t_variance)))
            for u, v, products in drawn
        ]
        closed = [_closed_forms(t_mean * u, t_variance * v) for u, v, _ in drawn]
        independent = degrees[0] if spec.draws == 1 else np.array([one.mean() for one in degrees])
        error = independent.std(ddof=1) / np.sqrt(len(independent))
        # the cosine of the mean angle, which the simulated mean is compared with
        cosines = np.cos(np.arccos(np.clip(closed, -1, 1)).mean(0)) if spec.draws > 1 else closed[0]
        for name, number in zip(VALUES, (np.mean(degrees), error, *cosines), strict=True):
            values[name][0, j] = number
    return make_dataset(values, {"mean_scale": [t_mean], "variance_scale": scales})


@lru_cache(maxsize=1)
def _drawn(spec: AnglesSpec) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Return u, v and the products of all pairs, for each draw of u and v."""
    rng = np.random.default_rng(seed_sequence(spec.seed, NAME))
    drawn = []
    for _ in range(spec.draws):
        u, v = rng.random(spec.dimension), rng.random(spec.dimension)
        products = [_products(u, v, rng, number) for number in _chunks(spec.pairs)]
        drawn.append((u, v, np.concatenate(products, axis=1)))
    return drawn


def _chunks(pairs: int) -> list[int]:
    return [min(CHUNK, pairs - done) for done in range(0, pairs, CHUNK)]


# sums, not matrix products: those of a BLAS depend on its number of threads
def _products(u: np.ndarray, v: np.ndarray, rng: np.random.Generator, number: int) -> np.ndarray:
    """Return ⟨u, a⟩, ⟨u, b⟩, ⟨a, a⟩, ⟨b, b⟩, ⟨a, b⟩ of pairs a = √v Z, b = √v Z'."""
    a, b = np.sqrt(v) * rng.standard_normal((2, number, len(v)))
    return np.stack(
        [(a * u).sum(1), (b * u).sum(1), (a * a).sum(1), (b * b).sum(1), (a * b).sum(1)]
    )


def _angles(products: np.ndarray, uu: float, m: float, s: float) -> np.ndarray:
    """Return the angles of m u + s a and m u + s b in degrees."""
    ua, ub, aa, bb, ab = products
    inner = m * m * uu + m * s * (ua + ub) + s * s * ab
    first = m * m * uu + 2 * m * s * ua + s * s * aa
    second = m * m * uu + 2 * m * s * ub + s * s * bb
    degrees: np.ndarray = np.degrees(np.arccos(np.clip(inner / np.sqrt(first * second), -1, 1)))
    return degrees


def _closed_forms(mean: np.ndarray, variance: np.ndarray) -> tuple[float, float]:
    square, trace = (mean**2).sum(), variance.sum()
    first = expected_cosine(
        alignment=square,
        attack_square=square,
        attack_trace=trace,
        inference_square=square,
        inference_trace=trace,
        attack_samples=1,
        inference_samples=1,
    )
    second = second_order_cosine(
        square=square,
        trace=trace,
        quadratic=(mean**2 * variance).sum(),
        trace_of_square=(variance**2).sum(),
        attack_samples=1,
        inference_samples=1,
    )
    return float(first), float(second)


STUDY = Study(
    name=NAME,
    spec=AnglesSpec,
    cells=_cells,
    run_cell=_run_cell,
    tables=angles_tables,
    figure=angles_figure,
)
