"""The norms: the ball of ℓ1, bounds of each image, dual norms, and pixels at a clipping bound."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize
from support.toy import LinearClassifier, sample_set
from torch import Tensor

from pyrosnn.attacks import FGM, NORMS, PGD, SPSA, GradientAttack
from pyrosnn.attacks.norms import Norm
from pyrosnn.data.dataset import Dataset
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.sampling import disjoint_sample_sets, draw_sample_set

every_norm = pytest.mark.parametrize("norm", list(NORMS.values()), ids=list(NORMS))
numbers = st.lists(st.floats(-1e3, 1e3, width=32), min_size=6, max_size=6)


def test_the_projection_onto_the_ball_of_l1_is_the_nearest_point() -> None:
    """Against a general solver: δ = p - q with p, q >= 0 of sum 1.5."""
    v = 2 * torch.randn(4, 5, dtype=torch.float64)
    ours = NORMS["l1"].project(v, 1.5)
    for image, projected in zip(v, ours, strict=True):
        target = image.numpy()
        found = minimize(
            lambda pq, target=target: ((pq[:5] - pq[5:] - target) ** 2).sum(),
            x0=[0.1] * 10,
            bounds=[(0, None)] * 10,
            constraints={"type": "ineq", "fun": lambda pq: 1.5 - pq.sum()},
            options={"ftol": 1e-14, "maxiter": 500},
        ).x
        nearest = torch.from_numpy(found[:5] - found[5:])
        torch.testing.assert_close(projected, nearest, atol=1e-5, rtol=0)


@given(values=numbers, bound=st.floats(0.0, 1e4), other=st.floats(0.0, 10.0))
def test_bounds_of_each_image_are_those_of_the_images_alone(
    values: list[float], bound: float, other: float
) -> None:
    v = torch.tensor(values, dtype=torch.float64).reshape(2, 3)
    bounds = torch.tensor([bound, other], dtype=torch.float64)
    for norm in NORMS.values():
        alone = torch.cat([norm.project(v[:1], bound), norm.project(v[1:], other)])
        assert torch.equal(norm.project(v, bounds), alone)
        assert torch.equal(norm.project(v, torch.full((2,), torch.inf).double()), v)


@given(values=numbers, seed=st.integers(0, 2**16))
def test_the_dual_norm_is_the_slope_of_the_steepest_direction(
    values: list[float], seed: int
) -> None:
    """No step of norm 1 rises faster, and the steepest direction rises as fast."""
    gradient = torch.tensor(values, dtype=torch.float64).reshape(2, 3)
    step = torch.randn(2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    for norm in NORMS.values():
        dual, unit = norm.dual(gradient), step / norm.measure(step).unsqueeze(1)
        torch.testing.assert_close((norm.steepest(gradient) * gradient).sum(1), dual)
        assert ((unit * gradient).sum(1) <= dual * (1 + 1e-12)).all()


@every_norm
def test_one_image_of_zeros_stays(norm: Norm) -> None:
    zeros = torch.zeros(2, 3)
    assert torch.equal(norm.steepest(zeros), zeros)
    assert torch.equal(norm.project(zeros, 0.0), zeros)


def test_a_random_start_has_no_preferred_pixel_or_sign() -> None:
    """Uniform in the ball of ℓ1: of d = 4 entries each is 1 / 5 of the radius on average."""
    drawn = NORMS["l1"].draw(torch.zeros(20_000, 4, dtype=torch.float64), 2.0)
    # |δ_i| / 2 is Beta(1, 4): mean 0.2, standard deviation 0.163, standard error 0.0012
    assert float((drawn.abs().mean(0) / 2 - 0.2).abs().max()) < 5 * 0.0012
    assert float(((drawn > 0).double().mean(0) - 0.5).abs().max()) < 5 * 0.0036


class TestAtABound:
    """The steepest pixel stands at the upper bound: the next one is moved instead."""

    weight = torch.zeros(2, 4, 2, dtype=torch.float64)
    x = torch.tensor([[1.0, 0.25, 0.5]], dtype=torch.float64)
    y = torch.zeros(1, dtype=torch.long)

    @pytest.fixture(autouse=True)
    def slopes(self) -> None:
        self.weight[:, :3, 1] = torch.tensor([3.0, 2.0, 1.0])

    @pytest.mark.parametrize(
        ("attack", "expected"),
        [
            (FGM(norm="l1", strength=0.5), [0.0, 0.5, 0.0]),
            (SPSA(norm="l1", strength=0.5, directions=64), [0.0, 0.5, 0.0]),
            # the second pixel is full after 0.75, and the third takes the rest
            (
                PGD(norm="l1", strength=1.0, steps=40, relative_step=0.05, fixed_samples=True),
                [0.0, 0.75, 0.25],
            ),
        ],
    )
    def test_another_pixel_is_moved(self, attack: GradientAttack, expected: list[float]) -> None:
        bounded = replace(attack, clip=(0.0, 1.0), loss="margin")
        result = bounded(LinearClassifier(3, 2), self.x, self.y, sample_set(self.weight))
        torch.testing.assert_close(
            result.perturbation, torch.tensor([expected], dtype=torch.float64), atol=1e-5, rtol=0
        )

    def test_without_bounds_the_steepest_is(self) -> None:
        attack = FGM(norm="l1", strength=0.5, loss="margin")
        result = attack(LinearClassifier(3, 2), self.x, self.y, sample_set(self.weight))
        assert result.perturbation.tolist() == [[0.5, 0.0, 0.0]]


def test_in_l2_a_pixel_at_a_bound_is_a_part_of_the_direction(
    bnn: StochasticClassifier, digits: Dataset
) -> None:
    """As ever: only a direction of one pixel needs another one."""
    x, y = digits.test_images(5)
    a, _ = disjoint_sample_sets(bnn, x, attack=3, inference=1, seed=0)
    free = FGM(strength=0.5)(bnn, x, y, a).perturbation
    clipped = FGM(strength=0.5, clip=(0.0, 1.0))(bnn, x, y, a).perturbation
    assert torch.equal(clipped, torch.where((x + free).clamp(0, 1) == x + free, free, clipped))
    moved: Tensor = (x + free).clamp(0, 1) - x
    torch.testing.assert_close(clipped, moved)


def test_pgd_in_l1_attacks_harder_than_one_pixel(
    bnn: StochasticClassifier, digits: Dataset
) -> None:
    x, y = digits.test_images(40)
    a = draw_sample_set(bnn, x, 5, seed=0, stream="attack")
    clip = digits.bounds
    pgd = PGD(norm="l1", strength=2.0, steps=20, relative_step=0.1, clip=clip)(bnn, x, y, a)
    fgm = FGM(norm="l1", strength=2.0, clip=clip)(bnn, x, y, a)
    assert float(fgm.norm.max()) <= 1  # a pixel's range
    assert float(pgd.norm.median()) > 1.5
    assert ((pgd.perturbation != 0).flatten(1).sum(1) > 1).all()
