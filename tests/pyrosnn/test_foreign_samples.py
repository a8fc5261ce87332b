"""Every public function that takes a sample set refuses those of another classifier in words."""

from collections.abc import Callable
from typing import Any

import pytest

from pyrosnn.attacks import DDN, FGM, PGD, loss_gradient, to_module
from pyrosnn.conditions import attack_geometry
from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError
from pyrosnn.evaluation import evaluate, minimal_norms
from pyrosnn.evaluation.inference_sets import inference_sets
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.sampling import (
    disjoint_sample_sets,
    predict,
    replay_logits,
    successive_sample_sets,
)
from pyrosnn.verification import verify

ATTACK = FGM(strength=0.1)
# With A and I of the classifier, and with those of another one.
USES: dict[str, Callable[..., Any]] = {
    "predict": lambda c, x, y, a, i: predict(c, x, i),
    "replay_logits": lambda c, x, y, a, i: replay_logits(c, x, i),
    "attack": lambda c, x, y, a, i: ATTACK(c, x, y, a),
    "selection": lambda c, x, y, a, i: PGD(strength=0.1)(
        c, x, y, disjoint_sample_sets(c, x, attack=2, inference=1, seed=9)[0], selection=a
    ),
    "loss_gradient": lambda c, x, y, a, i: loss_gradient(
        c, x, y, a, loss="cross-entropy", gradient="mean_prediction"
    ),
    "to_module": lambda c, x, y, a, i: to_module(c, a),
    "evaluate, A": lambda c, x, y, a, i: evaluate(
        c, x, y, attack=ATTACK, attack_samples=a, inference_samples=_own(c, x)
    ),
    "evaluate, I": lambda c, x, y, a, i: evaluate(
        c, x, y, attack=ATTACK, attack_samples=_own(c, x, 0), inference_samples=i
    ),
    "minimal_norms": lambda c, x, y, a, i: minimal_norms(
        c, x, y, attack=DDN(steps=2), attack_samples=_own(c, x, 0), inference_samples=i
    ),
    "geometry": lambda c, x, y, a, i: attack_geometry(c, x, y, ATTACK(c, x, y, _own(c, x, 0)), i),
    "verify": lambda c, x, y, a, i: verify(c, x, y, samples=i, strengths=[0.01]),
    "inference_sets": lambda c, x, y, a, i: inference_sets(c, x, y, i, 1),
    "successive_sample_sets": lambda c, x, y, a, i: next(successive_sample_sets(c, x, a)),
}


def _own(classifier: StochasticClassifier, x: Any, which: int = 1) -> Any:
    return disjoint_sample_sets(classifier, x, attack=2, inference=2, seed=7)[which]


@pytest.mark.parametrize("use", USES)
def test_samples_of_another_classifier_are_refused(
    use: str, classifiers: dict[str, StochasticClassifier], digits: Dataset
) -> None:
    bnn, sin = classifiers["bnn"], classifiers["sin"]
    x, y = digits.test_images(3)
    own, foreign = (
        disjoint_sample_sets(one, x, attack=2, inference=2, seed=0) for one in (bnn, sin)
    )
    USES[use](bnn, x, y, *own)
    with pytest.raises(ArgumentError, match="were drawn from another classifier") as refused:
        USES[use](bnn, x, y, *foreign)
    assert len(str(refused.value).splitlines()) == 1
