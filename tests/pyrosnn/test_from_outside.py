"""Whatever comes next is one file of at most 80 lines and one row of a table."""

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import outside.attack
import outside.certificate
import outside.loss
import outside.output
import pytest
import torch

from pyrosnn.attacks import ATTACKS, FGM, LOSSES, to_module
from pyrosnn.certificates import CERTIFICATES
from pyrosnn.certificates.certify import certify
from pyrosnn.checks import RESULT_CHECKS
from pyrosnn.checks.on_result import check_result
from pyrosnn.data import DATASETS, load_dataset
from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import UnknownNameError
from pyrosnn.evaluation import evaluate
from pyrosnn.models import MODELS, Row, build_model
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.models.smoothed import Smoothed
from pyrosnn.networks import NETWORKS
from pyrosnn.noise import NOISES
from pyrosnn.outputs import OUTPUTS, find_output
from pyrosnn.results import make_result
from pyrosnn.sampling import disjoint_sample_sets, predict
from pyrosnn.testing import check_attack_contract, check_contract
from pyrosnn.training import load_checkpoint, preset, save_checkpoint, train
from pyrosnn.training.images import IMAGES
from pyrosnn.training.regularisers import REGULARISERS

NETWORKS_OF_ROWS: dict[str, dict[str, Any]] = {
    "dense": {"hidden": (16,)},
    "cnn": {"channels": (4, 4), "units": 16},
    "resnet": {"depth": 10, "width": 1},
    "skipping": {},
    "torchvision": {},
}
FOLDER = Path(outside.attack.__file__).parent


@pytest.fixture(autouse=True)
def rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(NOISES, "laplace", "outside.noise:LaplaceNoise")
    monkeypatch.setitem(NETWORKS, "skipping", "outside.network:skipping")
    monkeypatch.setitem(NETWORKS, "torchvision", "outside.network:from_torchvision")
    monkeypatch.setitem(MODELS, "heavy", Row(network="dense", noise=("laplace",)))
    monkeypatch.setitem(ATTACKS, "momentum", outside.attack.Momentum)
    monkeypatch.setitem(LOSSES, "squared", outside.loss.SQUARED)
    monkeypatch.setitem(OUTPUTS, "majority", outside.output.MAJORITY)
    monkeypatch.setitem(REGULARISERS, "aligned", "outside.regulariser:Aligned")
    monkeypatch.setitem(IMAGES, "shaken", "outside.images:Shaken")
    monkeypatch.setitem(RESULT_CHECKS, "breaks-something", "outside.check:breaks_something")
    monkeypatch.setitem(CERTIFICATES, "hoeffding", outside.certificate.ROW)
    monkeypatch.setitem(DATASETS, "zeros-and-ones", "outside.dataset:zeros_and_ones")


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.stem)
def test_it_takes_at_most_eighty_lines(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 80


def small(digits: Dataset) -> Dataset:
    return replace(digits, x_train=digits.x_train[:120], y_train=digits.y_train[:120])


@pytest.mark.slow
@pytest.mark.parametrize("network", NETWORKS_OF_ROWS)
def test_it_is_trained_stored_loaded_attacked_and_judged(
    network: str, digits: Dataset, tmp_path: Path
) -> None:
    data = small(digits)
    spec = preset(
        "heavy",
        epochs=1,
        batch_size=40,
        num_particles=2,
        options={"network": network, **NETWORKS_OF_ROWS[network]},
        images="shaken",
        image_options={"reach": 0.2},
        regularisers={"aligned": {"weight": 0.1}},
    )
    classifier = train(spec, data)
    scales = classifier.state_dict()["noise.0.scales"]
    assert bool((scales != 0.1).all())  # learned
    save_checkpoint(tmp_path / "heavy.safetensors", classifier, spec, data)
    checkpoint = load_checkpoint(tmp_path / "heavy.safetensors")
    assert checkpoint.spec == spec
    loaded = checkpoint.classifier
    x, y = digits.test_images(10)
    a, i = disjoint_sample_sets(loaded, x, attack=2, inference=3, seed=0)
    attack = outside.attack.Momentum(norm="linf", strength=0.2, loss="squared", clip=(0.0, 1.0))
    result = evaluate(loaded, x, y, attack=attack, attack_samples=a, inference_samples=i)
    assert bool((result["perturbation_norm"] <= 0.2 + 1e-6).all())
    assert float(result["perturbation_norm"].mean()) > 0.15
    again = evaluate(classifier, x, y, attack=attack, attack_samples=a, inference_samples=i)
    assert result.identical(again)


@pytest.mark.slow
@pytest.mark.parametrize("model", ["bnn", "sin", "resnet"])
@pytest.mark.parametrize("network", NETWORKS_OF_ROWS)
def test_every_noise_works_on_every_network(model: str, network: str) -> None:
    options = {"network": network, **NETWORKS_OF_ROWS[network]}
    torch.manual_seed(0)
    classifier = build_model(model, image_shape=(1, 8, 8), num_classes=10, options=options)
    check_contract(classifier.requires_grad_(False))


def test_the_attack_keeps_the_contract(bnn: StochasticClassifier, digits: Dataset) -> None:
    x, y = digits.test_images(6)
    check_attack_contract(outside.attack.Momentum(strength=0.3, loss="squared"), bnn, x, y)


def test_a_data_set_is_trained_on_and_stored_with(tmp_path: Path) -> None:
    data = load_dataset("zeros-and-ones")
    assert set(data.y_train.tolist()) == set(data.y_test.tolist()) == {0, 1}
    spec = preset("bnn", epochs=1, options={"hidden": (8,)})
    save_checkpoint(tmp_path / "bnn.safetensors", train(spec, data), spec, data)
    checkpoint = load_checkpoint(tmp_path / "bnn.safetensors")
    checkpoint.require_dataset(load_dataset("zeros-and-ones"))
    assert (checkpoint.dataset, checkpoint.classifier.num_classes) == ("zeros-and-ones", 2)


@pytest.mark.parametrize(("strength", "status"), [(0.0, "warn"), (5.0, "pass")])
def test_a_check_is_made_of_a_result(
    strength: float, status: str, bnn: StochasticClassifier, digits: Dataset
) -> None:
    x, y = digits.test_images(30)
    a, i = disjoint_sample_sets(bnn, x, attack=3, inference=10, seed=0)
    attack = FGM(strength=strength)
    values = evaluate(bnn, x, y, attack=attack, attack_samples=a, inference_samples=i)
    findings = check_result(make_result(values, study="mine", spec={}, provenance={}))
    assert {finding.name: finding.status for finding in findings}["breaks-something"] == status
    clean, attacked = values["clean_correct"].squeeze(), values["adversarial_correct"].squeeze()
    broken = 1 - float(attacked.values[clean.values].mean())
    assert findings[-1].value == pytest.approx(broken)


def test_a_certificate_is_of_the_same_draws(bnn: StochasticClassifier, digits: Dataset) -> None:
    x, y = digits.test_images(10)
    kinds = ["votes", "hoeffding"]
    values = certify(Smoothed(bnn, variance=0.02), x, y, certificates=kinds, num_samples=200)
    cohen, hoeffding = (values["certified_radius"].sel(certificate=kind).values for kind in kinds)
    known = np.isfinite(hoeffding)
    assert known.any()
    assert (hoeffding[known] < cohen[known]).all()


def test_votes_are_averaged_attacked_and_judged(bnn: StochasticClassifier, digits: Dataset) -> None:
    voting = copy.deepcopy(bnn)
    voting.output = "majority"
    x, y = digits.test_images(30)
    a, i = disjoint_sample_sets(voting, x, attack=5, inference=20, seed=0)
    votes = torch.nn.functional.one_hot(bnn.logits(x, i.tensors).argmax(-1), 10).double()
    mean = predict(voting, x, i)
    torch.testing.assert_close(mean.values, votes.mean(0))
    assert torch.equal(voting.discriminants(x, i.tensors).double(), votes)
    # an attack on the mean logits sees no votes
    attack = FGM(strength=0.5, gradient="mean_logits")
    step = attack(bnn, x, y, a).perturbation
    assert torch.equal(attack(voting, x, y, a).perturbation, step)
    found = evaluate(voting, x, y, attack=attack, attack_samples=a, inference_samples=i).squeeze()
    attacked = bnn.logits(x + step, i.tensors).argmax(-1)
    shares = torch.nn.functional.one_hot(attacked, 10).double().mean(0)
    assert found["adversarial_correct"].values.tolist() == (shares.argmax(-1) == y).tolist()
    assert to_module(voting, a).output == "logits"
    # the votes themselves have no gradient
    assert bool(FGM(strength=0.5, loss="margin")(voting, x, y, a).zero_gradient.all())


def test_a_row_is_found_by_those_who_misspell_it() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'heavy'"):
        preset("heavi")
    with pytest.raises(UnknownNameError, match="did you mean 'torchvision'"):
        preset("heavy", options={"network": "torchvison"})
    with pytest.raises(UnknownNameError, match="did you mean 'majority'"):
        find_output("majorty")
    with pytest.raises(UnknownNameError, match="did you mean 'shaken'"):
        preset("heavy", images="shake")
    with pytest.raises(UnknownNameError, match="did you mean 'zeros-and-ones'"):
        load_dataset("zeros-and-one")
