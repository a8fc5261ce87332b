"""Defences whose presets have terms and images of their own, and what a user changes of them."""

import pytest

from pyrosnn.models import MODELS, model_options, model_settings
from pyrosnn.training import preset
from pyrosnn.training.options import training_options


def test_terms_join_those_of_the_preset() -> None:
    spec = preset("wca", regularisers={"input-gradient": {"weight": 0.1}})
    assert list(spec.regularisers) == ["logit-variance", "input-gradient"]
    spec = preset("se-snn", regularisers={"scale-hinge": {"bound": 4.0}})
    assert spec.regularisers["scale-hinge"] == {"weight": 0.1, "start": 0, "bound": 4.0}
    assert preset("se-snn", regularisers={}).regularisers == preset("se-snn").regularisers
    assert preset("bnn", regularisers={}).regularisers == {}


def test_options_of_images_join_those_of_the_preset() -> None:
    own = preset("flss").image_options
    changed = preset("flss", image_options={"strength": 0.2, "attack_options": {"steps": 5}})
    expected = {**own, "strength": 0.2, "attack_options": {**own["attack_options"], "steps": 5}}
    assert changed.image_options == expected
    # another attack has other options, and other images too
    fgm = preset("l2p", image_options={"attack": "fgm"})
    assert (fgm.image_options["attack"], fgm.image_options["strength"]) == ("fgm", 0.1)
    assert preset("l2p", images="clean").image_options == {}
    trades = preset("l2p", images="trades", image_options={"strength": 0.3})
    assert trades.image_options["beta"] == 6.0


@pytest.mark.parametrize("model", ["flss", "l2p", "se-snn", "wca"])
def test_the_help_has_the_options_of_own_terms_and_images(model: str) -> None:
    spec = preset(model)
    options = {option.name: option for option in training_options(model)}
    assert options["regulariser"].default == ",".join(spec.regularisers)
    for name, term in spec.regularisers.items():
        weight = options[f"{name.replace('-', '_')}_weight"]
        assert weight.default == format(term["weight"], "g")
    if spec.images != "clean":
        assert options["images"].default == spec.images
        assert options["strength"].default == "0.1"
        assert options["attack_steps"].default == "3; paper: 7"
    more = training_options(model, {"regulariser": "input-gradient"})
    names = [option.name for option in more]
    assert "input_gradient_weight" in names
    assert set(options) <= set(names)
    assert "strength" not in [o.name for o in training_options(model, {"images": "clean"})]


def test_defaults_of_a_row_are_in_the_place_of_its_parts() -> None:
    assert model_options("rse")["noise_variance"] == 0.04
    assert model_options("sin")["noise_variance"] == 0.1
    shown = {option.name: option.default for option in model_settings("rse")}
    assert shown["noise_variance"] == "0.04"
    assert model_options("wca")["units"] == 32
    assert "units" not in model_options("wca", "dense")
    for name, row in MODELS.items():
        assert set(row.defaults) <= set(model_options(name))
