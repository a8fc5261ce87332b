"""Modules that are read layer by layer, or refused with the reason."""

from collections.abc import Callable

import pytest
import torch
from support.bounded import CLASSES, SHAPE, Pooled, Residual
from support.networks import draw
from torch import Tensor, nn

from pyrosnn.adapters import Normalized
from pyrosnn.errors import NoBoundsError
from pyrosnn.networks.module import ModuleNetwork
from pyrosnn.networks.network import INPUT, Edits, Weights, scale, shift
from pyrosnn.networks.program import Program
from pyrosnn.propagation import module_steps
from pyrosnn.propagation.traced import Traced, own_tensors


class Forward(nn.Module):
    """A linear layer after what a function makes of the images."""

    def __init__(self, before: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.before = before
        self.last = nn.Linear(36, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.before(x).flatten(1))  # type: ignore[no-any-return]


def _sequential(*layers: nn.Module) -> nn.Module:
    return nn.Sequential(*layers, nn.Flatten(), nn.LazyLinear(CLASSES))


READ: dict[str, Callable[[], nn.Module]] = {
    "residual": Residual,
    "pooled": Pooled,
    "normalized": lambda: Normalized(Pooled(), 0.3, 0.2),
    "whole-average": lambda: _sequential(nn.Conv2d(1, 3, 2), nn.AdaptiveAvgPool2d(1)),
    "rows": lambda: nn.Sequential(
        nn.Flatten(), nn.Linear(36, 5, bias=False), nn.BatchNorm1d(5), nn.Tanh(),
        nn.Linear(5, 5), nn.Sigmoid(), nn.Linear(5, CLASSES), nn.Identity(),
    ),
    "plain-norm": lambda: _sequential(nn.BatchNorm2d(1, affine=False)),
    "numbers": lambda: Forward(lambda x: (2 * x + 1.0 - 0.5) / 4 * 3),
    "methods": lambda: Forward(lambda x: x.tanh().contiguous().relu().reshape(x.size(0), -1)),
}  # fmt: skip


@pytest.mark.parametrize("name", READ)
def test_the_steps_are_the_module(name: str) -> None:
    torch.manual_seed(0)
    module = READ[name]()
    x = torch.rand(3, *SHAPE)
    module(x)  # which makes lazy layers, and moves statistics
    module.eval().requires_grad_(False)
    steps = module_steps(module, SHAPE)
    program = Program(steps, [SHAPE], [len(steps)], [(CLASSES,)], enters=True)
    torch.testing.assert_close(program(x)[0], module(x))


def test_noise_at_submodules() -> None:
    torch.manual_seed(0)
    module = Residual().double().eval().requires_grad_(False)
    network = ModuleNetwork(module, SHAPE)
    x = torch.rand(3, *SHAPE, dtype=torch.float64)
    edits: Edits = {
        INPUT: [shift(draw(2, 3, *SHAPE))],
        "second": [Weights(draw(2, 28, 3))],
        "first": [Weights(draw(2, 9, 3))],
        "norm": [scale(draw(2, 3, 3, 6, 6))],
    }
    steps = Traced(network.module, SHAPE).steps(own_tensors(network.module), edits)
    program = Program(steps, [SHAPE], [len(steps)], [(CLASSES,)], enters=True)
    torch.testing.assert_close(program(x), network.logits(x, edits))


def test_noise_at_a_part_of_parts_is_refused() -> None:
    traced = Traced(Pooled().eval(), SHAPE)
    with pytest.raises(NoBoundsError, match="noise at 'layers', which is made of other parts"):
        traced.steps(own_tensors(Pooled()), {"layers": [scale(torch.ones(1, 1, 1))]})


REFUSED: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "layer": (lambda: _sequential(nn.LayerNorm(6)), "'0' is a LayerNorm.*that have are Linear"),
    "attention": (
        lambda: _sequential(nn.Flatten(1, 2), nn.TransformerEncoderLayer(6, 2, 8)),
        "flattens some of the axes alone|TransformerEncoderLayer",
    ),
    "function": (lambda: Forward(torch.sin), "its forward calls sin"),
    "method": (lambda: Forward(lambda x: x.cumsum(1)), "its forward calls cumsum"),
    "square": (lambda: Forward(lambda x: x * x), r"computes mul\("),
    "inverse": (lambda: Forward(lambda x: 1 / x), r"computes truediv\("),
    "minus": (lambda: Forward(lambda x: 1 - x.relu() - x), r"computes sub\("),
    "turned": (lambda: Forward(lambda x: x.view(-1, 6).view(-1, 36)), "its forward reshapes"),
    "decides": (lambda: Forward(lambda x: x if x.sum() > 0 else -x), "cannot be read layer"),
    "dilated": (lambda: _sequential(nn.Conv2d(1, 1, 2, dilation=2)), "is dilated, which has no"),
    "groups": (lambda: _sequential(nn.Conv2d(1, 2, 1), nn.Conv2d(2, 2, 1, groups=2)), "2 groups"),
    "oblong": (lambda: _sequential(nn.Conv2d(1, 1, 2, stride=(1, 2))), "another stride"),
    "same": (lambda: _sequential(nn.Conv2d(1, 1, 3, padding="same")), "or 'same'"),
    "padded": (
        lambda: _sequential(nn.Conv2d(1, 1, 3, padding=1, padding_mode="circular")),
        "pads with 'circular'",
    ),
    "positions": (lambda: _sequential(nn.Linear(6, 6)), r"features of shape \(1, 6, 6\)"),
    "part": (lambda: nn.Sequential(nn.Flatten(1, 2), nn.Flatten()), "some of the axes alone"),
    "ceiling": (lambda: _sequential(nn.MaxPool2d(2, ceil_mode=True)), "or rounds up"),
    "four": (lambda: _sequential(nn.AdaptiveAvgPool2d(2)), "more than 1 × 1"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_the_reason(name: str) -> None:
    make, reason = REFUSED[name]
    module = make()
    module(torch.rand(3, *SHAPE))
    with pytest.raises(NoBoundsError, match=reason):
        module_steps(module.eval(), SHAPE)
