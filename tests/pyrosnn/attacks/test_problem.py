"""What an attack asks of its problem: the order of projection and clipping, and its own seeds."""

from itertools import product

import torch
from support.toy import LinearClassifier

from pyrosnn.attacks.maximised import AttackLoss
from pyrosnn.attacks.norms import NORMS
from pyrosnn.attacks.problem import Problem
from pyrosnn.attacks.supply import Supply
from pyrosnn.sampling import draw_sample_set


def problem_at(x: torch.Tensor, clip: tuple[float, float]) -> Problem:
    classifier = LinearClassifier(x.shape[1], 2)
    return Problem(
        classifier=classifier,
        x=x,
        labels=torch.zeros(len(x), dtype=torch.long),
        samples=draw_sample_set(classifier, x, 1, seed=0, stream="attack"),
        maximised=AttackLoss(loss="margin", gradient="mean_prediction"),
        norm=NORMS["l2"],
        clip=clip,
    )


def test_a_perturbation_is_projected_first_and_clipped_then() -> None:
    """Clipped first, (2, 1) would become (0.5, 0.5), which is short enough to stay."""
    x = torch.full((2, 2), 0.5, dtype=torch.float64)
    delta = torch.tensor([[2.0, 1.0], [0.1, -0.2]], dtype=torch.float64)
    expected = torch.tensor([[0.5, 1 / 5**0.5], [0.1, -0.2]], dtype=torch.float64)
    problem = problem_at(x, clip=(0.0, 1.0))
    torch.testing.assert_close(problem.project(delta, 1.0), expected)
    rows = torch.tensor([1, 0])
    torch.testing.assert_close(problem.project(delta.flip(0), 1.0, rows), expected.flip(0))


def test_every_repeat_and_block_has_seeds_of_its_own() -> None:
    """Repeat 1 of block 0 is not repeat 0 of block 1; nor is a counter one of the two."""
    classifier, x = LinearClassifier(3, 2), torch.zeros(1, 3, dtype=torch.float64)
    states = set()
    for repeat, block in product(range(3), range(3)):
        a = draw_sample_set(classifier, x, 1, seed=0, stream="attack", repeat=repeat, block=block)
        supply = Supply(classifier, x, a, 1)
        for index in range(3):
            states.add(tuple(supply.seed("restart", index).generate_state(4)))
    assert len(states) == 27
