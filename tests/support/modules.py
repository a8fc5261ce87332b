"""Stochastic modules as people write them, on images of 1 × 4 × 4 with three classes."""

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from support.adapted import CLASSES, network
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

D = torch.distributions


class Apply(nn.Module):
    """Applies a function, which may be told whether it is in training mode."""

    def __init__(self, function: Callable[..., Any], rest: nn.Module | None = None):
        super().__init__()
        self.function, self.rest = function, rest or network()

    def forward(self, x: Tensor) -> Any:
        return self.rest(self.function(x))


class Noise(nn.Module):
    """Adds noise in the mode asked for, or in both."""

    def __init__(self, scale: float = 0.3, only: bool | None = None):
        super().__init__()
        self.scale, self.only = scale, only

    def forward(self, x: Tensor) -> Tensor:
        if self.only is not None and self.training != self.only:
            return x
        return x + self.scale * torch.randn_like(x)


class Pairs(nn.Module):
    """Takes eight units for four channels of two."""

    def forward(self, x: Tensor) -> Tensor:
        return x.reshape(-1, 4, 2)


class RandomWeights(nn.Linear):
    """Draws its weights in every pass."""

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight + 0.1 * torch.randn_like(self.weight), self.bias)


class NoiseInBuffer(nn.Linear):
    """Draws into a buffer, as bayesian-torch does."""

    eps: Tensor

    def __init__(self, inputs: int, outputs: int):
        super().__init__(inputs, outputs)
        self.register_buffer("eps", torch.zeros(outputs, inputs))

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight + 0.1 * self.eps.normal_(), self.bias)


class NoiseInData(NoiseInBuffer):
    """Draws into the data of a buffer, as BLITZ does."""

    def forward(self, x: Tensor) -> Tensor:
        self.eps.data.normal_()
        return F.linear(x, self.weight + 0.1 * self.eps, self.bias)


class Remembers(nn.Linear):
    """Keeps the weights that it drew last, with their graph: it cannot be copied."""

    def forward(self, x: Tensor) -> Tensor:
        self.last = self.weight + 0.1 * torch.randn_like(self.weight)
        return F.linear(x, self.last, self.bias)


class Attention(nn.Module):
    """Attention with a dropout of its own, which no module has."""

    def __init__(self) -> None:
        super().__init__()
        self.out = nn.Linear(16, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        t = x.flatten(1, 2)
        p = 0.3 if self.training else 0.0
        logits: Tensor = self.out(F.scaled_dot_product_attention(t, t, t, dropout_p=p).flatten(1))
        return logits


class Recurrent(nn.Module):
    """A recurrent layer with dropout between its layers."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.LSTM(4, 5, num_layers=2, dropout=0.3, batch_first=True)
        self.out = nn.Linear(20, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.out(self.layers(x.squeeze(1))[0].flatten(1))
        return logits


class Encoder(nn.Module):
    """torch's transformer layer, which skips its dropout on a fast path."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(4, 2, 8, dropout=0.3, batch_first=True)
        self.out = nn.Linear(16, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.out(self.layer(x.squeeze(1)).flatten(1))
        return logits


class Patches(nn.Module):
    """Drops units of patches, which are merged with the images, in either order."""

    def __init__(self, images_first: bool):
        super().__init__()
        self.images_first = images_first
        self.drop, self.inner, self.out = nn.Dropout(0.4), nn.Linear(4, 5), nn.Linear(20, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        rows = x.reshape(len(x), 4, 4)
        rows = rows if self.images_first else rows.transpose(0, 1)
        h = self.drop(self.inner(rows.reshape(-1, 4))).reshape(*rows.shape[:2], 5)
        h = h if self.images_first else h.transpose(0, 1)
        logits: Tensor = self.out(h.flatten(1))
        return logits


class Branches(nn.Module):
    """Draws noise or none, as a draw says."""

    def __init__(self) -> None:
        super().__init__()
        self.rest = network()

    def forward(self, x: Tensor) -> Tensor:
        if torch.rand(()) < 0.5:
            x = x + 0.3 * torch.randn_like(x)
        logits: Tensor = self.rest(x)
        return logits


class Rounded(torch.autograd.Function):
    """Rounds, with the gradient of the identity: forward mode does not know it."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return (8 * x).round() / 8

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient


class ComputedAgain(torch.autograd.Function):
    """Scales by noise, which it draws anew for the way back."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x * torch.randn_like(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient * torch.randn_like(gradient)


class Checkpointed(nn.Module):
    """Computes its dropout twice, unless checkpointing is off."""

    def __init__(self, reentrant: bool):
        super().__init__()
        self.rest, self.reentrant = network(nn.Dropout(0.4)), reentrant

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = checkpoint(self.rest, x, use_reentrant=self.reentrant)
        return logits


class Members(nn.Module):
    """Four members in one pass, their rows one behind the other."""

    def __init__(self, members_first: bool = True):
        super().__init__()
        self.members_first = members_first
        self.factors = nn.Parameter(torch.randn(4, 1, 16))
        self.out = nn.Linear(16, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        h = x.flatten(1) * self.factors
        h = h if self.members_first else h.transpose(0, 1)
        logits: Tensor = self.out(h.flatten(0, 1))
        return logits


def weights_and_noise() -> nn.Module:
    """Noise that is shared by all images, and noise of each."""
    return nn.Sequential(nn.Flatten(), RandomWeights(16, 8), Noise(), nn.Linear(8, CLASSES))


def flat(layer: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Flatten(), layer)


def scripted() -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # it is deprecated, and in use
        module: nn.Module = torch.jit.script(network(nn.Dropout(0.4)))
    return module


def drawn_classes(x: Tensor, *, again: bool) -> Tensor:
    """Scale images by the sum of three pixels' numbers, drawn by their brightness."""
    drawn = torch.multinomial(0.1 + x.flatten(1), 3, replacement=again)
    return x * drawn.sum(1).reshape(-1, 1, 1, 1)


# Modules that need no seeds, and the path that each is replayed on, unless torch may choose.
REPLAYED: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "dropout": (lambda: network(nn.Dropout(0.4)), "vmap"),
    "inplace-dropout": (lambda: network(nn.Linear(8, 8), nn.Dropout(0.4, inplace=True)), "batch"),
    "dropout1d": (lambda: network(Pairs(), nn.Dropout1d(0.4), nn.Flatten()), "vmap"),
    "alpha-dropout": (lambda: network(nn.AlphaDropout(0.2)), "vmap"),
    "rrelu": (lambda: nn.Sequential(flat(nn.Linear(16, 8)), nn.RReLU(), nn.Linear(8, 3)), "batch"),
    "input-noise": (lambda: nn.Sequential(Noise(), network()), "vmap"),
    "training-noise": (lambda: network(nn.Dropout(0.1), Noise(1.0, only=True)), "vmap"),
    "evaluation-noise": (lambda: network(Noise(1.0, only=False)), "vmap"),
    "random-weights": (lambda: flat(RandomWeights(16, CLASSES)), "vmap"),
    "weights-and-noise": (weights_and_noise, "vmap"),
    "noise-in-buffer": (lambda: flat(NoiseInBuffer(16, CLASSES)), "vmap"),
    "noise-in-data": (lambda: flat(NoiseInData(16, CLASSES)), "vmap"),
    "remembers": (lambda: flat(Remembers(16, CLASSES)), "vmap"),
    "attention": (Attention, "batch"),
    "recurrent": (Recurrent, "batch"),
    "encoder": (Encoder, "batch"),
    "patches": (lambda: Patches(True), "vmap"),
    "patches-apart": (lambda: Patches(False), "vmap"),
    "rounded": (lambda: Apply(Rounded.apply, network(nn.Dropout(0.4))), "batch"),
    "checkpointed": (lambda: Checkpointed(False), "vmap"),
    "reentrant": (lambda: Checkpointed(True), "vmap"),
    "scripted": (scripted, ""),
    "flips": (lambda: Apply(lambda x: x.flip(-1) if torch.rand(()) < 0.5 else x), "loop"),
    "permutes": (lambda: Apply(lambda x: x.flatten(1)[:, torch.randperm(16)]), "loop"),
    "normal": (lambda: Apply(lambda x: D.Normal(x, 0.1 + x**2).rsample()), "vmap"),
    "laplace": (lambda: Apply(lambda x: D.Laplace(x, 0.3).rsample()), "vmap"),
    "gumbel": (lambda: Apply(lambda x: D.Gumbel(x, 0.1).rsample()), "vmap"),
    "student": (lambda: Apply(lambda x: x + 0.1 * D.StudentT(5.0).rsample(x.shape)), "batch"),
    "gamma": (lambda: Apply(lambda x: x * D.Gamma(2 + 0 * x, 1.0).rsample()), "batch"),
    "beta": (lambda: Apply(lambda x: x * D.Beta(2.0, 3.0).rsample(x.shape)), "batch"),
    "bernoulli": (lambda: Apply(lambda x: x * torch.bernoulli(0.5 + 0 * x)), "vmap"),
    "integers": (lambda: Apply(lambda x: x + torch.randint(0, 3, x.shape)), "vmap"),
    "geometric": (lambda: Apply(lambda x: x * torch.empty_like(x).geometric_(0.4)), "vmap"),
    "log-normal": (lambda: Apply(lambda x: x * torch.empty_like(x).log_normal_(0, 0.3)), "vmap"),
    "exponential": (lambda: Apply(lambda x: x * torch.empty_like(x).exponential_(2.0)), "vmap"),
    "multinomial": (lambda: Apply(partial(drawn_classes, again=False)), "vmap"),
    "multinomial-again": (lambda: Apply(partial(drawn_classes, again=True)), "vmap"),
    "shared-number": (lambda: Apply(lambda x: x * torch.rand(1)), "vmap"),
}  # fmt: skip
