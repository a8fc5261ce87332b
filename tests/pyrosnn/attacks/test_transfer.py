"""Transfer: PGD on another classifier, whatever names it."""

from pathlib import Path
from typing import Any

import pytest
import torch
from support.deterministic import Deterministic, deterministic

import pyrosnn
from pyrosnn.attacks import PGD, Transfer
from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError, FileError, NoNoiseFreeError, UnknownNameError
from pyrosnn.evaluation import attack_spec
from pyrosnn.models import build_model
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.models.noise_free import noise_free
from pyrosnn.sampling import disjoint_sample_sets

STEPS: dict[str, Any] = {"strength": 0.5, "steps": 5, "relative_step": 0.3}


def made_here() -> StochasticClassifier:
    """Return a source, for a reference."""
    torch.manual_seed(3)
    module = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))
    return deterministic(module, (1, 8, 8))


def no_classifier() -> int:
    return 3


def delta_of(attack: PGD, classifier: StochasticClassifier, digits: Dataset) -> torch.Tensor:
    x, y = digits.test_images(10)
    A, _ = disjoint_sample_sets(classifier, x, attack=1, inference=1, seed=0)
    return attack(classifier, x, y, A).perturbation


def test_a_transfer_from_itself_without_noise_is_pgd(
    digits: Dataset, trained_network: torch.nn.Module
) -> None:
    classifier = deterministic(trained_network, digits.image_shape)
    expected = delta_of(PGD(**STEPS), classifier, digits)
    assert torch.equal(delta_of(Transfer(**STEPS, source=classifier), classifier, digits), expected)
    assert torch.equal(delta_of(Transfer(**STEPS), classifier, digits), expected)


def test_the_default_is_pgd_on_the_noise_free_network(digits: Dataset) -> None:
    torch.manual_seed(0)
    bnn = build_model("bnn", image_shape=(1, 8, 8), num_classes=10).requires_grad_(False)
    found = delta_of(Transfer(**STEPS), bnn, digits)
    assert torch.equal(found, delta_of(PGD(**STEPS), noise_free(bnn), digits))
    assert not torch.equal(found, delta_of(PGD(**STEPS), bnn, digits))


def test_a_random_source_has_samples_of_its_own(digits: Dataset) -> None:
    """The gradients counted are the source's: its samples in each step, of an own stream."""
    torch.manual_seed(0)
    bnn = build_model("bnn", image_shape=(1, 8, 8), num_classes=10).requires_grad_(False)
    attack = Transfer(**STEPS, source=bnn, source_samples=4)
    x, y = digits.test_images(10)
    A, _ = disjoint_sample_sets(bnn, x, attack=4, inference=1, seed=0)
    result = attack(bnn, x, y, A)
    assert result.num_gradients == 4 * 5
    assert not torch.equal(result.perturbation, PGD(**STEPS)(bnn, x, y, A).perturbation)


def test_a_source_is_named_by_a_reference_or_a_checkpoint(
    digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    attacked = made_here()
    by_reference = Transfer(**STEPS, source="test_transfer:made_here")
    expected = delta_of(PGD(**STEPS), made_here(), digits)
    assert torch.equal(delta_of(by_reference, attacked, digits), expected)
    spec = pyrosnn.preset("bnn", epochs=1, options={"hidden": (4,)})
    bnn = pyrosnn.train(spec, digits)
    path = tmp_path / "other.pyrosnn"
    pyrosnn.save_checkpoint(path, bnn, spec, digits)
    found = delta_of(Transfer(**STEPS, source=str(path)), attacked, digits)
    assert torch.equal(found, delta_of(Transfer(**STEPS, source=bnn), attacked, digits))
    assert attack_spec(by_reference)["attack_options"]["source"] == "test_transfer:made_here"
    assert attack_spec(Transfer(source=bnn))["attack_options"]["source"].startswith("Named ")


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        ("noisefree", FileError, "there is no checkpoint noisefree; the source of a transfer is"),
        ("test_transfer:made_ther", UnknownNameError, "did you mean 'made_here'"),
        ("test_transfer:no_classifier", ArgumentError, "no_classifier returned an int, expected"),
        (
            Deterministic(torch.nn.Flatten(), (64,), 10),
            ArgumentError,
            r"takes images of shape \(64,\), the attacked classifier \(1, 8, 8\)",
        ),
    ],
)
def test_a_source_that_cannot_be_used_is_refused(
    source: Any, error: Any, message: str, digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    with pytest.raises(error, match=message):
        delta_of(Transfer(**STEPS, source=source), made_here(), digits)


@pytest.mark.usefixtures("as_users_call")
def test_what_is_no_source_is_refused_at_once() -> None:
    for wrong in (3, "", None, torch.nn.Flatten()):
        with pytest.raises(ArgumentError, match="source must be a classifier, 'noise-free'"):
            Transfer(source=wrong)  # type: ignore[arg-type]


def test_members_have_no_noise_free_network_to_transfer_from(digits: Dataset) -> None:
    from pyrosnn.adapters import Ensemble

    nets = [torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10)) for _ in range(2)]
    with pytest.raises(NoNoiseFreeError, match="the law of site 'member'"):
        delta_of(Transfer(**STEPS), Ensemble(nets, (1, 8, 8)), digits)
