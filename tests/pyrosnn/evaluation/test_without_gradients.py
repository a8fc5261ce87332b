"""A classifier without gradients is judged by its accuracy, under an attack that needs none."""

from pathlib import Path
from typing import Any

import numpy as np
import pyro
import pytest
import torch
import xarray as xr
from pyro.distributions import Normal
from torch import Tensor

from pyrosnn.attacks import FGM, SPSA
from pyrosnn.checks.on_result import check_result
from pyrosnn.errors import ArgumentError, NoGradientError, PyrosnnWarning
from pyrosnn.evaluation import attack_moments, evaluate
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.results import make_result, open_results, save_results
from pyrosnn.sampling import disjoint_sample_sets, predict
from pyrosnn.shapes import Sites
from pyrosnn.summaries import accuracy_table, robustness_table

NUMBER = 12


class Votes(StochasticClassifier):
    """Votes of noisy linear classifiers: constant but where they jump."""

    output = "logits"

    def __init__(self) -> None:
        super().__init__((4,), 3)
        self.weight = torch.nn.Parameter(torch.randn(4, 3), requires_grad=False)

    def sample_sites(self, x: Tensor, images: pyro.plate) -> Sites:
        with images:
            noise = pyro.sample("noise", Normal(x.new_zeros(4), 0.5).to_event(1))
        return {"noise": noise}

    def logits(self, x: Tensor, sites: Sites) -> Tensor:
        scores = (x + sites["noise"]) @ self.weight
        return torch.nn.functional.one_hot(scores.argmax(-1), 3).to(x.dtype)


@pytest.fixture
def setting() -> dict[str, Any]:
    torch.manual_seed(1)
    votes, x = Votes(), torch.randn(NUMBER, 4)
    a, i = disjoint_sample_sets(votes, x, attack=5, inference=40, seed=0)
    y = predict(votes, x, i).predicted
    named = {"classifier": votes, "x": x, "y": y}
    return {**named, "attack_samples": a, "inference_samples": i, "strengths": [0.0, 0.5, 2.0]}


def away(module: Any, x: Tensor, y: Tensor, strength: float) -> Tensor:
    moved: Tensor = x - strength * x / x.norm(dim=1, keepdim=True)
    return moved


@pytest.mark.slow
@pytest.mark.parametrize("bounds", [None, (-4.0, 4.0)])
@pytest.mark.parametrize("attack", [away, SPSA(radius=0.5, directions=8, loss="margin")])
def test_accuracies_are_those_of_the_votes(
    attack: Any, bounds: tuple[float, float] | None, setting: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.warns(PyrosnnWarning, match="no gradients: its result has accuracies, but neither"):
        values = evaluate(**setting, attack=attack, judged_bounds=bounds, inference_sizes=[10, 40])
    votes, x, y, i = (setting[n] for n in ("classifier", "x", "y", "inference_samples"))
    assert values["clean_correct"].isel(inference_samples=1).all()
    if attack is away:
        for strength in setting["strengths"]:
            moved = x if strength == 0 else away(None, x, y, strength)
            expected = predict(votes, moved, i).predicted == y
            row = values["adversarial_correct"].sel(strength=strength, inference_samples=40)
            assert row.values.ravel().tolist() == expected.tolist()
    for name in ("cosine", "radius", "margin", "gradient_norm"):
        assert values[name].isnull().all()
    assert not {"linear_condition", "nearest_class"} & set(values)
    path = tmp_path / "votes.nc"
    save_results(path, make_result(values, study="mine", spec={}, provenance={}))
    tree = open_results(path)
    table = accuracy_table(tree)
    assert table["linear_condition"].isna().all()
    assert np.isfinite(table["adversarial"]).all()
    assert set(robustness_table(tree)) == {
        f"adversarial_correct{end}" for end in ("", "_low", "_high")
    }
    statuses = {finding.name: finding.status for finding in check_result(tree)}
    assert statuses["zero-gradients"] == "skipped"


def test_what_needs_gradients_says_so(setting: dict[str, Any]) -> None:
    message = "no gradient of the classifier's outputs reaches the image; .* votes under an attack"
    with pytest.raises(NoGradientError, match=message):
        evaluate(**setting, attack=FGM())
    with pytest.raises(NoGradientError, match=message):
        evaluate(**setting, attack=away, smoothness=[1.0])
    with pytest.raises(NoGradientError, match=message):
        attack_moments(
            setting["classifier"], setting["x"], setting["y"], attack=FGM(), num_samples=40
        )


def test_a_result_of_other_studies_may_not_lack_a_condition_alone(
    setting: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.warns(PyrosnnWarning):
        values = evaluate(**setting, attack=away)
    broken = values.assign(nearest_class=xr.zeros_like(values["cosine"]).astype("int16"))
    result = make_result(broken, study="mine", spec={}, provenance={})
    with pytest.raises(ArgumentError, match="it lacks linear_condition"):
        save_results(tmp_path / "a.nc", result)
