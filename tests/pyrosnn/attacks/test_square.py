"""Square: a closed form, losses that never rise, torchattacks' search, and noise in the score."""

import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.deterministic import deterministic
from support.toy import LinearClassifier, sample_set
from torch import Tensor

from pyrosnn.adapters import Stochastic
from pyrosnn.attacks import Square
from pyrosnn.attacks.archive import Archive
from pyrosnn.attacks.pyramids import moved_mass, tiles
from pyrosnn.attacks.square import log_margin
from pyrosnn.attacks.square_search import changed_square
from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import UnknownNameError
from pyrosnn.outputs.mean import MeanPrediction
from pyrosnn.sampling import disjoint_sample_sets


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(1, 4, 4), (2, 3, 5), (24,)])
def test_square_approaches_the_closed_form_of_a_linear_classifier(shape: tuple[int, ...]) -> None:
    """Two classes, w_y - w_c of one sign: the best δ is -η everywhere, and lowers by η |w|_1."""
    number = math.prod(shape)
    classifier = LinearClassifier(number, 2)
    classifier.image_shape = shape
    weight = torch.zeros(1, number + 1, 2).double()
    weight[:, :-1, 0] = torch.rand(number).double() + 0.5
    flat = classifier.logits
    classifier.logits = lambda x, sites: flat(x.flatten(1), sites)  # type: ignore[method-assign]
    x, y = torch.randn(10, *shape).double(), torch.zeros(10, dtype=torch.long)
    attack = Square(norm="linf", strength=0.3, queries=400, selection_samples=1)
    delta = attack(classifier, x, y, sample_set(weight), selection=sample_set(weight)).perturbation
    lowered = -(delta.flatten(1) @ weight[0, :-1, 0]) / (0.3 * weight.sum())
    assert float(lowered.min()) > 0.95
    assert float(lowered.max()) <= 1 + 1e-12


@pytest.mark.slow
@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_what_is_kept_never_has_a_larger_margin(
    norm: str, classifiers: dict[str, Any], digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The margin on V of the kept δ falls, or stays, with each query; all δ are within η."""
    bnn = classifiers["bnn"]
    x, y = digits.test_images(8)
    margins: list[Tensor] = []
    offer = Archive.offer

    def spied(self: Archive, delta: Tensor, margin: Tensor, *rest: Any) -> Tensor:
        kept = offer(self, delta, margin, *rest)
        longest = delta.flatten(1).norm(dim=1) if norm == "l2" else delta.abs().max()
        assert float(longest.max()) <= 0.2 * (1 + 1e-6)
        margins.append(self.margin.clone())
        return kept

    monkeypatch.setattr(Archive, "offer", spied)
    A, _ = disjoint_sample_sets(bnn, x, attack=2, inference=1, seed=0)
    attack = Square(norm=norm, strength=0.2, queries=40, selection_samples=5)
    result = attack(bnn, x, y, A)
    assert result.num_queries == 40 * 5
    assert result.num_gradients == 0
    found = torch.stack(margins)
    assert len(found) == 40
    assert bool((found.diff(dim=0) <= 0).all())
    assert bool((found[-1] < found[0]).all())
    torch.testing.assert_close(result.norm, torch.full((8,), 0.2))


@given(
    channels=st.integers(1, 3),
    height=st.integers(1, 12),
    width=st.integers(1, 12),
    share=st.floats(1e-3, 1.0),
    order=st.sampled_from([1.0, 2.0]),
)
def test_moves_keep_the_norm(
    channels: int, height: int, width: int, share: float, order: float
) -> None:
    planes = torch.zeros(3, channels, height, width).double()
    delta = tiles(planes, 0.7, order=order)
    for _ in range(3):
        length = torch.linalg.vector_norm(delta.flatten(1), order, dim=1)
        torch.testing.assert_close(length, torch.full((3,), 0.7).double())
        delta = moved_mass(delta, 0.7, share, order=order)
    signs = torch.full_like(planes, -0.7)
    changed = changed_square(signs, 0.7, share)
    assert bool((changed.abs() == 0.7).all())


def test_images_have_squares_of_their_own() -> None:
    torch.manual_seed(0)
    changed = changed_square(torch.zeros(50, 1, 9, 9), 1.0, 0.1)
    assert len({tuple(one.flatten().tolist()) for one in changed}) > 30


def test_saturated_images_still_have_a_direction() -> None:
    """Their probabilities are 0 and 1 in float64; the margin is 1 for both of these."""
    logits = torch.tensor([[[60.0, 0.0, -1.0]], [[60.0, 5.0, -1.0]]])
    labels = torch.zeros(1, dtype=torch.long)
    means = [MeanPrediction("probs").add(one[None]) for one in logits]
    assert means[0].margin(labels) == means[1].margin(labels) == 1.0
    found = [float(log_margin(mean, labels)) for mean in means]
    assert found == pytest.approx([60.0, 55.0])


def robust(module: torch.nn.Module, x: Tensor, y: Tensor) -> float:
    with torch.no_grad():
        return float((module(x).argmax(1) == y).double().mean())


@pytest.mark.slow
@pytest.mark.statistical
@pytest.mark.parametrize(("norm", "strength"), [("linf", 0.1), ("l2", 0.6)])
def test_a_deterministic_network_is_broken_as_by_torchattacks(
    norm: str, strength: float, digits: Dataset, trained_network: torch.nn.Module
) -> None:
    """The robust accuracies of 200 images differ by at most 5 %: both searches are random.

    Over seeds each has a standard deviation of 0.5 to 2 %; theirs was 2 % higher on average, for it
    draws one square for all images. As it is installed, it is 10 % higher on such small images:
    their last row and column are reached by no square.
    """
    import torchattacks

    class ToTheEdge(torchattacks.Square):  # type: ignore[misc]
        def random_int(self, low: int = 0, high: int = 1, shape: Any = (1,)) -> Tensor:
            return torch.randint(low, high + 1, tuple(shape))

    x, y = digits.test_images(200)
    theirs = ToTheEdge(
        trained_network,
        norm={"linf": "Linf", "l2": "L2"}[norm],
        eps=strength,
        n_queries=300,
        p_init=0.8,
        loss="margin",
        resc_schedule=True,
        seed=0,
    )
    classifier = deterministic(trained_network, digits.image_shape)
    attack = Square(norm=norm, strength=strength, queries=300, clip=(0.0, 1.0), selection_samples=1)
    A, _ = disjoint_sample_sets(classifier, x, attack=1, inference=1, seed=0)
    ours = x + attack(classifier, x, y, A).perturbation
    clean, found = robust(trained_network, x, y), robust(trained_network, ours, y)
    assert found < clean - 0.1
    assert abs(found - robust(trained_network, theirs(x, y), y)) <= 0.05


class Jitter(torch.nn.Module):
    """A network with noise in its logits, whatever the image."""

    def __init__(self, network: torch.nn.Module, noise: float):
        super().__init__()
        self.network, self.noise = network, noise

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.network(x)
        return logits + self.noise * torch.randn_like(logits)


@pytest.mark.slow
def test_noise_in_the_score_does_not_withstand_a_search_on_v(
    digits: Dataset, trained_network: torch.nn.Module
) -> None:
    """With noise in the logits the search on V leaves 5 % more images than without, at most."""
    x, y = digits.test_images(60)
    attack = Square(norm="linf", strength=0.1, queries=150, selection_samples=5)
    shares = {}
    for noise in (0.0, 1.0):
        classifier: Any = deterministic(trained_network, digits.image_shape)
        if noise:
            classifier = Stochastic(Jitter(trained_network, noise), digits.image_shape)
        A, _ = disjoint_sample_sets(classifier, x, attack=1, inference=1, seed=0)
        delta = attack(classifier, x, y, A).perturbation
        shares[noise] = robust(trained_network, x + delta, y)
    assert shares[0.0] < robust(trained_network, x, y) - 0.2
    assert shares[1.0] <= shares[0.0] + 0.05


def test_a_norm_without_a_search_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from pyrosnn.attacks.norms import NORMS

    monkeypatch.setitem(NORMS, "l7", NORMS["l2"])
    with pytest.raises(UnknownNameError, match="unknown norm of a Square search 'l7'"):
        Square(norm="l7")
