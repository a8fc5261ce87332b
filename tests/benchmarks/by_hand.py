"""The loop over samples that a careful researcher writes: plain torch, autograd, no tricks.

No graph spans two samples, gradients are taken with respect to the images alone, and the K
gradients of the conditions are computed once for all attacks.
"""

from collections.abc import Callable, Sequence

import torch
from benchmarks.record import Record, length
from torch import Tensor

# (images, index of a sample) -> logits
SampleLogits = Callable[[Tensor, int], Tensor]


def dense_logits(weights: Sequence[Tensor]) -> SampleLogits:
    """Return the network as it is written by hand, weights of shape (sample, input + 1, output)."""

    def logits(x: Tensor, s: int) -> Tensor:
        hidden = x.flatten(1)
        for layer, weight in enumerate(weights):
            hidden = hidden if layer == 0 else torch.relu(hidden)
            hidden = hidden @ weight[s, :-1] + weight[s, -1]
        return hidden

    return logits


def direction(logits: SampleLogits, x: Tensor, y: Tensor, samples: range) -> Tensor:
    """Return the unit gradient of -log of the mean probability, sample by sample."""
    total = torch.zeros_like(x)
    for s in samples:
        inputs = x.clone().requires_grad_()
        p_y = logits(inputs, s).softmax(-1).gather(1, y.unsqueeze(1))
        total -= torch.autograd.grad(p_y.sum(), inputs)[0]  # 1 / mean p_y is only a factor
    return total / length(total).reshape(-1, *[1] * (x.ndim - 1))


def prediction(logits: SampleLogits, x: Tensor, samples: range) -> Tensor:
    """Return the mean probabilities."""
    with torch.no_grad():
        total = sum((logits(x, s).softmax(-1) for s in samples), torch.zeros(()))
    return total / len(samples)


def class_gradients(
    logits: SampleLogits, x: Tensor, samples: range, num_classes: int
) -> tuple[Tensor, Tensor]:
    """Return f and the gradient of every f_c, by K backward passes a sample."""
    f = x.new_zeros(len(x), num_classes)
    gradients = x.new_zeros(num_classes, *x.shape)
    for s in samples:
        inputs = x.clone().requires_grad_()
        probs = logits(inputs, s).softmax(-1)
        f += probs.detach()
        for c in range(num_classes):
            gradients[c] += torch.autograd.grad(probs[:, c].sum(), inputs, retain_graph=True)[0]
    return f / len(samples), gradients / len(samples)


def record(
    attack: SampleLogits,
    inference: SampleLogits,
    x: Tensor,
    y: Tensor,
    *,
    sizes: Sequence[int],
    num_inference: int,
    strengths: Sequence[float],
    num_classes: int = 10,
) -> Record:
    """Compute the whole record."""
    directions = [direction(attack, x, y, range(size)) for size in sizes]
    f, gradients = class_gradients(inference, x, range(num_inference), num_classes)
    correct = [
        [
            prediction(inference, x + eta * delta, range(num_inference)).argmax(1) == y
            for eta in strengths
        ]
        for delta in directions
    ]
    # as a careful researcher also does: premises of the theorem, from A and from I
    premises = [
        (prediction(attack, x, range(size)).argmax(1) == y) & (f.argmax(1) == y) for size in sizes
    ]
    return conditions(directions, f, gradients, y, premises, correct, strengths)


def conditions(
    directions: list[Tensor],
    f: Tensor,
    gradients: Tensor,
    y: Tensor,
    premises: list[Tensor],
    correct: list[list[Tensor]],
    strengths: Sequence[float],
) -> Record:
    """Return margins, angles and conditions from the gradients of all classes."""
    images = torch.arange(len(y), device=y.device)
    margins = f[images, y].unsqueeze(1) - f
    differences = (gradients[y, images].unsqueeze(0) - gradients).flatten(2)  # (class, image, d)
    radii, cosines, held = [], [], []
    for delta, premise in zip(directions, premises, strict=True):
        slopes = -(differences * delta.flatten(1)).sum(2).T
        radius = torch.where(slopes > 0, margins / slopes, torch.inf)
        radius[images, y] = torch.inf
        nearest = radius.argmin(1)
        radii.append(radius.amin(1))
        cosines.append(slopes[images, nearest] / differences[nearest, images].norm(dim=1))
        held.append(torch.stack([premise & (radii[-1] > eta) for eta in strengths]))
    return Record(
        direction=torch.stack(directions),
        radius=torch.stack(radii),
        cosine=torch.stack(cosines),
        condition=torch.stack(held),
        correct=torch.stack([torch.stack(row) for row in correct]),
    )
