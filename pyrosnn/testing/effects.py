"""Guarantees about side effects: nothing global changes, and an evaluation runs."""

import numpy as np
import pyro
import torch
from torch import Tensor

from pyrosnn.attacks import FGM
from pyrosnn.errors import OverlapError
from pyrosnn.evaluation import evaluate
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.sampling import disjoint_sample_sets, draw_sample_set, replay_logits

NUM_SAMPLES = 3
STRENGTH = 0.5


def untouched(classifier: StochasticClassifier, x: Tensor) -> None:
    """Drawing and evaluating leave random states, Pyro's store and the classifier as they were."""
    parameters = {name: value.clone() for name, value in pyro.get_param_store().items()}
    states = torch.get_rng_state(), np.random.get_state()
    before = classifier.fingerprint()
    images = x.clone()
    samples = draw_sample_set(classifier, x, NUM_SAMPLES, seed=0, stream="contract")
    replay_logits(classifier, x, samples)
    assert torch.equal(torch.get_rng_state(), states[0]), "torch's random state was changed"
    assert repr(np.random.get_state()) == repr(states[1]), "numpy's random state was changed"
    assert classifier.fingerprint() == before, "the classifier's parameters or buffers changed"
    assert torch.equal(x, images), "the images were changed in place"
    store = pyro.get_param_store()
    assert set(store.keys()) == set(parameters), "Pyro's parameter store was changed"
    assert all(torch.equal(store[name], value) for name, value in parameters.items())


def evaluation(classifier: StochasticClassifier, x: Tensor) -> None:
    """An attack on A, evaluated on I, gives finite numbers; evaluation on A is refused."""
    y = torch.arange(len(x), device=x.device) % classifier.num_classes
    attack, inference = disjoint_sample_sets(
        classifier, x, attack=NUM_SAMPLES, inference=2 * NUM_SAMPLES, seed=0
    )
    fgm = FGM(norm="l2", strength=STRENGTH)
    result = evaluate(
        classifier, x, y, attack=fgm, attack_samples=attack, inference_samples=inference
    )
    assert result.sizes["example"] == len(x)
    moved = result["perturbation_norm"].where(~result["zero_gradient"], STRENGTH)
    assert bool(abs(moved - STRENGTH).max() < 1e-3), "perturbations are not of the strength"
    assert bool(np.isfinite(result["margin"]).all()), "some margins are not finite"
    try:
        evaluate(classifier, x, y, attack=fgm, attack_samples=attack, inference_samples=attack)
    except OverlapError:
        return
    raise AssertionError("A was taken as its own judge")
