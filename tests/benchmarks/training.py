"""Three ways to train the paper's BNN: ours, torch by hand, and Pyro as its tutorials have it.

All take the same steps: 100 images, five particles, ELBO with analytic KL, Adam.
"""

import math
from typing import Any

import pyro
import torch
from pyro.distributions import Categorical, Normal
from pyro.infer import SVI, Trace_ELBO
from pyro.infer.autoguide import AutoDiagonalNormal
from pyro.nn import PyroModule, PyroSample
from pyro.optim import PyroOptim
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import ToTensor
from torchvision.transforms.functional import to_pil_image

BATCH, PARTICLES, LEARNING_RATE = 100, 5, 1e-3


def by_hand(x: Tensor, y: Tensor, shapes: list[tuple[int, int]]) -> list[Tensor]:
    """Train for one epoch with plain torch, as someone who knows the equations writes it."""
    means, rows, columns = [], [], []
    for inputs, outputs in shapes:
        mean = torch.randn(inputs, outputs) * math.sqrt(2 / (inputs - 1))
        mean[-1] = 0
        means.append(mean.requires_grad_())
        rows.append(torch.full((inputs,), math.log(0.05), requires_grad=True))
        columns.append(torch.zeros(outputs, requires_grad=True))
    optimizer = torch.optim.Adam([*means, *rows, *columns], LEARNING_RATE)
    images = x.flatten(1)
    for batch in torch.randperm(len(x)).split(BATCH):
        hidden, kl = images[batch].expand(PARTICLES, -1, -1), torch.zeros(())
        for layer, (mean, row, column) in enumerate(zip(means, rows, columns, strict=True)):
            scale = torch.outer(row.exp(), column.exp())
            w = mean + scale * torch.randn(PARTICLES, *mean.shape)
            hidden = torch.relu(hidden) if layer > 0 else hidden
            hidden = torch.baddbmm(w[:, -1:], hidden, w[:, :-1])
            squares = row.exp().square().sum() * column.exp().square().sum()
            logs = 2 * (len(column) * row.sum() + len(row) * column.sum())
            kl = kl + 0.5 * (squares + mean.square().sum() - mean.numel() - logs)
        targets = y[batch].repeat(PARTICLES)
        loss = functional.cross_entropy(hidden.flatten(0, 1), targets) + kl / len(x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return [*means, *rows, *columns]


class _Images(Dataset[tuple[Tensor, int]]):
    """Images as torchvision's data sets hold them: decoded and converted one by one."""

    def __init__(self, x: Tensor, y: Tensor):
        self.pixels, self.labels = (x * 255).byte(), y
        self.transform = ToTensor()

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(to_pil_image(self.pixels[index])), int(self.labels[index])


class TutorialNetwork(PyroModule):
    """A Bayesian network by ``PyroModule`` and ``PyroSample``; its guide is an autoguide."""

    def __init__(self, shapes: list[tuple[int, int]]):
        super().__init__()
        module: Any = PyroModule  # its items are classes, which its types do not say
        dense = [module[torch.nn.Linear](inputs - 1, outputs) for inputs, outputs in shapes]
        self.layers: Any = module[torch.nn.ModuleList](dense)
        for layer in dense:
            layer.weight = PyroSample(Normal(0.0, 1.0).expand(layer.weight.shape).to_event(2))
            layer.bias = PyroSample(Normal(0.0, 1.0).expand(layer.bias.shape).to_event(1))

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        hidden = x.flatten(1)
        for number, layer in enumerate(self.layers):
            hidden = layer(torch.relu(hidden) if number > 0 else hidden)
        with pyro.plate("data", len(x)):
            pyro.sample("obs", Categorical(logits=hidden), obs=y)
        return hidden


def tutorial(x: Tensor, y: Tensor, shapes: list[tuple[int, int]]) -> None:
    """Train for one epoch as Pyro's tutorials do: DataLoader, Trace_ELBO, validation on."""
    with pyro.get_param_store().scope(), pyro.validation_enabled(True):
        model = TutorialNetwork(shapes)
        guide = AutoDiagonalNormal(model)
        svi = SVI(
            model,
            guide,
            PyroOptim(torch.optim.Adam, {"lr": LEARNING_RATE}),
            Trace_ELBO(num_particles=PARTICLES),
        )
        total = 0.0
        for images, labels in DataLoader(_Images(x, y), batch_size=BATCH, shuffle=True):
            total += svi.step(images, labels)
