"""Inference sets see a direction as an evaluation does, class for class."""

import torch

from pyrosnn.attacks import FGM
from pyrosnn.attacks.norms import unit
from pyrosnn.conditions import attack_geometry
from pyrosnn.data.dataset import Dataset
from pyrosnn.evaluation.inference_sets import inference_sets
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.sampling import disjoint_sample_sets, draw_sample_set


def test_their_cosines_are_those_of_the_geometry(
    bnn: StochasticClassifier, digits: Dataset
) -> None:
    """Right and wrong labels: distances of both signs, and classes that the attack avoids."""
    x, y = digits.test_images(40)
    y = torch.where(torch.arange(40) < 30, y, (y + 1) % 10)
    a, _ = disjoint_sample_sets(bnn, x, attack=2, inference=1, seed=0)
    i = draw_sample_set(bnn, x, 20, seed=0, stream="inference")
    sets = inference_sets(bnn, x, y, i, 10)
    attacks = [FGM()(bnn, x, y, a), FGM(loss="margin", norm="linf")(bnn, x, y, a[:1])]
    found = sets.cosines(torch.stack([unit(attack.perturbation) for attack in attacks]))
    assert found.shape == (2, 2, 40)
    for row, attack in zip(found, attacks, strict=True):
        for number, part in enumerate((i[:10], i[10:])):
            expected = attack_geometry(bnn, x, y, attack, part).cosine
            torch.testing.assert_close(row[number], expected, rtol=1e-4, atol=1e-5)
    assert sets.cosines(torch.zeros(1, *x.shape)).isnan().all()
