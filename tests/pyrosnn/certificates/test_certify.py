"""Certificates of classifiers with known answers: oracles, coverage, and planted slips."""

import numpy as np
import pyro
import pytest
import torch
from pyro.distributions import Normal
from scipy.stats import beta, binom, norm
from torch import Tensor

from pyrosnn.attacks import PGD
from pyrosnn.certificates import CERTIFICATES, certify, draws, find_certificate, margin
from pyrosnn.certificates.certify import certify as certify_images
from pyrosnn.certificates.tally import Tally
from pyrosnn.errors import ArgumentError, NotSmoothedError, UnknownNameError
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.models.smoothed import Smoothed
from pyrosnn.sampling import SampleSet, draw_sample_set
from pyrosnn.shapes import Images, Labels, Sites
from pyrosnn.statistics import dkw, empirical_bernstein
from pyrosnn.testing.toy_models import RandomBiasProbit

REPLICAS, ALPHA = 2000, 0.05
ALLOWED = int(binom.ppf(1 - 1e-5, REPLICAS, ALPHA))
SCALE = 0.5


class Threshold(StochasticClassifier):
    """Class 1 where x + τ ξ > 0, with ξ of each image: a hard decision with a random bias."""

    per_example = True

    def __init__(self, spread: float):
        super().__init__((1,), 2)
        self.spread = spread

    def sample_sites(self, x: Tensor, images: pyro.plate) -> Sites:
        with images:
            return {"bias": pyro.sample("bias", Normal(x.new_zeros(()), 1.0))}

    def logits(self, x: Tensor, sites: Sites) -> Tensor:
        sign = torch.sign(x[..., 0] + self.spread * sites["bias"])
        return torch.stack([-9 * sign, 9 * sign], dim=-1)


def smoothed(spread: float = 0.0, num_noise: int = 1) -> Smoothed:
    return Smoothed(Threshold(spread), variance=SCALE**2, num_noise=num_noise)


def true_radius(distance: float, spread: float) -> float:
    """σ Φ⁻¹(p) of the votes, which for a bias that is not random is the distance itself."""
    return SCALE * distance / float(np.hypot(SCALE, spread))


def too_large(distance: float, spread: float = 0.0, num_noise: int = 1, number: int = 100) -> int:
    """Return how many of 2,000 images at a distance get a radius above the truth."""
    x = torch.full((REPLICAS, 1), distance)
    values = certify_images(
        smoothed(spread, num_noise),
        x,
        torch.ones(REPLICAS, dtype=torch.int64),
        certificates=["votes"],
        num_samples=number,
        selection_samples=number,
        alpha=ALPHA,
    )
    return int((values["certified_radius"] > true_radius(distance, spread) + 1e-6).sum())


@pytest.fixture
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Allow fewer draws than replicas: own draws play no role here."""
    monkeypatch.setattr(certify, "require", lambda condition, message: None)


@pytest.mark.statistical
@pytest.mark.usefixtures("few_draws")
@pytest.mark.parametrize(("distance", "spread"), [(0.4, 0.0), (0.4, 1.0), (0.0, 0.0)])
def test_radii_are_too_large_for_a_share_alpha_at_most(distance: float, spread: float) -> None:
    failures = too_large(distance, spread, num_noise=5)
    assert failures <= ALLOWED
    assert failures > ALPHA * REPLICAS / 4  # it is no bound of another level


@pytest.mark.statistical
@pytest.mark.usefixtures("few_draws")
def test_a_class_that_its_own_draws_chose_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the boundary both classes are chosen, and each is certified too often."""
    monkeypatch.setattr(certify, "SELECTION", draws.CERTIFICATION)
    assert too_large(0.0) > ALLOWED


@pytest.mark.statistical
@pytest.mark.usefixtures("few_draws")
def test_a_wrong_unit_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A standard deviation in place of a variance."""
    monkeypatch.setattr(certify, "input_variance", lambda classifier: SCALE)
    assert too_large(0.4) > ALLOWED


@pytest.mark.statistical
@pytest.mark.usefixtures("few_draws")
def test_noises_that_share_a_bias_are_no_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five noises for each bias, counted as five draws."""

    def counted_apart(classifier: Smoothed, x: Images, chosen: Labels, samples: SampleSet) -> Tally:
        tally = Tally(chosen, 2, classifier.output)
        sites = samples.tensors
        for noise in sites["smoothing_noise"].unbind(2):
            bias = {"bias": sites["bias"]}
            tally.add(classifier.base.logits(x + noise, bias))
        return tally

    monkeypatch.setattr(certify, "joint_draws", lambda classifier: classifier)
    monkeypatch.setattr(certify, "tally_of", counted_apart)
    assert too_large(0.4, spread=1.0, num_noise=5) > ALLOWED


def tally_of_scores(scores: np.ndarray, chosen: list[int]) -> Tally:
    """Return a tally of given probabilities, shape (draw, example, class)."""
    tally = Tally(torch.tensor(chosen), scores.shape[-1], "probs")
    for part in torch.from_numpy(scores).log().split(7):
        tally.add(part)
    return tally


def random_scores(number: int, sharpness: float = 6.0) -> np.ndarray:
    weights = np.array([[sharpness, 1, 1, 0.5], [3, 2, 1, 1], [1, 1, 1, 1]])
    rng = np.random.default_rng(0)
    return np.stack([rng.dirichlet(w, number) for w in weights], axis=1)


def test_a_tally_is_what_all_draws_at_once_would_be() -> None:
    scores = random_scores(50)
    tally = tally_of_scores(scores, [0, 0, 2])
    assert tally.number == 50
    votes = np.stack([(scores.argmax(-1) == c).sum(0) for c in range(4)], axis=-1)
    assert tally.votes.tolist() == votes.tolist()
    assert tally.own_class.tolist() == [int(scores[i, i].argmax()) for i in range(3)]
    margins = scores[:, range(3), [0, 0, 2]][..., None] - scores
    np.testing.assert_allclose(tally.margin_means, margins.mean(0), atol=1e-12)
    np.testing.assert_allclose(tally.margin_variances, margins.var(0, ddof=1), atol=1e-12)
    bins = tally.scores_from.shape[-1]
    for i in (1, bins // 3, bins):
        t = i / bins
        assert tally.scores_from[..., i - 1].tolist() == (scores >= t).sum(0).tolist()
        # rounded down, so that bounds are
        below = (1 - scores > t).sum(0)
        assert (tally.scores_below[..., i - 1] <= below).all()
        assert (tally.scores_below[..., i - 1] >= (1 - scores > t + 2 / bins).sum(0)).all()
        others = np.arange(4) != np.array([[0], [0], [2]])
        found, expected = tally.margins_from[..., i - 1], ((1 + margins) / 2 >= t).sum(0)
        assert found[others].tolist() == expected[others].tolist()


def test_alpha_is_split_over_the_classes_that_are_compared() -> None:
    scores = random_scores(400)
    tally = tally_of_scores(scores, [0, 0, 2])
    margins = (scores[:, range(3), [0, 0, 2]][..., None] - scores)[:, 0, 1:]
    half = empirical_bernstein(margins.var(0, ddof=1), 400, 0.03 / 3, width=2.0)
    expected = norm.ppf((1 + (margins.mean(0) - half).min()) / 2)
    assert float(find_certificate("margin-mean")(tally, 0.03)[0]) == pytest.approx(expected)
    bounds = margin.MarginBounds(tally, 0.03).at(0.0)[0, 1:]
    lower = margins.mean(0) - 2 * dkw(400, 0.03 / 3)
    assert (bounds <= margins.mean(0)).all()
    assert (bounds >= lower - 4 / 500).all()
    assert (bounds <= lower + 0.03).all()  # what lies below the smallest share is cut off


def test_alpha_is_split_over_all_classes_that_are_bounded() -> None:
    number, alpha = 400, 0.04
    scores = random_scores(number, sharpness=12.0)
    tally = tally_of_scores(scores, [0, 0, 2])
    counts = np.bincount(scores[:, 0].argmax(-1), minlength=4)
    low = beta.ppf(alpha / 4, counts[0], number - counts[0] + 1)
    high = beta.ppf(1 - alpha / 4, counts[1:] + 1, number - counts[1:])
    expected = (norm.ppf(low) - norm.ppf(np.minimum(high, 1 - low).max())) / 2
    assert float(find_certificate("votes-two-sided")(tally, alpha)[0]) == pytest.approx(expected)

    def shifted_mean(values: np.ndarray, t: float) -> float:
        """The bound of a mean from all its values as thresholds."""
        shares = np.arange(number, 0, -1) / number - dkw(number, alpha / 4)
        steps = np.diff(np.sort(values), prepend=0.0)
        return float((steps * norm.cdf(norm.ppf(np.maximum(shares, 0)) - t)).sum())

    radius = float(find_certificate("mean-two-sided")(tally, alpha)[0])
    upper = [1 - shifted_mean(1 - scores[:, 0, c], radius) for c in (1, 2, 3)]
    assert shifted_mean(scores[:, 0, 0], radius) == pytest.approx(max(upper), abs=6 / 500)


def test_the_order_of_certificates() -> None:
    """With bounds from equally many draws: two-sided ones and whole distributions reach further."""
    for number in (400, 4000):
        tally = tally_of_scores(random_scores(number, sharpness=12.0), [0, 0, 2])
        radii = {name: find_certificate(name)(tally, 0.01) for name in CERTIFICATES}
        assert radii["margin"][0] > radii["margin-mean"][0]
        assert radii["margin"][0] > radii["mean"][0]
        assert radii["votes"][0] > radii["mean"][0] > 0
        assert np.isnan([of_kind[2] for of_kind in radii.values()]).all()  # a draw among equals
    more = tally_of_scores(np.tile(random_scores(400, 12.0), (4, 1, 1)), [0, 0, 2])
    fewer = tally_of_scores(random_scores(400, 12.0), [0, 0, 2])
    for name in CERTIFICATES:
        assert find_certificate(name)(more, 0.01)[0] > find_certificate(name)(fewer, 0.01)[0]


def test_certificates_of_a_probit_are_near_their_limits() -> None:
    """Joint draws certify σ m / √(σ² + τ²), by votes and by the distribution of scores."""
    base = RandomBiasProbit(torch.tensor([1.0, 0.0]), 0.0, spread=0.7)
    classifier = Smoothed(base, variance=SCALE**2, num_noise=3)
    distances = np.array([0.4, 0.8, 0.0])
    x = torch.tensor(np.stack([distances, np.zeros(3)], 1), dtype=torch.float32)
    y = torch.tensor([1, 1, 0])
    lengths = [0.0, 0.1]
    values = certify_images(
        classifier, x, y, num_samples=640, alpha=0.05, distances=lengths, memory_budget=2**22
    )
    limit = SCALE * distances / np.hypot(SCALE, 0.7)
    radii = values["certified_radius"]
    for name in ("votes", "mean", "margin"):
        found = radii.sel(certificate=name).values
        assert (found[:2] < limit[:2]).all()
        assert (found[:2] > 0.5 * limit[:2]).all()
        assert np.isnan(found[2])  # on the boundary
    assert bool((radii.sel(certificate="margin-mean") < radii.sel(certificate="margin"))[:2].all())
    assert (values["vote_bound"].values[:2] < norm.cdf(limit[:2] / SCALE)).all()
    finite = values["inference_bound"]
    assert bool((finite.sel(distance=0.1) <= finite.sel(distance=0.0)).all())
    assert float(finite[1, 0]) > 0.9
    assert float(values["noise_scale"]) == SCALE
    # within the radius no δ changes the expectation, which is known
    attack = PGD(strength=1.0, steps=3, relative_step=0.5)
    samples = draw_sample_set(classifier, x, 20, seed=0, stream="attack")
    unit = attack(classifier, x, y, samples).perturbation
    for name in ("mean", "margin", "margin-mean"):
        lengths_of = radii.sel(certificate=name).values[:2, None]
        moved = x[:2] + unit[:2] * torch.from_numpy(lengths_of)
        assert (moved[:, 0] > 0).all()  # E f_1 = Φ(x / √(1 + σ² + τ²)) > 1/2
    again = certify_images(
        Smoothed(base, variance=SCALE**2), x, y, num_samples=640, alpha=0.05, distances=lengths
    )
    assert again.identical(values)  # other chunks, and ten noises: the same draws


def test_draws_have_streams_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def drawn(*args: object, **options: object) -> SampleSet:
        samples = draw_sample_set(*args, **options)  # type: ignore[arg-type]
        seen.append(samples.origin)
        return samples

    monkeypatch.setattr(certify, "draw_sample_set", drawn)
    x = torch.ones(2, 1)
    y = torch.ones(2, dtype=torch.int64)
    certify_images(smoothed(1.0), x, y, num_samples=20, selection_samples=20, block=3)
    first, second = seen
    assert (first.stream, second.stream) == (draws.SELECTION, draws.CERTIFICATION)
    assert {first.block, second.block} == {3}
    assert not {first.stream, second.stream} & {"attack", "inference", "selection", "training"}
    assert not first.shared(second)


def test_what_cannot_be_certified_is_refused(bnn: StochasticClassifier) -> None:
    x, y = torch.ones(2, 1), torch.ones(2, dtype=torch.int64)
    with pytest.raises(NotSmoothedError, match="not averaged over Gaussian noise on the image"):
        certify_images(bnn, torch.zeros(2, 1, 8, 8), y)
    unbounded = Threshold(1.0)
    unbounded.output = "logits"
    logits = Smoothed(unbounded, variance=0.1)
    with pytest.raises(NotSmoothedError, match=r"'mean' needs scores in \[0, 1\].*certify votes"):
        certify_images(logits, x, y, certificates=["mean"])
    values = certify_images(logits, x, y, num_samples=10, distances=[0.1])
    assert values["certificate"].values.tolist() == ["votes", "votes-two-sided"]
    assert "inference_bound" not in values
    with pytest.raises(UnknownNameError, match="unknown certificate 'vote'; did you mean 'votes'"):
        certify_images(smoothed(), x, y, certificates=["vote"])
    with pytest.raises(ArgumentError, match=r"num_samples must be >= 2, one for each image, got 1"):
        certify_images(smoothed(), x, y, num_samples=1)
    with pytest.raises(ArgumentError, match=r"alpha must be > 0 and <= 0\.5, got 0\.0"):
        certify_images(smoothed(), x, y, alpha=0.0)
