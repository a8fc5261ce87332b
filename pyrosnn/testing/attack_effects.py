"""Guarantees about side effects of an attack: it sees only A, and changes nothing."""

from collections.abc import Iterator
from typing import Any
from unittest import mock

import numpy as np
import pyro
import torch
from torch import Tensor

from pyrosnn.attacks import Attack
from pyrosnn.errors import OverlapError
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.sampling import Origin, SampleSet, disjoint_sample_sets, draw_sample_set
from pyrosnn.testing.perturbations import NUM_SAMPLES, attack_set

# Streams that an attack may see beside A's: V, on which it chooses among its δs, and samples of
# another classifier that it transfers from.
BESIDE = ("selection", "transfer", "transfer-selection")


def unchanged(attack: Attack, classifier: StochasticClassifier, x: Tensor, y: Tensor) -> None:
    """Images, labels, samples, the classifier and all random states stay as they were."""
    samples = attack_set(classifier, x)
    values = {name: value.clone() for name, value in samples.tensors.items()}
    images, labels, before = x.clone(), y.clone(), classifier.fingerprint()
    store = dict(pyro.get_param_store().items())
    states = torch.get_rng_state(), repr(np.random.get_state())
    attack(classifier, x, y, samples)
    assert torch.equal(x, images), "the images were changed in place"
    assert torch.equal(y, labels), "the labels were changed in place"
    same = all(torch.equal(samples.tensors[name], value) for name, value in values.items())
    assert same, "the samples were changed in place"
    assert classifier.fingerprint() == before, "the classifier's parameters or buffers changed"
    assert torch.equal(torch.get_rng_state(), states[0]), "torch's random state was changed"
    assert repr(np.random.get_state()) == states[1], "numpy's random state was changed"
    assert dict(pyro.get_param_store().items()) == store, "Pyro's parameter store was changed"


def attack_set_alone(
    attack: Attack, classifier: StochasticClassifier, x: Tensor, y: Tensor
) -> None:
    """The attack sees A, what follows it up to the end of its origin, and V; I is refused."""
    seen: list[Origin] = []
    chunks = SampleSet.chunks

    def spied(self: SampleSet, *arguments: Any, **named: Any) -> Iterator[SampleSet]:
        seen.append(self.origin)
        return chunks(self, *arguments, **named)

    alone = attack_set(classifier, x)
    with mock.patch.object(SampleSet, "chunks", spied):
        result = attack(classifier, x, y, alone)
    allowed = result.origin
    assert allowed.start == alone.origin.start, f"the origin {allowed} does not begin with A"
    for origin in seen:
        if origin.stream not in BESIDE:
            inside = len(allowed.shared(origin)) == origin.stop - origin.start
            assert inside, f"the attack saw {origin}, and its result says {allowed}"
    sizes = {"attack": NUM_SAMPLES, "inference": NUM_SAMPLES}
    A, other = disjoint_sample_sets(classifier, x, **sizes, seed=0)
    beside = attack(classifier, x, y, A)
    assert torch.equal(beside.perturbation, result.perturbation), "δ depends on I"
    for judges in (other, draw_sample_set(classifier, x, 1, seed=1, stream="inference")):
        try:
            attack(classifier, x, y, judges)
        except OverlapError:
            continue
        raise AssertionError("an inference set was taken as A")
