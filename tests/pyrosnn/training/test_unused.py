"""Images and terms that begin after the last epoch: one warning that names them."""

from dataclasses import replace
from typing import Any

import pytest

from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import PyrosnnWarning
from pyrosnn.models import build_model
from pyrosnn.training import fit, preset, train

IBP: dict[str, Any] = {"images": "ibp", "image_options": {"strength": 0.1, "warm_up": 2, "ramp": 2}}
ATTACKED: dict[str, Any] = {
    "images": "trades",
    "image_options": {"strength": 0.1, "attack": "fgm", "warm_up": 2},
}
LATE: dict[str, Any] = {"regularisers": {"input-gradient": {"weight": 0.1, "start": 3}}}
STEPS: dict[str, Any] = {"schedule": "steps", "milestones": (1, 2, 3)}
OFF: dict[str, Any] = {"regularisers": {"input-gradient": {"weight": 0.0, "start": 3}}}


def few(digits: Dataset) -> Dataset:
    return replace(digits, x_train=digits.x_train[:20], y_train=digits.y_train[:20])


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        (IBP, "the images 'ibp' (warm_up = 2)"),
        (ATTACKED, "the images 'trades' (warm_up = 2)"),
        (LATE, "the regulariser 'input-gradient' (start = 3)"),
        (STEPS, "milestones of the learning rate (2, 3)"),
        (IBP | LATE, "the images 'ibp' (warm_up = 2) and the regulariser 'input-gradient' (start"),
    ],
    ids=["ibp", "trades", "regulariser", "milestones", "both"],
)
def test_what_no_epoch_comes_to_is_named_once(
    changes: dict[str, Any], named: str, digits: Dataset
) -> None:
    spec = preset("bnn", epochs=2, options={"hidden": (4,)}, **changes)
    with pytest.warns(PyrosnnWarning) as found:
        train(spec, few(digits))
    (text,) = [str(one.message) for one in found if one.category is PyrosnnWarning]
    assert text.startswith(f"a training with epochs = 2 never comes to {named}")
    assert text.endswith("; lower them, or raise epochs")
    train(preset("bnn", epochs=4, options={"hidden": (4,)}, **changes), few(digits))


@pytest.mark.parametrize(
    ("model", "images", "options", "full"),
    [
        ("flss", "latent-matching", {"ramp": 2, "attack": "fgm", "attack_options": {}}, 3),
        ("bnn", "ibp", {"ramp": 3}, 3),
        ("bnn", "ibp", {"ramp": 2, "warm_up": 1}, 3),
    ],
)
def test_a_ramp_that_does_not_end_is_named(
    model: str, images: str, options: dict[str, Any], full: int, digits: Dataset
) -> None:
    options = {"strength": 0.1, **options}
    sizes: dict[str, Any] = {} if model == "flss" else {"options": {"hidden": (4,)}}
    spec = preset(model, epochs=full - 1, images=images, image_options=options, **sizes)
    with pytest.warns(PyrosnnWarning) as found:
        train(spec, few(digits))
    (text,) = [str(one.message) for one in found if one.category is PyrosnnWarning]
    named = f"the full weight of the images '{images}' (epoch {full})"
    assert text.startswith(f"a training with epochs = {full - 1} never comes to {named}; lower")
    train(replace(spec, epochs=full), few(digits))


def test_a_classifier_of_ones_own_is_warned_of_likewise(digits: Dataset) -> None:
    bnn = build_model("bnn", image_shape=(1, 8, 8), num_classes=10, options={"hidden": (4,)})
    with pytest.warns(PyrosnnWarning, match="never comes to the images 'ibp'"):
        fit(bnn, few(digits), epochs=1, **IBP)


def test_a_term_without_a_weight_is_left_out_on_purpose(digits: Dataset) -> None:
    train(preset("bnn", epochs=1, options={"hidden": (4,)}, **OFF), few(digits))
