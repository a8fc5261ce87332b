"""Learn2Perturb's scales: their floor, their places, and the reward that keeps them up."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError
from pyrosnn.models import build_model
from pyrosnn.models.composed import Composed
from pyrosnn.noise.learned_scale import LearnedScale
from pyrosnn.sampling import draw_sample_set
from pyrosnn.training import preset, train


def l2p(**options: Any) -> tuple[Composed, LearnedScale]:
    model = build_model("l2p", image_shape=(1, 8, 8), num_classes=10, options=options)
    assert isinstance(model, Composed)
    (noise,) = model.noise
    assert isinstance(noise, LearnedScale)
    return model.requires_grad_(False), noise


@pytest.mark.parametrize(
    ("options", "places"),
    [
        ({"network": "dense"}, ["active_0", "active_1"]),
        ({}, ["active_0", "active_1", "active"]),
        ({"network": "resnet", "depth": 10, "width": 1}, ["block_0", "block_1", "block_2"]),
    ],
)
def test_noise_is_at_the_ends_of_blocks(options: dict[str, Any], places: list[str]) -> None:
    model, noise = l2p(**options)
    assert list(noise.place_of.values()) == places
    shapes = [model.network.places[place].shape for place in places]
    assert [tuple(sigma.shape) for sigma in noise.sigma] == shapes
    assert all(bool((sigma == 0.25).all()) for sigma in noise.sigma)


def test_scales_of_0_are_the_plain_network(digits: Dataset) -> None:
    model, noise = l2p()
    for sigma in noise.sigma:
        sigma.zero_()  # past the floor
    x = digits.x_test[:3]
    drawn = draw_sample_set(model, x, 1, seed=0, stream="attack").tensors
    assert torch.equal(model.logits(x, drawn)[0], model.network(x))


def test_rows_of_one_image_have_noise_of_their_own(digits: Dataset) -> None:
    """The original expands one noise to its 30 rows of an image: no EOT at all."""
    x = digits.x_test[:1].expand(3, 1, 8, 8)
    for per_example in (True, False):
        model, _ = l2p(per_example=per_example)
        logits = model.logits(x, draw_sample_set(model, x, 2, seed=0, stream="attack").tensors)
        assert torch.allclose(logits[:, 0], logits[:, 1]) == (not per_example)


def test_scales_stop_at_the_floor(digits: Dataset) -> None:
    """One step of a huge gradient, and the training's last step as well."""
    model, noise = l2p()
    for sigma in noise.sigma:
        sigma.sub_(1e6)
    model.after_step()
    assert all(bool((sigma == 0.01).all()) for sigma in noise.sigma)
    few = replace(digits, x_train=digits.x_train[:100], y_train=digits.y_train[:100])
    options = {"channels": (4,), "units": 8}
    # without its reward, at a rate that takes scales below the floor in a step
    changes: dict[str, Any] = {"regularisers": {"noise-growth": {"weight": 0.0}}, "images": "clean"}
    spec = preset("l2p", epochs=2, options=options, learning_rate=0.5, **changes)
    trained = train(spec, few)
    assert isinstance(trained, Composed)
    found = trained.noise[0]
    assert isinstance(found, LearnedScale)
    lowest = min(float(sigma.min()) for sigma in found.sigma)
    assert lowest == pytest.approx(0.01)


def test_a_floor_above_the_start_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"initial_sigma must be >= sigma_floor = 0.3, got 0.2"):
        LearnedScale(0.2, sigma_floor=0.3)
