"""Networks with bounds, and the smallest differences of their logits that a search finds."""

from collections.abc import Callable, Sequence

import torch
from support.networks import draw, exact
from torch import Tensor, nn

from pyrosnn.attacks.norms import NORMS
from pyrosnn.networks.cnn import cnn
from pyrosnn.networks.dense import dense
from pyrosnn.networks.layered import LayeredNetwork
from pyrosnn.networks.network import Edits, Network
from pyrosnn.networks.program import Program, Step
from pyrosnn.networks.resnet import resnet
from pyrosnn.propagation import module_steps

SHAPE = (1, 6, 6)
CLASSES = 4
Bounds = tuple[float, float] | None


class Residual(nn.Module):
    """Normalised pixels, batch norm, a sum, and both kinds of pooling."""

    middle: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 3, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(3)
        self.second = nn.Conv2d(3, 3, 3, padding=1)
        self.pool = nn.MaxPool2d(3, stride=2, padding=1)
        self.last = nn.Linear(3, CLASSES)
        self.register_buffer("middle", torch.full((1, 1, 1), 0.4))

    def forward(self, x: Tensor) -> Tensor:
        h = torch.relu(self.norm(self.first((x - self.middle) / 0.5)))
        h = self.pool(h + 2 * self.second(h)).relu()
        h = nn.functional.relu(1 - h)
        return self.last(h.mean((2, 3)))  # type: ignore[no-any-return]


class Pooled(nn.Module):
    """Average pooling, a reshaping by sizes, and dropout that is off."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 3, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.AvgPool2d(2, stride=1, padding=1),
            nn.MaxPool2d(2),
            nn.Dropout(0.5),
        )
        self.last = nn.Linear(12, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        h = self.layers(x)
        return self.last(h.view(h.size(0), -1))  # type: ignore[no-any-return]


def _module(make: Callable[[], nn.Module]) -> list[Step]:
    module = make().double().eval().requires_grad_(False)
    for name, value in module.named_buffers():
        if name.endswith("running_var"):
            value.uniform_(0.5, 2.0)
    return module_steps(module, SHAPE)


def steps_of(network: Network, edits: Edits | None = None) -> list[Step]:
    """Return the steps of a network of layers."""
    assert isinstance(network, LayeredNetwork)
    return network.steps(edits or {})


def _of_all_signs(network: Network) -> Network:
    """Give half of the channels of batch norm a negative scale."""
    for name, value in network.named_parameters():
        if "norm" in name and name.endswith("weight"):
            value[::2] *= -1
    return network


def linear() -> list[Step]:
    """Return the steps of a linear network."""
    return steps_of(exact(dense(SHAPE, CLASSES, ())))


NETWORKS: dict[str, Callable[[], list[Step]]] = {
    "linear": linear,
    "dense": lambda: steps_of(exact(dense(SHAPE, CLASSES, (9, 7)))),
    "cnn": lambda: steps_of(exact(cnn(SHAPE, CLASSES, (2, 3), 5))),
    "resnet": lambda: steps_of(_of_all_signs(exact(resnet(SHAPE, CLASSES, 10, 1)))),
    "residual": lambda: _module(Residual),
    "pooled": lambda: _module(Pooled),
}


def logits(steps: Sequence[Step], x: Tensor) -> Tensor:
    """Return the values of a network, shape (sample, example, class)."""
    enters = x.ndim == len(SHAPE) + 1
    program = Program(steps, [SHAPE], [len(steps)], [(CLASSES,)], enters=enters)
    return program.value(x)


def differences(z: Tensor, y: Tensor) -> Tensor:
    """Return z_y - z_j."""
    return z.gather(-1, y.expand(len(z), -1).unsqueeze(-1)) - z


def inside(x: Tensor, norm: str, strength: float, clip: Bounds) -> Callable[[Tensor], Tensor]:
    """Return the projection of images to the ball, and to the bounds."""

    def project(moved: Tensor) -> Tensor:
        near = x + NORMS[norm].project(moved - x, strength)
        return near if clip is None else near.clamp(*clip)

    return project


def smallest(
    steps: Sequence[Step], x: Tensor, y: Tensor, norm: str, strength: float, clip: Bounds = None
) -> Tensor:
    """Descend each difference of a single sample on its own; return the smallest that is met."""
    project = inside(x, norm, strength, clip)
    least = differences(logits(steps, x), y)[0]
    for c in range(CLASSES):
        point = project(x + 0.1 * strength * draw(*x.shape))
        for _ in range(8):
            point = point.detach().requires_grad_()
            values = differences(logits(steps, point), y)[0]
            (gradient,) = torch.autograd.grad(values[:, c].sum(), point)
            least = torch.minimum(least, values.detach())
            point = project(point - 0.5 * strength * NORMS[norm].steepest(gradient))
        least = torch.minimum(least, differences(logits(steps, point), y)[0].detach())
    return least
