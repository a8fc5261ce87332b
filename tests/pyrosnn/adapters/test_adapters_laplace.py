"""Posteriors of laplace-torch: its own networks, and our closed form."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils import vector_to_parameters
from torch.utils.data import DataLoader, TensorDataset

from pyrosnn.adapters import LastLayerPosterior, from_laplace
from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError
from pyrosnn.models.composed import Composed
from pyrosnn.models.noise_free import noise_free
from pyrosnn.noise.last_layer import LastLayer
from pyrosnn.sampling import draw_sample_set
from pyrosnn.testing import check_contract

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")

KINDS = [("last_layer", "diag"), ("last_layer", "kron"), ("last_layer", "full"), ("all", "diag")]


def laplace() -> Any:
    """Return laplace-torch, whose import takes seconds: only the process that tests it pays."""
    return pytest.importorskip("laplace", reason="laplace-torch is not installed")


def closed(net: nn.Module) -> Composed:
    """Return our closed form for a network of the caller's."""
    return Composed(net, noise=[LastLayer()], image_shape=(1, 8, 8))


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 12), nn.ReLU(), nn.Linear(12, 10))


def batches(digits: Dataset) -> Iterator[torch.Tensor]:
    yield from digits.x_train[:200].split(50)


def fitted(digits: Dataset, subset: str, structure: str) -> Any:
    data = TensorDataset(digits.x_train[:200], digits.y_train[:200])
    la = laplace().Laplace(
        network(), "classification", subset_of_weights=subset, hessian_structure=structure
    )
    la.fit(DataLoader(data, batch_size=50))
    return la


@pytest.mark.slow
@pytest.mark.statistical
@pytest.mark.parametrize(("subset", "structure"), KINDS)
def test_samples_are_networks_of_laplace_torch(
    subset: str, structure: str, digits: Dataset
) -> None:
    la = fitted(digits, subset, structure)
    classifier, x = from_laplace(la, (1, 8, 8)), digits.x_test[:4]
    check_contract(classifier, x)
    samples = draw_sample_set(classifier, x, 3, seed=0, stream="attack")
    logits = classifier.logits(x, samples.tensors)
    for s, weights in enumerate(samples.tensors["weights"].squeeze(1)):
        theirs = network()
        of_weights = theirs[-1].parameters() if subset == "last_layer" else theirs.parameters()
        vector_to_parameters(weights, of_weights)
        torch.testing.assert_close(logits[s], theirs(x), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("subset", ["last_layer", "all"])
def test_the_noise_free_network_is_that_of_the_map(subset: str, digits: Dataset) -> None:
    network_of_means = noise_free(from_laplace(fitted(digits, subset, "diag"), (1, 8, 8)))
    x = digits.x_test[:4]
    one = draw_sample_set(network_of_means, x, 1, seed=0, stream="attack")
    logits = network_of_means.logits(x, one.tensors)[0]
    torch.testing.assert_close(logits, network()(x).detach(), rtol=1e-4, atol=1e-5)


def test_the_diagonal_last_layer_is_our_closed_form(digits: Dataset) -> None:
    la = fitted(digits, "last_layer", "diag")
    ours = closed(network())
    ours.after_training(batches(digits))
    variance = la.posterior_variance
    split = 12 * 10
    theirs = torch.cat([variance[:split].reshape(10, 12).T, variance[split:][None]]).sqrt()
    torch.testing.assert_close(ours.noise[0].scale, theirs, rtol=1e-4, atol=1e-6)


def test_what_is_no_classifiers_posterior_is_refused(digits: Dataset) -> None:
    with pytest.raises(ArgumentError, match="the Laplace approximation is not fitted"):
        from_laplace(laplace().Laplace(network(), "classification"), (1, 8, 8))
    la = laplace().Laplace(network(), "regression", hessian_structure="diag")
    la.fit(DataLoader(TensorDataset(digits.x_train[:20], torch.zeros(20, 10)), batch_size=10))
    with pytest.raises(ArgumentError, match="must be classification, got regression"):
        from_laplace(la, (1, 8, 8))


def test_a_subnetwork_is_refused(digits: Dataset) -> None:
    la = laplace().Laplace(
        network(), "classification", subset_of_weights="subnetwork", hessian_structure="diag",
        subnetwork_indices=torch.arange(20),
    )  # fmt: skip
    data = TensorDataset(digits.x_train[:40], digits.y_train[:40])
    la.fit(DataLoader(data, batch_size=20))
    with pytest.raises(ArgumentError, match="of a subnetwork, expected"):
        from_laplace(la, (1, 8, 8))


def test_samples_of_a_posterior_that_was_fitted_again_are_refused(digits: Dataset) -> None:
    la = fitted(digits, "last_layer", "diag")
    classifier, x = from_laplace(la, (1, 8, 8)), digits.x_test[:3]
    assert isinstance(classifier, LastLayerPosterior)
    samples = draw_sample_set(classifier, x, 3, seed=0, stream="attack")
    samples.require_fit(classifier, 3)
    la.prior_precision = 100.0
    with pytest.raises(ArgumentError, match="drawn from another classifier"):
        samples.require_fit(classifier, 3)
