"""Figure 2: the shared products give what separate draws give, and the closed form agrees."""

import math

import numpy as np
import pytest
from support.studies import run_study

from pyrosnn.errors import ArgumentError
from pyrosnn.seeding import seed_sequence
from pyrosnn_studies.gaussian_angles import NAME, STUDY, AnglesSpec


def test_each_cell_is_the_angle_of_its_own_vectors() -> None:
    spec = AnglesSpec(dimension=30, pairs=40, largest=2.0, step=0.5, seed=3)
    values = run_study("gaussian-angles", spec)["angles"].dataset
    rng = np.random.default_rng(seed_sequence(3, NAME))
    u, v = rng.random(30), rng.random(30)
    z = rng.standard_normal((2, 40, 30))
    for t_mean in spec.scales:
        for t_variance in spec.scales:
            at = values.sel(mean_scale=t_mean, variance_scale=t_variance)
            if t_mean == t_variance == 0:
                assert math.isnan(at["angle"])
                continue
            x, y = t_mean * u + np.sqrt(t_variance * v) * z
            cosine = (x * y).sum(1) / np.linalg.norm(x, axis=1) / np.linalg.norm(y, axis=1)
            angles = np.degrees(np.arccos(cosine.clip(-1, 1)))
            assert float(at["angle"]) == pytest.approx(angles.mean(), abs=1e-5)
            error = angles.std(ddof=1) / math.sqrt(40)
            assert float(at["angle_error"]) == pytest.approx(error, abs=1e-5)


def test_several_draws_average_over_means_and_variances() -> None:
    """Each draw is what one draw with the same stream would be; ± is the error over draws."""
    spec = AnglesSpec(dimension=30, pairs=40, draws=3, largest=1.0, step=1.0, seed=3)
    at = run_study("gaussian-angles", spec)["angles"].dataset.sel(mean_scale=1, variance_scale=1)
    rng = np.random.default_rng(seed_sequence(3, NAME))
    means, forms = [], []
    for _ in range(3):
        u, v = rng.random(30), rng.random(30)
        x, y = u + np.sqrt(v) * rng.standard_normal((2, 40, 30))
        cosine = (x * y).sum(1) / np.linalg.norm(x, axis=1) / np.linalg.norm(y, axis=1)
        means.append(np.degrees(np.arccos(cosine)).mean())
        forms.append(np.arccos((u * u).sum() / ((u * u).sum() + v.sum())))
    assert float(at["angle"]) == pytest.approx(np.mean(means), abs=1e-5)
    error = np.std(means, ddof=1) / math.sqrt(3)
    assert float(at["angle_error"]) == pytest.approx(error, abs=1e-5)
    assert float(at["cosine_first_order"]) == pytest.approx(math.cos(np.mean(forms)), abs=1e-9)


def test_one_draw_is_recorded_as_before() -> None:
    """The digest of a result with the settings of before is the one of before."""
    one, many = (
        AnglesSpec(dimension=3, pairs=4, draws=draws, largest=1.0, step=1.0) for draws in (1, 2)
    )
    assert "draws" not in STUDY.settings(one)
    assert STUDY.settings(many)["draws"] == 2


@pytest.mark.statistical
def test_the_closed_form_agrees_within_the_monte_carlo_error() -> None:
    """2,000 pairs of the paper's dimension; every cell within 4 standard errors."""
    spec = STUDY.make_spec("paper", None, None, pairs=2000, draws=1, step=1.0)
    assert (spec.dimension, spec.largest) == (1000, 10.0)
    values = run_study("gaussian-angles", spec)["angles"].dataset.isel(
        variance_scale=slice(1, None)
    )
    closed = np.degrees(np.arccos(values["cosine_second_order"]))
    assert float(abs((values["angle"] - closed) / values["angle_error"]).max()) < 4
    # as the paper conjectures: wider with the variance, narrower with the mean
    assert bool((values["angle"].isel(mean_scale=slice(1, None)).diff("variance_scale") > 0).all())
    assert bool((values["angle"].diff("mean_scale") < 0).all())


@pytest.mark.statistical
def test_in_few_dimensions_the_second_order_is_closer() -> None:
    """Twenty dimensions: the first order misses by more than ten standard errors, somewhere."""
    spec = STUDY.make_spec("quick", None, None, dimension=20, pairs=100_000, draws=1, step=2.0)
    values = run_study("gaussian-angles", spec)["angles"].dataset.isel(
        mean_scale=slice(1, None), variance_scale=slice(1, None)
    )
    missed = {}
    for order in ("first", "second"):
        closed = np.degrees(np.arccos(values[f"cosine_{order}_order"]))
        missed[order] = abs(values["angle"] - closed)
    assert float((missed["first"] / values["angle_error"]).max()) > 10
    assert float(missed["second"].mean()) < 0.5 * float(missed["first"].mean())


def test_presets_are_the_papers() -> None:
    spec = STUDY.make_spec("paper", None, None)
    assert (spec.pairs, spec.draws, spec.step, len(spec.scales)) == (1000, 60, 0.2, 51)
    assert len(STUDY.cells(spec)) == 51


def test_bad_settings_are_named() -> None:
    with pytest.raises(ArgumentError, match="dimension must be >= 1, got 0"):
        STUDY.make_spec("quick", None, None, dimension=0)
    with pytest.raises(ArgumentError, match=r"step must be in \[0\.05, 10\], got 11\.0"):
        STUDY.make_spec("quick", None, None, step=11.0)
    with pytest.raises(ArgumentError, match="largest must be > 0 and finite, got inf"):
        STUDY.make_spec("quick", None, None, largest=math.inf)
    assert STUDY.make_spec("quick", None, None, largest=1.0, step=0.35).scales.tolist() == [
        0.0,
        0.35,
        0.7,
    ]
