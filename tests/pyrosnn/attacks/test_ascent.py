"""When APGD halves a step size, and where it continues: written out for chosen losses."""

import torch
from torch import Tensor

from pyrosnn.attacks.ascent import Ascent, checkpoints


def climb(losses: Tensor, steps: int) -> tuple[Ascent, Tensor]:
    """Give an ascent losses of shape (step + 1, image); the points are numbered.

    Returns:
        The ascent, and the step sizes after each step, shape (step, image).
    """
    points = torch.arange(len(losses)).reshape(-1, 1, 1).expand(-1, losses.shape[1], 1).double()
    ascent = Ascent(points[0], losses[0], step=2.0, steps=steps)
    sizes = []
    for point, loss in zip(points[1:], losses[1:], strict=True):
        ascent.add(point, loss)
        sizes.append(ascent.step)
    return ascent, torch.stack(sizes)


def test_checkpoints_are_those_of_the_paper() -> None:
    """p_1 = 0.22, and p_(j+1) = p_j + max(p_j - p_(j-1) - 0.03, 0.06): 0.22, 0.41, 0.57, …"""
    assert list(checkpoints(100)) == [22, 41, 57, 70, 80, 87, 93, 99]
    assert checkpoints(20) == {4: 4, 7: 3, 9: 2, **{end: 1 for end in range(10, 21)}}
    assert list(checkpoints(1)) == [1]


def test_each_image_has_a_rule_and_a_size_of_its_own() -> None:
    """20 steps: checkpoints after 4 and 7. Three images: rises, swings, rises no more after 4."""
    losses = torch.tensor(
        [
            [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0],
            [0.0, 1.0, 2.0, 3.0, 2.5, 4.0, 5.0, 6.0],  # 3 of 4 are not more than 0.75
            [0.0, 1.0, 2.0, 3.0, 9.0, 6.0, 7.0, 8.0],  # 3 of 3, but none above 9
        ]
    ).T.double()
    ascent, sizes = climb(losses, steps=20)
    assert sizes[:, 0].tolist() == [2.0] * 7
    assert sizes[:, 1].tolist() == [2.0] * 3 + [1.0] * 4
    assert sizes[:, 2].tolist() == [2.0] * 6 + [1.0]
    assert ascent.best.flatten().tolist() == [7.0, 7.0, 4.0]
    assert ascent.highest.tolist() == [7.0, 6.0, 9.0]


def test_a_halved_image_returns_to_its_best_point() -> None:
    ascent = Ascent(torch.zeros(2, 1), torch.zeros(2).double(), step=2.0, steps=9)  # window 1
    up, down = torch.tensor([1.0, 1.0]).double(), torch.tensor([2.0, 0.5]).double()
    first = ascent.add(torch.full((2, 1), 5.0), up)
    second = ascent.add(torch.full((2, 1), 6.0), down)
    assert first.flatten().tolist() == [5.0, 5.0]
    assert second.flatten().tolist() == [6.0, 5.0]
    assert ascent.step.tolist() == [2.0, 1.0]


def test_a_constant_loss_halves_at_every_checkpoint() -> None:
    _, sizes = climb(torch.zeros(101, 1).double(), steps=100)
    assert float(sizes[-1]) == 2.0 / 2 ** len(checkpoints(100))


def test_the_size_is_not_halved_twice_for_one_rest() -> None:
    """Enough ascents after a halving, below the best: halved once more only a window later."""
    falls = [5.0, 1.0, 2.0, 1.0, 2.0]  # 2 ascents of 4: halved
    rises = [2.1, 2.2, 2.3]  # 3 of 3, and none above 5: not again at once
    again = [2.4, 2.5]  # 2 of 2, but still none above 5
    _, sizes = climb(torch.tensor([falls + rises + again]).T.double(), steps=20)
    assert sizes.flatten().tolist() == [2.0] * 3 + [1.0] * 5 + [0.5]
