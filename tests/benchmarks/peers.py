"""The same record with the tools and idioms of others: attack libraries, and plain Pyro."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from benchmarks.by_hand import SampleLogits, conditions
from benchmarks.record import Record, length
from pyro import poutine
from torch import Tensor

from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.sampling import SampleSet

# (module of log-probabilities, images, labels) -> images moved by 1 in l2
Attack = Callable[[torch.nn.Module, Tensor, Tensor], Tensor]


class Averaged(torch.nn.Module):
    """The log of the mean probability over samples, as a module that an attack library takes."""

    def __init__(self, logits: SampleLogits, samples: range):
        super().__init__()
        self.logits, self.samples = logits, samples

    def forward(self, x: Tensor) -> Tensor:
        each = torch.stack([self.logits(x, s).softmax(-1) for s in self.samples])
        return each.mean(0).log()


class Cycled(torch.nn.Module):
    """A network with the next sample at each call: random, as EOTPGD expects it, but repeatable."""

    def __init__(self, logits: SampleLogits, num_samples: int):
        super().__init__()
        self.logits, self.num_samples, self.calls = logits, num_samples, 0
        self.place = torch.nn.Parameter(torch.zeros(()))  # whose device a library asks for

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return self.logits(x, (self.calls - 1) % self.num_samples)


def foolbox_fgm(model: torch.nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """FGM of foolbox; the bounds are so wide that nothing is clipped."""
    from foolbox.attacks.fast_gradient_method import L2FastGradientAttack
    from foolbox.models.pytorch import PyTorchModel

    bounded = PyTorchModel(model.eval(), bounds=(-1e3, 1e3), device="cpu")
    raw, _, _ = L2FastGradientAttack()(bounded, x, y, epsilons=1.0)
    moved: Tensor = raw
    return moved


def cleverhans_fgm(model: torch.nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """FGM of CleverHans."""
    from cleverhans.torch.attacks.fast_gradient_method import fast_gradient_method

    moved: Tensor = fast_gradient_method(model, x, 1.0, 2, y=y)
    return moved.detach()


def eot_pgd(
    logits: SampleLogits, x: Tensor, y: Tensor, *, strength: float, steps: int, num_samples: int
) -> Tensor:
    """δ of torchattacks' EOTPGD, which averages the gradients of single samples' losses."""
    import torchattacks

    attack = torchattacks.EOTPGD(
        Cycled(logits, num_samples),
        eps=strength,
        alpha=strength / steps,
        steps=steps,
        eot_iter=num_samples,
        random_start=False,
    )
    attack.set_device("cpu")
    moved: Tensor = attack(x, y)
    return moved - x


def conditioned(classifier: StochasticClassifier, samples: SampleSet) -> SampleLogits:
    """Return the logits of single samples by ``poutine.condition`` and ``poutine.trace``."""

    def logits(x: Tensor, s: int) -> Tensor:
        shared = {n: v[s] if n in samples.per_image else v[s, 0] for n, v in stored.items()}
        model = poutine.condition(classifier.model, data=shared)
        nodes: dict[str, Any] = dict(poutine.trace(model).get_trace(x).nodes)
        found: Tensor = nodes["y"]["fn"].logits
        return found

    stored = samples.tensors
    return logits


def record(
    attack: Attack,
    attack_logits: SampleLogits,
    inference_logits: SampleLogits,
    x: Tensor,
    y: Tensor,
    *,
    sizes: Sequence[int],
    num_inference: int,
    strengths: Sequence[float],
) -> Record:
    """Compute the whole record on averaged modules: one graph spans all samples."""
    module = Averaged(inference_logits, range(num_inference))
    directions, premises = [], []
    for size in sizes:
        attacked = Averaged(attack_logits, range(size))
        delta = attack(attacked, x, y) - x
        lengths = length(delta).clamp(min=1e-30)
        directions.append(delta / lengths.reshape(-1, *[1] * (x.ndim - 1)))
        with torch.no_grad():
            premises.append(attacked(x).argmax(1) == y)
    inputs = x.clone().requires_grad_()
    f = module(inputs).exp()
    gradients = torch.stack(
        [
            torch.autograd.grad(f[:, c].sum(), inputs, retain_graph=True)[0]
            for c in range(f.shape[1])
        ]
    )
    f = f.detach()
    premises = [premise & (f.argmax(1) == y) for premise in premises]
    with torch.no_grad():
        correct = [
            [module(x + eta * delta).argmax(1) == y for eta in strengths] for delta in directions
        ]
    return conditions(directions, f, gradients, y, premises, correct, strengths)
