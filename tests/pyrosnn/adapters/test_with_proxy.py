"""Parts without derivatives: the values are theirs, the derivatives are the proxy's."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from pyrosnn.adapters import MCDropout, Stochastic, with_proxy
from pyrosnn.attacks import FGM, SPSA
from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError
from pyrosnn.sampling import draw_sample_set


def levels(x: Tensor) -> Tensor:
    return (x * 8).round() / 8


def levels_of_numpy(x: Tensor) -> Tensor:
    """The same, outside of torch."""
    return torch.from_numpy(np.round(x.numpy() * 8) / 8)


def smooth(x: Tensor) -> Tensor:
    return x - (2 * torch.pi * 8 * x).sin() / 100


PARTS: dict[str, Callable[[Tensor], Tensor]] = {"torch": levels, "numpy": levels_of_numpy}


@pytest.mark.parametrize("proxy", [None, smooth])
@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:FutureWarning")  # torch's own
def test_values_of_the_part_and_derivatives_of_the_proxy(proxy: Any) -> None:
    """In reverse mode, in forward mode, and for many at once."""
    x, v = torch.rand(3, 4).double(), torch.randn(3, 4).double()
    part = with_proxy(levels, proxy)
    assert torch.equal(part(x), levels(x))
    jvp: Any = torch.func.jvp
    expected = jvp(proxy or (lambda x: x), (x,), (v,))[1]
    values, forward = jvp(part, (x,), (v,))
    torch.testing.assert_close(values, levels(x), rtol=0, atol=0)
    torch.testing.assert_close(forward, expected)
    inputs = x.clone().requires_grad_()
    (backward,) = torch.autograd.grad(part(inputs), inputs, v)
    torch.testing.assert_close(backward, expected)
    torch.testing.assert_close(torch.func.vmap(part)(x), levels(x), rtol=0, atol=0)


class Quantized(nn.Module):
    def __init__(self, part: Callable[[Tensor], Tensor], network: nn.Module, noise: float = 0.1):
        super().__init__()
        self.part, self.network, self.noise = part, network, noise

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.network(self.part(x + self.noise * torch.randn_like(x)))
        return logits


@pytest.mark.slow
@pytest.mark.parametrize("kind", PARTS)
def test_a_gradient_through_the_proxy_is_near_spsa_on_v(
    kind: str, digits: Dataset, trained_network: nn.Module
) -> None:
    """Without the proxy the gradient is zero; with it, it is that of differences of losses on V."""
    x, y = digits.test_images(6)
    classifier = Stochastic(Quantized(with_proxy(PARTS[kind]), trained_network), digits.image_shape)
    A = draw_sample_set(classifier, x, 10, seed=0, stream="attack")
    V = draw_sample_set(classifier, x, 10, seed=0, stream="selection")
    exact = FGM(strength=1.0)(classifier, x, y, A)
    differences = SPSA(strength=1.0, directions=150, radius=0.1)(classifier, x, y, V)
    cosine = (exact.perturbation * differences.perturbation).flatten(1).sum(1)
    assert not bool(exact.zero_gradient.any())
    assert float(cosine.mean()) > 0.7  # 150 directions of 64 pixels leave 0.84 of the best
    if kind == "torch":
        flat = Stochastic(Quantized(levels, trained_network), digits.image_shape)
        A = draw_sample_set(flat, x, 10, seed=0, stream="attack")
        assert bool(FGM(strength=1.0)(flat, x, y, A).zero_gradient.all())


def test_a_module_keeps_its_noise_and_its_parameters() -> None:
    inner = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.Dropout(0.5))
    module = nn.Sequential(with_proxy(inner, nn.Flatten()), nn.Linear(64, 10))
    assert MCDropout(module, (1, 8, 8)).dropout_probabilities == {"bernoulli_0": 0.5}
    assert len(list(module.parameters())) == 4


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"returned shape \(2, 3\), its proxy \(2, 4\)"):
        with_proxy(lambda x: x[:, :3])(torch.rand(2, 4))


@pytest.mark.usefixtures("as_users_call")
@pytest.mark.parametrize(("part", "proxy"), [(3, None), (levels, 3)])
def test_what_is_no_function_is_refused(part: Any, proxy: Any) -> None:
    with pytest.raises(ArgumentError, match="expected a module or a function"):
        with_proxy(part, proxy)
