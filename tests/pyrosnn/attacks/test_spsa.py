"""SPSA: its differences are central ones."""

import torch
from support.toy import QuadraticClassifier, sample_set

from pyrosnn.attacks import SPSA


def test_differences_are_central() -> None:
    """In one dimension a central difference of a quadratic loss has the gradient's sign exactly.

    A forward difference with so large a radius has the curvature's.
    """
    classifier = QuadraticClassifier(1, 2)
    weight = torch.randn(4, 2, 2).double()
    x, y = torch.randn(50, 1).double(), torch.randint(2, (50,))
    slope, bend = weight.mean(0)[0], classifier.curvature[:, 0, 0]
    slopes = slope + bend * x  # of both classes at every image
    rising = slopes.gather(1, (1 - y).unsqueeze(1)) - slopes.gather(1, y.unsqueeze(1))
    attack = SPSA(loss="margin", strength=0.7, directions=1, radius=10.0)
    result = attack(classifier, x, y, sample_set(weight))
    torch.testing.assert_close(result.perturbation, 0.7 * rising.sign())
    assert result.num_queries == 2 * 4
