"""foolbox, ART and torchattacks on to_module, for real: their FGM is ours, and evaluate takes them.

Their gradients are float32 and their cross-entropy is of float32 outputs: compared where the
gradient is well scaled, at least FLOOR long.
"""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from pyrosnn.adapters import MCDropout
from pyrosnn.attacks import FGM, NORMS, AttackFunction, ExternalAttack, SampledModule, to_module
from pyrosnn.attacks import module as module_file
from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError
from pyrosnn.evaluation import evaluate
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.sampling import SampleSet, disjoint_sample_sets, predict

IMAGES = 100
STRENGTHS = {"l2": 0.6, "linf": 0.1}
FLOOR = 1e-3
WIDE = (-1e3, 1e3)  # so that nothing is clipped

Norms = dict[str, Any]


def foolbox_fgm(
    module: torch.nn.Module, x: Tensor, y: Tensor, strength: float, *, norm: str
) -> Tensor:
    from foolbox.attacks.fast_gradient_method import L2FastGradientAttack, LinfFastGradientAttack
    from foolbox.models.pytorch import PyTorchModel

    attack = {"l2": L2FastGradientAttack, "linf": LinfFastGradientAttack}[norm]()
    model = PyTorchModel(module, bounds=WIDE, device="cpu")
    found: Tensor = attack(model, x, y, epsilons=strength)[1]
    return found


def art_classifier(module: torch.nn.Module, bounds: tuple[float, float]) -> Any:
    from art.estimators.classification import PyTorchClassifier

    return PyTorchClassifier(
        model=module,
        loss=torch.nn.CrossEntropyLoss(),
        input_shape=(1, 8, 8),
        nb_classes=10,
        clip_values=bounds,
        device_type="cpu",
    )


ART_NORMS: Norms = {"l2": 2, "linf": "inf"}


def art_fgm(module: torch.nn.Module, x: Tensor, y: Tensor, strength: float, *, norm: str) -> Tensor:
    from art.attacks.evasion import FastGradientMethod

    attack = FastGradientMethod(
        art_classifier(module, WIDE), norm=ART_NORMS[norm], eps=strength, batch_size=len(x)
    )
    return torch.from_numpy(attack.generate(x.numpy(), y.numpy()))


def art_auto_pgd(
    module: torch.nn.Module, x: Tensor, y: Tensor, strength: float, *, norm: str
) -> Tensor:
    from art.attacks.evasion import AutoProjectedGradientDescent

    attack = AutoProjectedGradientDescent(
        art_classifier(module, (0.0, 1.0)),
        norm=ART_NORMS[norm],
        eps=strength,
        eps_step=strength / 4,
        max_iter=10,
        nb_random_init=1,
        batch_size=len(x),
        loss_type="cross_entropy",
        verbose=False,
    )
    return torch.from_numpy(attack.generate(x.numpy(), y.numpy()))


def foolbox_pgd(
    module: torch.nn.Module, x: Tensor, y: Tensor, strength: float, *, norm: str
) -> Tensor:
    from foolbox.attacks.projected_gradient_descent import (
        L2ProjectedGradientDescentAttack,
        LinfProjectedGradientDescentAttack,
    )
    from foolbox.models.pytorch import PyTorchModel

    attacks = {"l2": L2ProjectedGradientDescentAttack, "linf": LinfProjectedGradientDescentAttack}
    attack = attacks[norm](steps=10, rel_stepsize=0.25)
    model = PyTorchModel(module, bounds=(0, 1), device="cpu")
    found: Tensor = attack(model, x, y, epsilons=strength)[1]
    return found


def torchattacks_apgd(
    module: torch.nn.Module, x: Tensor, y: Tensor, strength: float, *, norm: str
) -> Tensor:
    """AutoAttack's APGD: it attacks in turn only what is still classified correctly."""
    import torchattacks

    name = {"l2": "L2", "linf": "Linf"}[norm]
    attack = torchattacks.APGD(module, norm=name, eps=strength, steps=10, n_restarts=2)
    found: Tensor = attack(x, y)
    return found


FGMS: dict[str, Callable[..., Tensor]] = {"foolbox": foolbox_fgm, "art": art_fgm}
STEPWISE: dict[str, Callable[..., Tensor]] = {
    "foolbox": foolbox_pgd,
    "art": art_auto_pgd,
    "torchattacks": torchattacks_apgd,
}


def well_scaled(module: torch.nn.Module, x: Tensor, y: Tensor) -> Tensor:
    inputs = x.clone().requires_grad_()
    loss = functional.cross_entropy(module(inputs), y, reduction="sum")
    lengths: Tensor = torch.autograd.grad(loss, inputs)[0].flatten(1).norm(dim=1)
    return lengths > FLOOR


def sets(classifier: StochasticClassifier, x: Tensor) -> tuple[SampleSet, SampleSet]:
    return disjoint_sample_sets(classifier, x, attack=10, inference=50, seed=0)


@pytest.mark.slow
@pytest.mark.parametrize("norm", list(STRENGTHS))
@pytest.mark.parametrize("library", list(FGMS))
@pytest.mark.parametrize("model", ["bnn", "im", "sin"])
def test_their_fgm_is_ours_on_well_scaled_gradients(
    model: str,
    library: str,
    norm: str,
    classifiers: dict[str, StochasticClassifier],
    digits: Dataset,
) -> None:
    """The same directions, and the same outcome of the attack for every such image."""
    classifier = classifiers[model]
    x, y = digits.test_images(IMAGES)
    a, i = sets(classifier, x)
    scaled = well_scaled(to_module(classifier, a), x, y)
    assert float(scaled.float().mean()) > 0.5
    function: AttackFunction = functools.partial(FGMS[library], norm=norm)
    theirs = ExternalAttack(function=function, norm=norm, strength=STRENGTHS[norm])
    ours = FGM(norm=norm, strength=STRENGTHS[norm])
    cosine = functional.cosine_similarity(
        theirs(classifier, x, y, a).perturbation.flatten(1),
        ours(classifier, x, y, a).perturbation.flatten(1),
    )
    assert float(cosine[scaled].min()) >= 0.999
    results = [
        evaluate(classifier, x, y, attack=attack, attack_samples=a, inference_samples=i)
        for attack in (theirs, ours)
    ]
    outcome = [r["adversarial_correct"].values.squeeze()[scaled.numpy()] for r in results]
    assert np.array_equal(*outcome)
    assert 0 < outcome[0].mean() < 1
    assert [int(r["num_gradients"].squeeze()) for r in results] == [10, 10]


@pytest.mark.slow
@pytest.mark.parametrize("norm", list(STRENGTHS))
@pytest.mark.parametrize("library", list(STEPWISE))
def test_their_many_steps_go_through_evaluate(
    library: str, norm: str, bnn: StochasticClassifier, digits: Dataset
) -> None:
    """Each is a stronger attack on its own samples than one clipped step, and repeats itself."""
    x, y = digits.test_images(IMAGES)
    a, i = sets(bnn, x)
    function: AttackFunction = functools.partial(STEPWISE[library], norm=norm)
    settings: Any = {"norm": norm, "strength": STRENGTHS[norm], "clip": digits.bounds}
    attack = ExternalAttack(function=function, **settings)
    result = evaluate(bnn, x, y, attack=attack, attack_samples=a, inference_samples=i)
    again = evaluate(bnn, x, y, attack=attack, attack_samples=a, inference_samples=i)
    assert again.identical(result)
    assert int(result["num_gradients"].squeeze()) >= 10 * 10 / 2  # some stop early
    assert float(result["perturbation_norm"].max()) <= 1.001 * STRENGTHS[norm]
    moved = attack(bnn, x, y, a)
    assert torch.equal(moved.correct, to_module(bnn, a)(x).argmax(1) == y)

    def on_a(delta: Tensor) -> float:
        return float((to_module(bnn, a)(x + delta).argmax(1) == y).float().mean())

    assert on_a(moved.perturbation) < on_a(FGM(**settings)(bnn, x, y, a).perturbation)


def test_a_library_that_goes_in_batches_keeps_each_image_its_noise(
    classifiers: dict[str, StochasticClassifier], digits: Dataset
) -> None:
    """ART's own batch size is 32; noise was drawn for 100 images."""
    from art.attacks.evasion import FastGradientMethod

    def in_batches(module: SampledModule, x: Tensor, y: Tensor, strength: float) -> Tensor:
        attack = FastGradientMethod(art_classifier(module, WIDE), norm=2, eps=strength)
        return torch.from_numpy(attack.generate(x.numpy(), y.numpy()))

    x, y = digits.test_images(IMAGES)
    attack = ExternalAttack(function=in_batches, strength=0.6)
    shared, noisy = classifiers["bnn"], classifiers["sin"]
    found = attack(shared, x, y, sets(shared, x)[0])
    assert found.num_gradients == 10
    a, _ = sets(noisy, x)
    with pytest.raises(ArgumentError, match="'noise' was drawn for 100 images, got a batch of 32"):
        in_batches(to_module(noisy, a), x, y, 0.6)

    def by_rows(module: SampledModule, x: Tensor, y: Tensor, strength: float) -> Tensor:
        parts = torch.arange(len(x)).split(32)
        return torch.cat(
            [in_batches(module.for_examples(rows), x[rows], y[rows], strength) for rows in parts]
        )

    whole = FGM(strength=0.6)(noisy, x, y, a)
    scaled = well_scaled(to_module(noisy, a), x, y)
    for function in (in_batches, by_rows):
        apart = ExternalAttack(function=function, strength=0.6)(noisy, x, y, a)
        torch.testing.assert_close(
            apart.perturbation[scaled], whole.perturbation[scaled], atol=1e-3, rtol=1e-2
        )


def torchattacks_square(module: torch.nn.Module, x: Tensor, y: Tensor, strength: float) -> Tensor:
    import torchattacks

    found: Tensor = torchattacks.Square(module, norm="L2", eps=strength, n_queries=30)(x, y)
    return found


def torchattacks_auto(module: torch.nn.Module, x: Tensor, y: Tensor, strength: float) -> Tensor:
    """The standard AutoAttack: APGD, its targeted form, FAB and Square, cut short."""
    import torchattacks

    attack = torchattacks.AutoAttack(module, norm="L2", eps=strength, seed=0)
    for part in attack._autoattack.attacks:
        part.steps, part.n_queries, part.n_target_classes = 3, 10, 2
    found: Tensor = attack(x, y)
    return found


def art_square(module: torch.nn.Module, x: Tensor, y: Tensor, strength: float) -> Tensor:
    from art.attacks.evasion import SquareAttack

    attack = SquareAttack(
        art_classifier(module, (0.0, 1.0)), eps=strength / 8, max_iter=10, verbose=False
    )
    return torch.from_numpy(attack.generate(x.numpy(), y.numpy()))


def art_hop_skip_jump(module: torch.nn.Module, x: Tensor, y: Tensor, strength: float) -> Tensor:
    """It asks for many points of one image at once, most of them far from it."""
    from art.attacks.evasion import HopSkipJump

    attack = HopSkipJump(
        art_classifier(module, (0.0, 1.0)), max_iter=1, max_eval=10, init_eval=5, verbose=False
    )
    delta = torch.from_numpy(attack.generate(x.numpy(), y.numpy())) - x
    return x + NORMS["l2"].project(delta, strength)


def foolbox_carlini_wagner(
    module: torch.nn.Module, x: Tensor, y: Tensor, strength: float
) -> Tensor:
    from foolbox.attacks.carlini_wagner import L2CarliniWagnerAttack
    from foolbox.models.pytorch import PyTorchModel

    model = PyTorchModel(module, bounds=(0, 1), device="cpu")
    attack = L2CarliniWagnerAttack(binary_search_steps=1, steps=5)
    found: Tensor = attack(model, x, y, epsilons=strength)[1]
    return found


REGROUPING: dict[str, Callable[..., Tensor]] = {
    "torchattacks-apgd": functools.partial(torchattacks_apgd, norm="l2"),
    "torchattacks-square": torchattacks_square,
    "torchattacks-auto": torchattacks_auto,
    "art-auto-pgd": functools.partial(art_auto_pgd, norm="l2"),
    "art-square": art_square,
    "art-hop-skip-jump": art_hop_skip_jump,
    "foolbox-carlini-wagner": foolbox_carlini_wagner,
}


# Those that ask about nothing beyond the strength; ART's AutoPGD, for one, tries an image of ones.
WITHIN = ("torchattacks-apgd", "torchattacks-square", "art-square")


@pytest.mark.slow
@pytest.mark.parametrize("strength", [0.3, 1.2])
@pytest.mark.parametrize("name", list(REGROUPING))
def test_attacks_that_regroup_images_use_the_noise_of_each(
    name: str,
    strength: float,
    digits: Dataset,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever a library asks for: each row is evaluated with the masks of the image it is of.

    The first dropout is on the pixels: a spy finds the image of every row from its masks.
    """
    torch.manual_seed(0)
    layers = torch.nn.Flatten(), torch.nn.Dropout(0.3), torch.nn.Linear(64, 10)
    noisy = MCDropout(torch.nn.Sequential(*layers), (1, 8, 8))
    x, y = digits.test_images(6)
    a, _ = disjoint_sample_sets(noisy, x, attack=3, inference=1, seed=0)
    (site,) = a.tensors
    owners, rows = a.tensors[site].flatten(2).transpose(0, 1).flatten(1), []
    replayed = predict

    def spied(classifier: Any, images: Tensor, samples: SampleSet) -> Any:
        masks = samples.tensors[site].flatten(2).transpose(0, 1).flatten(1)
        image = (masks.unsqueeze(1) == owners).all(-1).long()
        assert (image.sum(1) == 1).all()
        rows.append((images - x[image.argmax(1)]).flatten(1).norm(dim=1))
        return replayed(classifier, images, samples)

    monkeypatch.setattr(module_file, "predict_again", spied)
    attack = ExternalAttack(function=REGROUPING[name], strength=strength)
    found = attack(noisy, x, y, a)
    assert float(found.norm.max()) <= 1.001 * strength
    if name in WITHIN:  # then no row had the masks of another image
        assert float(torch.cat(rows).max()) <= 1.001 * strength + 1e-5
