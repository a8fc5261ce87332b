"""What the golden values are of: small calls of the public interface, on digits.

Every case is a function of images. ``bits`` are arrays that repeat bit for bit on a machine of
the same arithmetic, ``rounded`` those that repeat up to float32 rounding; see ``golden.rules``.
All but the trainings start from checkpoints that are kept beside this file, so that the rounding
of a training does not show in what follows it.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

import pyrosnn
from pyrosnn.evaluation import attack_moments, gradient_moments
from pyrosnn.models import build_model
from pyrosnn.models.smoothed import Smoothed

CHECKPOINTS = Path(__file__).parent / "checkpoints"

# Test images of digits, without one of which a moment is within rounding of a kink.
IMAGES = tuple(i for i in range(21) if i != 7)
FEW = 6  # images for samples and logits, which are large
MOMENTS = 5  # images for moments, which take longest

DENSE = {"hidden": (16, 12)}
WIDE = {"depth": 10, "width": 1}
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "bnn": ("bnn", DENSE),
    "im": ("im", DENSE),
    "sin": ("sin", DENSE),
    "sin-loss": ("sin", {**DENSE, "average": "loss"}),
    "sin-shared": ("sin", {**DENSE, "per_example": False}),
    "laplace": ("laplace", DENSE),
    "resnet": ("resnet", WIDE),
    "resnet-shared": ("resnet", {**WIDE, "per_example": False}),
}
SMOOTHED = "bnn-smoothed"
BORROWED = {"resnet-shared": "resnet"}  # a residual network is large: one checkpoint for both
KEPT = [name for name in MODELS if name not in BORROWED]

TRAININGS: dict[str, tuple[str, dict[str, Any]]] = {
    **{name: (name, {}) for name in MODELS},
    "bnn-noisy": ("bnn", {"smoothing_variance": 0.1}),
    "sin-noisy": ("sin", {"smoothing_variance": 0.1, "noisy_copies": 3}),
    "resnet-steps": (
        "resnet",
        {
            "learning_rate": 0.05,
            "nesterov": True,
            "schedule": "steps",
            "milestones": (1,),
            "augmentation": "crop-flip",
        },
    ),
    "im-sgd": ("im", {"optimizer": "sgd", "learning_rate": 0.05, "schedule": "one-cycle"}),
}

LOSSES = ("cross-entropy", "margin", "cw")
GRADIENTS = ("mean_prediction", "mean_loss", "mean_logits")


@dataclass
class Values:
    """The arrays of a case, by name.

    Attributes:
        bits: arrays that repeat bit for bit.
        rounded: arrays that repeat up to rounding.
        slack: how many times as far these may be off: training steps amplify rounding.
    """

    bits: dict[str, np.ndarray] = field(default_factory=dict)
    rounded: dict[str, np.ndarray] = field(default_factory=dict)
    slack: float = 1.0


Case = Callable[[Tensor], Values]


@cache
def digits() -> pyrosnn.Dataset:
    return pyrosnn.load_dataset("digits")


def images() -> Tensor:
    return digits().x_test[list(IMAGES)]


def labels(number: int = len(IMAGES)) -> Tensor:
    return digits().y_test[list(IMAGES)][:number]


def build(name: str) -> pyrosnn.StochasticClassifier:
    """Build an untrained classifier from a random state of its own."""
    model, options = MODELS[name]
    with torch.random.fork_rng():
        torch.manual_seed(7)
        classifier = build_model(model, image_shape=(1, 8, 8), num_classes=10, options=options)
    return classifier.eval().requires_grad_(False)


@cache
def classifier_of(name: str) -> pyrosnn.StochasticClassifier:
    """Return a trained classifier: a checkpoint, or what is made of one."""
    if name == SMOOTHED:
        return Smoothed(classifier_of("bnn"), variance=0.1, num_noise=3)
    if name in BORROWED:
        shared = build(name)
        shared.load_state_dict(classifier_of(BORROWED[name]).state_dict())
        return shared
    return pyrosnn.load_checkpoint(checkpoint_path(name)).classifier


def checkpoint_path(name: str) -> Path:
    return CHECKPOINTS / f"{name}.safetensors"


def array(values: Tensor) -> np.ndarray:
    found: np.ndarray = values.detach().contiguous().numpy()
    return found


def sites_of(prefix: str, samples: pyrosnn.SampleSet) -> dict[str, np.ndarray]:
    return {f"{prefix}.{site}": array(value) for site, value in samples.tensors.items()}


def samples(classifier: pyrosnn.StochasticClassifier, x: Tensor) -> Values:
    """A, I and a later part of a stream; the logits at A."""
    x = x[:FEW]
    A, judges = pyrosnn.disjoint_sample_sets(classifier, x, attack=3, inference=20, seed=3)
    later = pyrosnn.draw_sample_set(
        classifier, x, 4, seed=3, stream="attack", repeat=1, block=2, start=30
    )
    return Values(
        bits={**sites_of("A", A), **sites_of("I", judges), **sites_of("later", later)},
        rounded={"logits": array(classifier.logits(x, A.tensors))},
    )


def untrained_samples(name: str, x: Tensor) -> Values:
    classifier = build(name.removesuffix("-smoothed"))
    if name == SMOOTHED:
        classifier = Smoothed(classifier, variance=0.1, num_noise=3)
    return samples(classifier, x)


def trained_samples(name: str, x: Tensor) -> Values:
    return samples(classifier_of(name), x)


def logits(name: str, x: Tensor) -> Values:
    """Logits at values that nothing draws: waves in place of weights, masks that repeat."""
    classifier = classifier_of(name)
    x = x[:FEW]
    drawn = pyrosnn.draw_sample_set(classifier, x, 2, seed=0, stream="attack").tensors
    sites = {site: wave(value) for site, value in drawn.items()}
    return Values(rounded={"logits": array(classifier.logits(x, sites))})


def wave(like: Tensor) -> Tensor:
    """Return values that differ from entry to entry, of a tensor's shape and type."""
    index = torch.arange(like.numel(), dtype=torch.float64).reshape(like.shape)
    values = 0.4 * torch.sin(0.7 * index)
    return values > -0.1 if like.dtype == torch.bool else values.to(like.dtype)


def accuracy(name: str, x: Tensor) -> Values:
    """The accuracy of a checkpoint's classifier on test images: they are not ``x``."""
    data = digits()
    found = pyrosnn.accuracy(
        classifier_of(name), data.x_test[:150], data.y_test[:150], num_samples=10, block_size=100
    )
    return Values(rounded={"accuracy": np.array([found])})


def settings(name: str) -> pyrosnn.TrainingSpec:
    base, changes = TRAININGS[name]
    model, options = MODELS[base]
    return pyrosnn.preset(model, epochs=2, batch_size=50, options=options, seed=2, **changes)


def training(name: str, x: Tensor) -> Values:
    """Losses of two epochs, and what the trained classifier says of images."""
    data = digits()
    few = replace(data, x_train=data.x_train[:200], y_train=data.y_train[:200])
    losses: list[float] = []
    trained = pyrosnn.train(settings(name), few, progress=lambda done: losses.append(done.loss))
    x = x[:FEW]
    A = pyrosnn.draw_sample_set(trained, x, 2, seed=3, stream="attack")
    share = pyrosnn.accuracy(trained, data.x_test[:100], data.y_test[:100], num_samples=10)
    return Values(
        bits={"losses": np.array(losses)},
        rounded={"logits": array(trained.logits(x, A.tensors)), "accuracy": np.array([share])},
        slack=300.0 if "resnet" in name else 10.0,
    )


def projections(perturbation: Tensor) -> np.ndarray:
    """Return δ along four fixed directions of signs, shape (example, direction)."""
    signs = np.random.default_rng(0).integers(0, 2, (perturbation[0].numel(), 4)) * 2.0 - 1.0
    along: np.ndarray = array(perturbation).reshape(len(perturbation), -1).astype("f8") @ signs
    return along.astype("f4")


def perturbed(
    name: str, attacks: Mapping[str, pyrosnn.Attack], num_samples: int, x: Tensor
) -> Values:
    classifier = classifier_of(name)
    A = pyrosnn.draw_sample_set(classifier, x, num_samples, seed=4, stream="attack")
    y = labels()
    return Values(
        rounded={
            key: projections(attack(classifier, x, y, A).perturbation)
            for key, attack in attacks.items()
        }
    )


def fast_attacks() -> Iterator[tuple[str, pyrosnn.Attack]]:
    for norm, loss, gradient in product(("l2", "linf"), LOSSES, GRADIENTS):
        attack = pyrosnn.FGM(norm=norm, loss=loss, gradient=gradient, strength=0.7)
        yield f"{norm}.{loss}.{gradient}", attack
    yield "l2.predicted", pyrosnn.FGM(strength=0.7, labels="predicted")
    yield "l2.clipped", pyrosnn.FGM(strength=0.7, clip=(0.0, 1.0))


STEPS: dict[str, Any] = {"strength": 0.7, "steps": 3, "relative_step": 0.5}
PROJECTED = {
    "fresh": pyrosnn.PGD(**STEPS),
    "fixed": pyrosnn.PGD(**STEPS, fixed_samples=True),
    "restarts": pyrosnn.PGD(**STEPS, restarts=1),
    "clipped": pyrosnn.PGD(
        **{**STEPS, "strength": 0.1}, norm="linf", loss="margin", clip=(0.0, 1.0)
    ),
}


def module(name: str, x: Tensor) -> Values:
    """The mean prediction as a plain module, and its gradient."""
    classifier = classifier_of(name)
    A = pyrosnn.draw_sample_set(classifier, x, 5, seed=4, stream="attack")
    x = x.clone().requires_grad_()
    outputs = pyrosnn.to_module(classifier, A)(x)
    outputs.gather(1, labels().unsqueeze(1)).sum().backward()
    assert x.grad is not None
    return Values(rounded={"outputs": array(outputs), "gradient": projections(x.grad)})


JUDGED: dict[str, tuple[str, pyrosnn.Attack, dict[str, Any]]] = {
    **{
        name: (name, pyrosnn.FGM(), {"smoothness": [1.0, 5.0]})
        for name in ("bnn", "sin", "laplace", "resnet", SMOOTHED)
    },
    "bnn-pgd": (
        "bnn",
        pyrosnn.PGD(norm="linf", labels="predicted", steps=3, relative_step=0.5),
        {"judged_bounds": (0.0, 1.0), "strengths": [0.05, 0.1]},
    ),
}


def evaluated(name: str, x: Tensor) -> Values:
    """All variables of an evaluation at two strengths and two sizes of both sets."""
    model, attack, changes = JUDGED[name]
    classifier = classifier_of(model)
    A, judges = pyrosnn.disjoint_sample_sets(classifier, x, attack=8, inference=20, seed=5)
    result = pyrosnn.evaluate(
        classifier,
        x,
        labels(),
        attack=attack,
        attack_samples=A,
        inference_samples=judges,
        **{"strengths": [0.3, 0.8], "attack_sizes": [3, 8], "inference_sizes": [8, 20], **changes},
    )
    return Values(rounded=variables(result))


def variables(result: Any) -> dict[str, np.ndarray]:
    """Return all arrays of a dataset, with their dimensions in their names."""
    return {
        f"{name}({','.join(value.dims)})": np.ascontiguousarray(value.values)
        for name, value in sorted(result.data_vars.items())
    }


def moments(name: str, x: Tensor) -> Values:
    """All variables of both kinds of moments."""
    classifier = classifier_of(name)
    x, y = x[:MOMENTS], labels(MOMENTS)
    attack = pyrosnn.FGM()
    of_attack = attack_moments(classifier, x, y, attack=attack, num_samples=40, seed=6)
    single = gradient_moments(classifier, x, y, num_samples=40, seed=6)
    return Values(rounded={**variables(of_attack), **variables(single)})


CASES: dict[str, Case] = {
    **{f"untrained/{name}": partial(untrained_samples, name) for name in [*MODELS, SMOOTHED]},
    **{f"trained/{name}": partial(trained_samples, name) for name in [*MODELS, SMOOTHED]},
    **{f"logits/{name}": partial(logits, name) for name in [*MODELS, SMOOTHED]},
    **{f"accuracy/{name}": partial(accuracy, name) for name in KEPT},
    **{f"training/{name}": partial(training, name) for name in TRAININGS},
    **{f"fgm/{name}": partial(perturbed, name, dict(fast_attacks()), 6) for name in ("bnn", "sin")},
    **{f"pgd/{name}": partial(perturbed, name, PROJECTED, 4) for name in ("bnn", "sin", "resnet")},
    **{f"module/{name}": partial(module, name) for name in ("bnn", "sin", "resnet")},
    **{f"evaluate/{name}": partial(evaluated, name) for name in JUDGED},
    **{f"moments/{name}": partial(moments, name) for name in ("bnn", "resnet")},
}
