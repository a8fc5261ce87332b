"""`repeated-rows`: noise of each image's own makes rows of one image differ, and nothing else."""

from typing import Any

import pyro
import pytest
import torch
from pyro.distributions import Normal
from support.toy import LinearClassifier
from torch import Tensor, nn

from pyrosnn.adapters import Ensemble, Stochastic
from pyrosnn.attacks import FGM
from pyrosnn.checks.repeated_rows import repeated_rows
from pyrosnn.checks.trial import Trial
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.networks.function import Differentiated, Identity
from pyrosnn.networks.network import Parts
from pyrosnn.seeding import forked_rng, seed_sequence
from pyrosnn.shapes import Sites


class Noisy(StochasticClassifier):
    """A layer of noisy images, with noise of each image's own."""

    output = "logits"
    per_example = True

    def __init__(self) -> None:
        super().__init__((6,), 3)
        self.weight = nn.Parameter(torch.randn(6, 3).double(), requires_grad=False)

    def sample_sites(self, x: Tensor, images: pyro.plate) -> Sites:
        with images:
            return {"noise": pyro.sample("noise", Normal(x.new_zeros(6), 0.5).to_event(1))}

    def logits(self, x: Tensor, sites: Sites) -> Tensor:
        return (x + sites["noise"]).tanh() @ self.weight


class FirstRowsNoise(Noisy):
    """Uses the first row's noise for the whole batch."""

    def logits(self, x: Tensor, sites: Sites) -> Tensor:
        return super().logits(x, {"noise": sites["noise"][:, :1]})


class DrawnOnce(Noisy):
    """Says that its noise is each image's own, and draws it once."""

    def sample_sites(self, x: Tensor, images: pyro.plate) -> Sites:
        return {"noise": pyro.sample("noise", Normal(x.new_zeros(6), 0.5).to_event(1))}


class RowsCount(Noisy):
    """Its outputs depend on the place in the batch."""

    def logits(self, x: Tensor, sites: Sites) -> Tensor:
        places = torch.arange(x.shape[-2], dtype=x.dtype).unsqueeze(-1)
        return super().logits(x, sites) + 0.1 * places * self.weight[0]


class BatchGradient(Noisy):
    """Every row gets the mean gradient of the batch; its outputs are right."""

    def parts(self, sites: Sites) -> Parts:
        def logits(x: Tensor) -> Tensor:
            shared = x.mean(-2, keepdim=True)
            return self.logits(shared + (x - shared).detach(), sites)

        return Parts(Identity(), Differentiated(logits, 2))


def find(classifier: StochasticClassifier) -> tuple[str, float, str]:
    x = torch.randn(12, *classifier.image_shape).to(classifier.dtype)
    sizes: dict[str, Any] = {"attack_samples": 3, "inference_samples": 4, "seed": 0}
    y = torch.zeros(12, dtype=torch.long)
    finding = repeated_rows(Trial(classifier=classifier, x=x, y=y, attack=FGM(), **sizes))
    assert finding.value is not None
    return finding.status, finding.value, finding.message


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        (FirstRowsNoise, "site 'noise' makes rows of one image differ 0 times as much"),
        (DrawnOnce, "noise of each image (per_example), but no site has"),
        (RowsCount, "logits of a row differ by"),
        (BatchGradient, "gradients of a row differ by"),
    ],
)
def test_a_faulty_model_fails(kind: type[Noisy], says: str) -> None:
    status, _, message = find(kind())
    assert status == "fail"
    assert says in message


def test_one_shared_site_of_two_fails() -> None:
    class Two(Noisy):
        """A second noise, of which the first row's is used."""

        def sample_sites(self, x: Tensor, images: pyro.plate) -> Sites:
            with images:
                other = pyro.sample("bias", Normal(x.new_zeros(3), 1.0).to_event(1))
            return {**super().sample_sites(x, images), "bias": other}

        def logits(self, x: Tensor, sites: Sites) -> Tensor:
            return super().logits(x, sites) + sites["bias"][:, :1]

    status, value, message = find(Two())
    assert (status, value) == ("fail", 0.0)
    assert "site 'bias'" in message


def test_healthy_kinds_of_noise_pass() -> None:
    def network() -> nn.Sequential:
        return nn.Sequential(nn.Linear(6, 9), nn.ReLU(), nn.Dropout(0.4), nn.Linear(9, 3))

    assert find(Noisy())[0] == "pass"
    for shared in (LinearClassifier(6, 3), Ensemble([network() for _ in range(3)], (6,))):
        status, value, message = find(shared)
        assert (status, value) == ("pass", 1.0)
        assert "the images of a batch share all noise" in message
    for replay in (None, "batch", "seeds"):
        status, value, message = find(Stochastic(network(), (6,), replay=replay))
        assert status == "pass", message
        assert 0.3 < value < 3
    assert find(Stochastic(network(), (6,), per_example=False))[1] == 1.0


@pytest.mark.statistical
def test_no_false_alarm_in_forty_draws() -> None:
    """The ratio of two spreads of the same noise is near 1, far from the limit of 0.001."""
    for seed in range(40):
        with forked_rng(seed_sequence(seed, "rows")):
            status, value, _ = find(Noisy())
        assert status == "pass"
        assert 0.5 < value < 2
