"""Sanity checks: every planted fault is caught by its own check, healthy evaluations by none."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyro
import pytest
import torch
import xarray as xr
from support.toy import LinearClassifier, LinearProbabilities
from torch import Tensor

import pyrosnn
from pyrosnn.attacks import (
    FGM,
    PGD,
    SPSA,
    Attack,
    ExternalAttack,
    Gradient,
    Problem,
    SampledModule,
    loss_gradient,
)
from pyrosnn.attacks.norms import unit
from pyrosnn.checks import (
    CHECKS,
    MODEL_CHECKS,
    RESULT_CHECKS,
    STATUSES,
    Finding,
    verdict_on,
)
from pyrosnn.checks.attack_samples import attack_samples
from pyrosnn.checks.compared import compare
from pyrosnn.checks.differences import FAILURE_RATE, is_large, significantly_positive
from pyrosnn.checks.on_model import check_model
from pyrosnn.checks.on_result import check_result
from pyrosnn.checks.reach_bound import bound, mean_cosines
from pyrosnn.checks.trial import Trial
from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError, resolve
from pyrosnn.evaluation import attack_spec, evaluate
from pyrosnn.models import MODELS
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.models.composed import Composed
from pyrosnn.results import (
    GROUP,
    combine_repeats,
    compact_result,
    make_result,
    open_results,
    read_spec,
)
from pyrosnn.sampling import disjoint_sample_sets
from pyrosnn.seeding import forked_rng, seed_sequence
from pyrosnn.shapes import Sites
from pyrosnn.summaries import reachable_share
from pyrosnn_studies.floored import FlooredFGM

ROOT = Path(__file__).parents[3]
FILES = sorted((ROOT / "docs").glob("*/*.nc"))
DEFENCES = [path for path in FILES if path.parent.name == "defences"]
FILES = [path for path in FILES if path not in DEFENCES]


def find(name: str, trial: Trial) -> Finding:
    """Run one check; those of a result on the trial's own evaluation."""
    subject = trial.result if name in RESULT_CHECKS else trial
    finding: Finding = resolve(CHECKS, name, "check")(subject)
    assert finding.name == name
    return finding


def trial_of(
    classifier: StochasticClassifier, digits: Dataset, attack: Attack, images: int = 50
) -> Trial:
    x, y = digits.test_images(images)
    return Trial(
        classifier=classifier,
        x=x,
        y=y,
        attack=attack,
        attack_samples=10,
        inference_samples=30,
        seed=0,
    )


def toy_trial(classifier: LinearClassifier, attack: Attack | None = None) -> Trial:
    x = torch.randn(20, *classifier.image_shape, dtype=torch.float64)
    y = torch.randint(classifier.num_classes, (20,))
    return Trial(
        classifier=classifier,
        x=x,
        y=y,
        attack=attack or FGM(strength=0.5),
        attack_samples=10,
        inference_samples=20,
        seed=0,
    )


# --- no false alarms ---------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("model", list(MODELS))
def test_healthy_models_pass_every_check(
    model: str, classifiers: dict[str, StochasticClassifier], digits: Dataset
) -> None:
    quick = MODELS[model].network == "dense" and model != "bart-lite"  # others take longer
    images, size = (30, 5) if quick else (18, 2)
    x, y = digits.test_images(images)
    attack = FGM(strength=0.6, loss="margin" if model == "sin" else "cross-entropy")
    found = check_model(
        classifiers[model], x, y, attack=attack, attack_samples=size, inference_samples=20
    )
    assert [f.name for f in found] == [*RESULT_CHECKS, *MODEL_CHECKS]
    # these samples and images are too few, and one step too: the checks say so
    may_warn = {"attack-samples", "attack-strength", "equal-budget", "few-images", "more-steps"}
    judged = [f for f in found if (model, f.name) != ("hmc", "own-samples")]  # of 20 draws in all
    assert {f.status for f in judged if f.name not in may_warn} == {"pass"}
    assert {f.status for f in judged if f.name in may_warn} <= {"pass", "warn"}


@pytest.mark.slow
def test_pgd_is_healthy_too(bnn: StochasticClassifier, digits: Dataset) -> None:
    attack = PGD(strength=0.6, steps=5, relative_step=0.4)
    trial = trial_of(bnn, digits, attack, images=20)
    for name in ("perturbation-norm", "random-attack", "own-cosine", "more-steps"):
        assert find(name, trial).status == "pass", name


@pytest.mark.slow
def test_an_attack_without_gradients_is_healthy_too(
    bnn: StochasticClassifier, digits: Dataset
) -> None:
    trial = trial_of(bnn, digits, SPSA(strength=0.6, directions=32), images=20)
    for name in ("perturbation-norm", "random-attack", "gradient-definitions"):
        assert find(name, trial).status == "pass", name
    assert find("own-cosine", trial).status == "skipped"


# What else warns in the committed files than their one step, and the documentation says why.
WARNINGS = {
    "conditions-bnn": {"attack-samples"},
    "conditions-im": {"attack-samples"},
    "conditions-clip-bnn": {"attack-samples", "perturbation-norm"},
    "cw-im": {"zero-gradients"},
    "laplace": {"attack-samples"},
    "linf-im": {"attack-samples"},
    "sample-size": {"attack-samples", "zero-gradients"},
}


@pytest.mark.slow
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_committed_files_give_no_alarm_that_is_not_explained(path: Path) -> None:
    result = open_results(path)
    if GROUP not in result.children and "certificates" in result.children:
        assert {(f.name, f.status) for f in check_result(result)} == {("sandwich", "pass")}
        return
    if GROUP not in result.children:
        with pytest.raises(ArgumentError, match=f"has no group '{GROUP}' but"):
            check_result(result)
        return
    found = check_result(result)
    spec = read_spec(result)
    paper = spec["labels"] == "predicted"  # which the checks name, as the paper's protocol
    clipped = paper and not spec["clip"]
    one_step = set() if path.stem in ("pgd-bnn", "pgd-im") else {"attack-strength"}
    expected = one_step | WARNINGS.get(path.stem, set())
    assert {f.name for f in found if f.status == "warn"} == expected
    failed = [f.name for f in found if f.status == "fail"]
    assert failed == ["attacked-labels"] * paper + ["judged-image"] * clipped
    sentence = str(verdict_on(found))
    assert sentence.startswith("Do not publish") == paper
    assert ("attacks predicted labels" in sentence) == paper
    assert {f.name for f in found if f.value is None} == {
        f.name for f in found if f.status == "skipped"
    }


# What checks find in the evaluations of the defences, and their page says.
FOUND = {"gal": {"large-strength"}}


@pytest.mark.slow
@pytest.mark.parametrize("path", DEFENCES, ids=lambda path: path.stem)
def test_the_page_of_defences_says_what_checks_find(path: Path) -> None:
    found = {f.name for f in check_result(open_results(path)) if f.status in ("warn", "fail")}
    one_attack = path.stem.endswith(("-fgm", "-transfer"))
    weak = {"attack-samples", "attack-strength"} if one_attack else set()
    said = FOUND.get(path.stem, set())
    if path.stem.startswith("cifar10-"):
        said = {"attack-strength"}  # of the quick protocol
    assert found == weak | said
    text = (path.parent / "index.md").read_text("utf-8")
    assert all(f"`{name}`" in text for name in said)


def test_the_infinite_mixture_is_under_sampled_with_a_hundred_samples() -> None:
    """With S_A = 1 … 100 of the file the share is predicted that S_A = 1,000 then shows."""
    result = open_results(ROOT / "docs" / "reproduction" / "sample-size-im.nc")
    smaller = result.copy()
    smaller[GROUP] = xr.DataTree(result[GROUP].dataset.sel(attack_samples=[1, 5, 10, 100]))
    found = attack_samples(smaller)
    assert (found.status, attack_samples(result).status) == ("warn", "skipped")
    whole = bound(np.array([1.0, 5.0, 10.0, 100.0, 1000.0]), *mean_cosines(result))
    cosines = result[GROUP].dataset["cosine"].isel(strength=-1, inference_samples=-1)
    means = cosines.mean(("repeat", "example"))
    ratio = float(means.sel(attack_samples=100) / means.sel(attack_samples=1000))
    assert found.value is not None
    assert whole is not None
    assert found.value == pytest.approx(ratio * whole[0], abs=0.03)


def test_what_was_wrong_before_does_not_withstand_a_large_strength() -> None:
    """Ten images just beyond the boundary are attacked back over it, and stay correct from there.

    The attack leaves the class that it predicts; the ten right ones are broken.
    """
    classifier = LinearClassifier(2, 2, noise=1e-9)
    classifier.mean.copy_(torch.tensor([[1.0, -1.0], [0.0, 0.0], [0.0, 0.0]]))
    x = torch.tensor([[1e-4, 0.0], [1.0, 0.0]]).double().repeat(10, 1)
    trial = replace(
        toy_trial(classifier, FGM(loss="margin", labels="predicted")),
        x=x,
        y=torch.tensor([1, 0]).repeat(10),
    )
    assert find("large-strength", trial).value == 0.0


# --- planted faults, each with the checks that must catch it -----------------------------------


@dataclass(frozen=True, kw_only=True)
class WrongSign(FGM):
    def step(self, gradient: Gradient) -> Tensor:
        return -super().step(gradient)


@dataclass(frozen=True, kw_only=True)
class RandomDirection(FGM):
    def step(self, gradient: Gradient) -> Tensor:
        return unit(torch.randn_like(gradient.direction))


@dataclass(frozen=True, kw_only=True)
class TooLong(FGM):
    def step(self, gradient: Gradient) -> Tensor:
        return 1.01 * super().step(gradient)


@dataclass(frozen=True, kw_only=True)
class MeanLossWrongSign(FGM):
    def step(self, gradient: Gradient) -> Tensor:
        return -super().step(gradient) if self.gradient == "mean_loss" else super().step(gradient)


@dataclass(frozen=True, kw_only=True)
class ManyStepsForgotten(PGD):
    def run(self, problem: Problem, strength: float) -> Tensor:
        delta = super().run(problem, strength)
        return 0.2 * delta if self.steps > 1 else delta


@dataclass(frozen=True, kw_only=True)
class SwitchedOff(FGM):
    """Attacks the mean network: as if dropout were off in the attack, and on in inference."""

    def run(self, problem: Problem, strength: float) -> Tensor:
        classifier, samples = problem.attacker, problem.samples
        assert isinstance(classifier, Composed)
        network = classifier.network
        matrices = [network.matrix(place) for place in network.weighted_places()]
        means = zip(classifier.site_names, matrices, strict=True)
        fixed = {name: mean.detach().expand(len(samples), 1, *mean.shape) for name, mean in means}
        deterministic = replace(samples, stored=fixed)
        return strength * self.step(problem.gradient(page=deterministic))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("attack", "names"),
    [
        (FlooredFGM(strength=0.6, floor=10.0), ["perturbation-norm"]),
        (TooLong(strength=0.6), ["perturbation-norm"]),
        (
            WrongSign(strength=0.6),
            ["accuracy-falls", "own-cosine", "large-strength", "gradient-free"],
        ),
        (RandomDirection(strength=0.6), ["gradient-free"]),
        (MeanLossWrongSign(strength=0.6), ["gradient-definitions"]),
        (ManyStepsForgotten(strength=0.6, steps=4, relative_step=0.5), ["more-steps"]),
        (SwitchedOff(strength=0.6), ["random-attack"]),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Attack) else "",
)
def test_a_faulty_attack_is_caught(
    attack: Attack, names: list[str], bnn: StochasticClassifier, digits: Dataset
) -> None:
    trial = trial_of(bnn, digits, attack)
    for name in names:
        assert find(name, trial).status == "fail", name


class Deterministic(LinearClassifier):
    def logits(self, x: Tensor, sites: Sites) -> Tensor:
        shape = (*sites["weight"].shape[:1], len(x), self.num_classes)
        return (x @ self.mean[:-1] + self.mean[-1]).expand(shape)


class SelfSeeded(LinearClassifier):
    """Its guide seeds its own random numbers: every stream gets the same samples."""

    def sample_sites(self, x: Tensor, images: pyro.plate) -> Sites:
        with forked_rng(seed_sequence(0, "always")):
            return super().sample_sites(x, images)


class ProbabilitiesAsLogits(LinearProbabilities):
    def logits(self, x: Tensor, sites: Sites) -> Tensor:
        return super().logits(x, sites).softmax(-1)


class BatchNormed(LinearClassifier):
    """Its batch norm follows ``training``; as a module is made, that is the training mode."""

    def __init__(self, num_inputs: int, num_classes: int):
        super().__init__(num_inputs, num_classes)
        self.norm = torch.nn.BatchNorm1d(num_inputs).double()

    def logits(self, x: Tensor, sites: Sites) -> Tensor:
        return super().logits(self.norm(x), sites)


class RandomReplay(LinearClassifier):
    def logits(self, x: Tensor, sites: Sites) -> Tensor:
        logits = super().logits(x, sites)
        return logits * (1 + 0.05 * torch.rand_like(logits))


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (Deterministic, "random-outputs"),
        (SelfSeeded, "disjoint-samples"),
        (ProbabilitiesAsLogits, "logits"),
        (BatchNormed, "replay"),
        (RandomReplay, "replay"),
    ],
)
def test_a_faulty_model_is_caught(kind: type[LinearClassifier], name: str) -> None:
    healthy = toy_trial(LinearProbabilities(6, 3))
    assert find(name, healthy).status == "pass"
    assert find(name, toy_trial(kind(6, 3))).status == "fail"


def test_batch_norm_in_evaluation_mode_passes() -> None:
    assert find("replay", toy_trial(BatchNormed(6, 3).eval())).status == "pass"


@pytest.mark.slow
def test_a_saturated_model_is_caught() -> None:
    classifier = LinearProbabilities(6, 3)
    assert find("zero-gradients", toy_trial(classifier)).status == "pass"
    classifier.mean.data *= 1e4
    finding = find("zero-gradients", toy_trial(classifier))
    assert finding.status == "fail"
    assert finding.value is not None
    assert finding.value > 0.5


def test_gradients_that_float32_cannot_hold_warn() -> None:
    classifier = LinearProbabilities(6, 3, noise=0.01)
    classifier.mean.data *= 60
    finding = find("zero-gradients", toy_trial(classifier))
    assert finding.status == "warn"
    assert "float32 cannot hold" in finding.message


# --- an attack that is judged on its own samples -----------------------------------------------


def judged(
    classifier: StochasticClassifier, digits: Dataset, loss: str, repeats: int, *, own: bool
) -> xr.DataTree:
    """Evaluate with A as I, or with an I of its own, as a result file."""
    x, y = digits.test_images(60)
    parts = []
    for repeat in range(repeats):
        A, other = disjoint_sample_sets(
            classifier, x, attack=10, inference=10, seed=0, repeat=repeat
        )
        if own:
            other = replace(A, origin=replace(A.origin, stream="inference"))
        values = evaluate(
            classifier,
            x,
            y,
            attack=FGM(strength=0.5, loss=loss),
            attack_samples=A,
            inference_samples=other,
            strengths=[0.0, 0.5],
        )
        parts.append(values)
    spec = {"attack": "fgm", "norm": "l2", "loss": loss, "gradient": "mean_prediction"}
    return make_result(combine_repeats(parts), study="mine", spec=spec, provenance={})


@pytest.mark.slow
@pytest.mark.parametrize(("loss", "repeats"), [("margin", 1), ("cross-entropy", 5)])
@pytest.mark.parametrize("compact", [False, True])
def test_an_attack_on_its_own_samples_is_caught_in_a_file(
    loss: str, repeats: int, compact: bool, bnn: StochasticClassifier, digits: Dataset
) -> None:
    for own, status in ((True, "fail"), (False, "pass")):
        result = judged(bnn, digits, loss, repeats, own=own)
        found = check_result(compact_result(result) if compact else result)
        assert next(f for f in found if f.name == "own-samples").status == status


def test_what_cannot_be_known_is_skipped(bnn: StochasticClassifier, digits: Dataset) -> None:
    found = {f.name: f for f in check_result(judged(bnn, digits, "cross-entropy", 1, own=False))}
    assert found["own-samples"].status == "skipped"
    assert "two repeats" in found["own-samples"].message
    assert found["attack-samples"].message.startswith(
        "needs two sizes of the attack set, has S_A = 10 alone; no S_A is above 10"
    )
    assert found["accuracy-falls"].message == (
        "needs 5 independent draws (repeats × blocks of images), has 1"
    )


def test_blocks_of_images_are_draws_where_there_is_one_repeat() -> None:
    found = check_result(open_results(ROOT / "docs" / "reproduction" / "linf-im.nc"))
    assert next(f for f in found if f.name == "accuracy-falls").status == "pass"


def test_sets_that_agree_because_all_images_are_easy_are_no_fault(
    bnn: StochasticClassifier, digits: Dataset
) -> None:
    result = judged(bnn, digits, "cross-entropy", 3, own=False)
    values = result[GROUP].dataset
    easy = {name: xr.ones_like(values[name]) for name in ("clean_correct", "attack_correct")}
    result[GROUP] = xr.DataTree(values.assign(easy))
    finding = next(f for f in check_result(result) if f.name == "own-samples")
    assert finding.status == "skipped"
    assert "independent sets disagree on" in finding.message


@pytest.mark.slow
def test_clipping_warns_and_says_so(bnn: StochasticClassifier, digits: Dataset) -> None:
    finding = find("perturbation-norm", trial_of(bnn, digits, FGM(strength=0.6, clip=(0.0, 1.0))))
    assert finding.status == "warn"
    assert "the attack clips x + δ" in finding.message


def test_small_sizes_warn_where_they_would_pass(bnn: StochasticClassifier, digits: Dataset) -> None:
    x, y = digits.test_images(30)
    A, judges = disjoint_sample_sets(bnn, x, attack=100, inference=20, seed=0)

    def found(attack: Attack, *sizes: int) -> Finding:
        values = evaluate(
            bnn,
            x,
            y,
            attack=attack,
            attack_samples=A,
            inference_samples=judges,
            attack_sizes=sizes,
        )
        spec = attack_spec(attack)
        repeats = combine_repeats([values])
        return attack_samples(make_result(repeats, study="mine", spec=spec, provenance={}))

    fgm = FGM(strength=0.6)
    small = "no S_A is above 20"
    assert found(fgm, 10, 20).status in ("warn", "fail")
    assert small in found(fgm, 10, 20).message
    assert small not in found(fgm, 20, 100).message
    assert found(fgm, 10).status == "warn"
    assert found(fgm, 100).status == "skipped"  # which is no pass

    def still(module: SampledModule, x: Tensor, y: Tensor, strength: float) -> Tensor:
        return x + strength * unit(torch.ones_like(x))

    overfits = "the attack used one fixed A of 10 samples, and may overfit it"
    function = ExternalAttack(function=still, strength=0.6)
    assert overfits in found(function, 10).message
    assert found(function, 10).status == "warn"
    assert "fixed A" not in found(function, 100).message
    assert "fixed A" not in found(replace(function, fixed_samples=False), 10).message


# --- the numbers behind ------------------------------------------------------------------------


@pytest.mark.parametrize("exponent", [0.6, 0.8, 1.0])
def test_the_reachable_share_is_that_of_the_curve(exponent: float) -> None:
    sizes = np.array([1.0, 4.0, 16.0, 64.0])
    cosines = 0.7 / np.sqrt(1 + (30 / sizes) ** exponent)
    expected = 1 / np.sqrt(1 + (30 / 64) ** exponent)
    assert reachable_share(sizes, cosines) == pytest.approx(expected, abs=0.01)
    # it never promises a cosine above 1, nor a fall
    assert reachable_share(sizes, np.array([0.1, 0.3, 0.6, 0.95])) >= 0.94
    assert reachable_share(sizes, np.array([0.9, 0.8, 0.7, 0.6])) == 1


@pytest.mark.statistical
def test_a_flat_accuracy_is_called_rising_at_the_stated_rate() -> None:
    """10,000 sets of 8 comparisons: between 0 and the stated rate plus 4 standard errors."""
    rng = np.random.default_rng(0)
    draws = rng.binomial(50, 0.4, size=(10, 10_000, 8, 2)) / 50
    rises = draws[..., 0] - draws[..., 1]
    found = significantly_positive(rises, grain=1 / 50, comparisons=8).any(-1)
    rate = found.mean()
    assert 0.002 < rate < FAILURE_RATE + 4 * np.sqrt(FAILURE_RATE / 10_000)


def test_equal_counts_in_a_few_draws_are_no_evidence() -> None:
    one_image = np.full((5, 1), 0.02)
    assert not significantly_positive(one_image, grain=0.02, comparisons=8).any()
    assert significantly_positive(10 * one_image, grain=0.02, comparisons=8).all()
    assert not significantly_positive(one_image[:1], grain=1e-9).any()
    assert not is_large(0.68 - 0.66)


@pytest.mark.parametrize(("more", "status"), [(0, "pass"), (1, "pass"), (2, "fail")])
def test_one_image_more_in_every_draw_is_no_finding(
    more: int, status: str, bnn: StochasticClassifier, digits: Dataset
) -> None:
    trial = trial_of(bnn, digits, FGM(strength=0.5))
    images = len(trial.x)
    fewer = np.full(5, 20 / images)
    found = compare("x", trial, ("after", fewer + more / images), ("before", fewer))
    assert found.status == status


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["cross-entropy", "margin"])
@pytest.mark.parametrize("gradient", ["mean_prediction", "mean_loss", "mean_logits"])
@pytest.mark.parametrize("kind", [LinearClassifier, LinearProbabilities])
def test_spsa_estimates_the_gradient_of_the_same_loss(
    kind: type[LinearClassifier], gradient: str, loss: str
) -> None:
    classifier = kind(4, 3, noise=0.3)
    trial = toy_trial(classifier)
    A, _ = trial.sets()
    spsa = SPSA(strength=1.0, loss=loss, gradient=gradient, directions=400, radius=1e-4)
    found = spsa(classifier, trial.x, trial.y, A)
    exact = loss_gradient(classifier, trial.x, trial.y, A, loss=loss, gradient=gradient)
    cosine = (found.perturbation * unit(exact.direction)).sum(-1)
    assert cosine.min() > 0.98
    assert found.norm.tolist() == pytest.approx([1.0] * 20)
    clipped = replace(spsa, clip=(-3.2, 2.9), directions=2)(classifier, trial.x, trial.y, A)
    inside = trial.x + clipped.perturbation
    assert float(inside.min()) >= -3.2 - 1e-12
    assert float(inside.max()) <= 2.9 + 1e-12


def test_errors_say_what_to_do(bnn: StochasticClassifier, digits: Dataset) -> None:
    x, y = digits.test_images(12)
    with pytest.raises(ArgumentError, match="at least 10 images, got 9; 50 to 200"):
        check_model(bnn, x[:9], y[:9], attack=FGM())
    with pytest.raises(ArgumentError, match="strength must be > 0 to be checked, got 0"):
        check_model(bnn, x, y, attack=FGM(strength=0.0))


def test_every_check_has_its_section_and_every_status_its_meaning() -> None:
    page = (ROOT / "docs" / "checks.md").read_text("utf-8")
    headings = re.findall(r"^### (.+)$", page, re.MULTILINE)
    assert headings == list(CHECKS)
    for section in re.split(r"^### ", page, flags=re.MULTILINE)[1:]:
        assert "**Remedy.**" in section, section.splitlines()[0]
    for status in STATUSES:
        assert f"`{status}`" in page
    for name in (*WARNINGS, "sample-size-im"):
        assert f"`{name}.nc`" in page, name
    assert pyrosnn.CHECKS is CHECKS
