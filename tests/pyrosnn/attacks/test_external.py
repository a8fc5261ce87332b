"""Functions as attacks: our FGM in their clothes, what they see, and what is refused of them."""

import functools
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from support.compare import assert_same_to_float32
from support.toy import LinearProbabilities, sample_set
from torch import Tensor
from torch.nn import functional

import pyrosnn
from pyrosnn.attacks import FGM, ExternalAttack, SampledModule, as_attack, to_module
from pyrosnn.checks.gradient_free import gradient_free
from pyrosnn.checks.more_steps import more_steps
from pyrosnn.checks.perturbation_norm import perturbation_norm
from pyrosnn.checks.trial import Trial
from pyrosnn.checks.unmoved import unmoved_images
from pyrosnn.checks.zero_gradients import zero_gradients
from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError, OverlapError
from pyrosnn.evaluation import attack_spec, evaluate
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.results import combine_repeats, make_result
from pyrosnn.sampling import SampleSet, disjoint_sample_sets, predict

IMAGES = 30
STRENGTHS = [0.0, 0.3, 0.8]

Sets = tuple[SampleSet, SampleSet]


@pytest.fixture
def sets(bnn: StochasticClassifier, digits: Dataset) -> Sets:
    return disjoint_sample_sets(bnn, digits.x_test[:IMAGES], attack=4, inference=9, seed=0)


def step(
    module: torch.nn.Module, x: Tensor, y: Tensor, strength: float, norm: str = "l2"
) -> Tensor:
    """One step of full length as anyone writes it in torch."""
    x = x.requires_grad_()
    gradient = torch.autograd.grad(functional.cross_entropy(module(x), y, reduction="sum"), x)[0]
    if norm == "linf":
        return x + strength * gradient.sign()
    return x + strength * functional.normalize(gradient.flatten(1)).reshape(x.shape)


def still(module: torch.nn.Module, x: Tensor, y: Tensor, strength: float) -> Tensor:
    return x


@pytest.mark.slow
@pytest.mark.parametrize("norm", ["l2", "linf"])
@pytest.mark.parametrize("model", ["bnn", "im", "sin"])
def test_our_fgm_as_a_function_gives_the_same_result(
    model: str, norm: str, classifiers: dict[str, StochasticClassifier], digits: Dataset
) -> None:
    classifier = classifiers[model]
    x, y = digits.test_images(IMAGES)
    a, i = disjoint_sample_sets(classifier, x, attack=4, inference=9, seed=0)
    run = functools.partial(
        evaluate,
        classifier,
        x,
        y,
        attack_samples=a,
        inference_samples=i,
        strengths=STRENGTHS[1:],
        attack_sizes=[1, 4],
        smoothness=[3.0],
    )
    ours = run(attack=FGM(norm=norm))
    function = functools.partial(step, norm=norm)
    theirs = run(attack=ExternalAttack(function=function, norm=norm))
    assert_same_to_float32(theirs, ours)
    if norm == "l2":
        assert_same_to_float32(run(attack=function), ours)

    def by_pyrosnn(module: SampledModule, x: Tensor, y: Tensor, strength: float) -> Tensor:
        attack = FGM(norm=norm, strength=strength)
        return x + attack(classifier, x, y, module.samples).perturbation

    same = run(attack=ExternalAttack(function=by_pyrosnn, norm=norm))
    assert not same["num_gradients"].any()  # it asked the module for none
    assert_same_to_float32(same.drop_vars("num_gradients"), ours.drop_vars("num_gradients"))


def test_a_function_sees_a_alone(
    bnn: StochasticClassifier, digits: Dataset, sets: Sets, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it asks the module for is evaluated on the samples of A."""
    a, i = sets
    x, y = digits.test_images(IMAGES)
    modules: list[SampledModule] = []
    streams: list[str] = []
    chunks = SampleSet.chunks

    def spied(self: SampleSet, *arguments: object) -> Iterator[SampleSet]:
        streams.append(self.origin.stream)
        return chunks(self, *arguments)  # type: ignore[arg-type]

    def function(module: SampledModule, x: Tensor, y: Tensor, strength: float) -> Tensor:
        modules.append(module)
        streams.clear()
        moved = step(module, x, y, strength)
        assert set(streams) == {"attack"}
        return moved

    monkeypatch.setattr(SampleSet, "chunks", spied)
    evaluate(
        bnn,
        x,
        y,
        attack=function,
        strengths=STRENGTHS,
        attack_samples=a,
        inference_samples=i,
        attack_sizes=[1, 4],
    )
    origins = [module.samples.origin for module in modules]
    assert origins == [a[:size].origin for size in (1, 4) for _ in STRENGTHS[1:]]
    for module in modules:
        for name, value in module.samples.tensors.items():
            assert torch.equal(value, a.tensors[name][: len(value)])
    with pytest.raises(OverlapError, match="must not see samples of the stream 'inference'"):
        ExternalAttack(function=step)(bnn, x, y, i)


def test_it_does_not_change_what_it_is_given(
    bnn: StochasticClassifier, digits: Dataset, sets: Sets
) -> None:
    x, y = digits.test_images(IMAGES)
    images, labels = x.clone(), y.clone()

    def careless(module: torch.nn.Module, x: Tensor, y: Tensor, strength: float) -> Tensor:
        y.fill_(0)
        x += strength * functional.normalize(torch.ones_like(x).flatten(1)).reshape(x.shape)
        return x

    with torch.no_grad():
        found = ExternalAttack(function=careless, strength=0.5)(bnn, x, y, sets[0])
    assert torch.equal(x, images)
    assert torch.equal(y, labels)
    torch.testing.assert_close(found.norm, torch.full((IMAGES,), 0.5))
    with torch.no_grad():  # a function may differentiate wherever it is called
        ExternalAttack(function=step, strength=0.5)(bnn, x, y, sets[0])


def returning(change: Callable[[Tensor, float], object]) -> ExternalAttack:
    def function(module: torch.nn.Module, x: Tensor, y: Tensor, strength: float) -> Tensor:
        return change(x, strength)  # type: ignore[return-value]

    return ExternalAttack(function=function, strength=0.5)


def broken(x: Tensor, value: float) -> Tensor:
    x[7, 0, 3, 3] = value
    return x


def further(x: Tensor, distance: float) -> Tensor:
    x[[2, 9], 0, 0, 0] += distance
    x[9, 0, 0, 0] += distance
    return x


@pytest.mark.parametrize(
    ("attack", "message"),
    [
        (returning(lambda x, s: (x, x, x)), r"returned tuple, expected the attacked images as a t"),
        (returning(lambda x, s: x.numpy()), "returned ndarray, expected the attacked images"),
        (returning(lambda x, s: None), "returned NoneType, expected the attacked images"),
        (returning(lambda x, s: x[:9]), r"returned shape \(9, 1, 8, 8\), expected that of the im"),
        (returning(lambda x, s: x.flatten(1)), r"returned shape \(30, 64\), expected"),
        (
            returning(lambda x, s: broken(x, torch.nan)),
            r"NaN or infinity in 1 of 30 images \(first at index 7\)",
        ),
        (returning(lambda x, s: broken(x, torch.inf)), r"NaN or infinity in 1 of 30 images"),
        (
            returning(lambda x, s: further(x, 1.01 * s)),
            r"moved 2 of 30 images further than its strength 0\.5 in l2, the furthest by 1\.01 \(in"
            r"dex 9\); project its perturbations",
        ),
        (returning(lambda x, s: x + s), "moved 30 of 30 images further than its strength"),
    ],
)
def test_what_comes_back_is_checked(
    attack: ExternalAttack,
    message: str,
    bnn: StochasticClassifier,
    digits: Dataset,
    sets: Sets,
) -> None:
    x, y = digits.test_images(IMAGES)
    with pytest.raises(ArgumentError, match=message):
        attack(bnn, x, y, sets[0])
    linf = replace(attack, norm="linf")
    if "30 of 30" in message:  # the strength is that of the stated norm
        assert (linf(bnn, x, y, sets[0]).length > 0.5).all()


def test_rounding_is_no_longer_step(bnn: StochasticClassifier, digits: Dataset, sets: Sets) -> None:
    """Pixels around 1,000 are multiples of 6.1e-5: a step of 1.6e-4 becomes one of 1.8e-4."""
    x, y = digits.test_images(IMAGES)
    far = x + 1000

    def shifted(module: torch.nn.Module, x: Tensor, y: Tensor, strength: float) -> Tensor:
        return x + strength * torch.ones_like(x) / 8

    attack = ExternalAttack(function=shifted, strength=1.28e-3)
    found = attack(bnn, far, y, sets[0])
    assert (found.norm > 1.1 * 1.28e-3).all()


def test_gradients_are_counted_where_they_are_asked_for(
    bnn: StochasticClassifier, digits: Dataset, sets: Sets
) -> None:
    x, y = digits.test_images(IMAGES)
    a = sets[0]

    def pgd(module: torch.nn.Module, x: Tensor, y: Tensor, strength: float, size: int) -> Tensor:
        parts = []
        for images, labels in zip(x.split(size), y.split(size), strict=True):
            moved = images.clone()
            for _ in range(3):
                moved = step(module, moved.detach(), labels, strength / 3)
            module(moved.detach())  # no gradient
            parts.append(moved)
        return torch.cat(parts)

    def count(size: int, images: int = IMAGES) -> int:
        attack = ExternalAttack(function=functools.partial(pgd, size=size), strength=0.5)
        return attack(bnn, x[:images], y[:images], a).num_gradients

    assert count(IMAGES) == count(7) == 3 * len(a)

    def half(module: torch.nn.Module, x: Tensor, y: Tensor, strength: float) -> Tensor:
        rest = len(x) // 2
        return torch.cat([step(module, x[:rest], y[:rest], strength), x[rest:]])

    found = ExternalAttack(function=half, strength=0.5)(bnn, x[:29], y[:29], a)
    assert found.num_gradients == 2  # 14 of 29 images, 4 samples: 1.93
    assert torch.equal(found.norm == 0, torch.arange(29) >= 14)  # these were not attacked
    assert not found.zero_gradient.any()  # and nobody knows that they have no gradient


def test_zero_gradients_are_found_behind_a_random_start() -> None:
    """The images move, and yet no gradient was there."""
    classifier = LinearProbabilities(6, 2).float()
    weight = torch.zeros(2, 7, 2)
    weight[:, 0, 0] = 1.0
    weight[:, -1, 0] = 200.0
    x, y = torch.zeros(3, 6), torch.tensor([0, 1, 0])

    def started(module: torch.nn.Module, x: Tensor, y: Tensor, strength: float) -> Tensor:
        start = x + strength / 4 * torch.rand_like(x)
        return step(module, start, y, strength / 4).clamp(-strength, strength)

    attack = ExternalAttack(function=started, norm="linf", strength=1.0)
    found = attack(classifier, x, y, sample_set(weight))
    assert (found.norm > 0).all()
    assert found.zero_gradient.tolist() == [True, False, True]  # float32 has no 1e-87
    unmoved = replace(attack, function=still)(classifier, x, y, sample_set(weight))
    assert not unmoved.zero_gradient.any()
    assert (unmoved.norm == 0).all()
    assert unmoved.num_gradients == 0
    at_zero = replace(attack, strength=0.0)(classifier, x, y, sample_set(weight))
    assert not at_zero.zero_gradient.any()
    assert torch.equal(at_zero.perturbation, torch.zeros_like(x))


def test_randomness_is_of_the_root_seed_and_global_state_stays(
    bnn: StochasticClassifier, digits: Dataset
) -> None:
    x, y = digits.test_images(IMAGES)

    def noise(module: torch.nn.Module, x: Tensor, y: Tensor, strength: float) -> Tensor:
        other = torch.from_numpy(np.random.rand(*x.shape)).to(x)
        return x + strength * (torch.rand_like(x) + other) / 2

    attack = ExternalAttack(function=noise, norm="linf", strength=0.1)

    def numpy_words() -> np.ndarray:
        words: np.ndarray = np.random.get_state(legacy=False)["state"]["key"].copy()
        return words

    def delta(**where: int) -> Tensor:
        a, _ = disjoint_sample_sets(bnn, x, attack=4, inference=1, **{"seed": 0, **where})
        return attack(bnn, x, y, a).perturbation

    torch_state, numpy_state = torch.get_rng_state(), numpy_words()
    first = delta()
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert np.array_equal(numpy_words(), numpy_state)
    torch.rand(3)
    np.random.rand(3)
    assert torch.equal(delta(), first)
    for where in ({"seed": 1}, {"block": 1}, {"repeat": 1}):
        assert float((delta(**where) - first).abs().amax((1, 2, 3)).min()) > 0.01


def test_settings_of_attacks_are_the_functions_too(
    bnn: StochasticClassifier, digits: Dataset, sets: Sets
) -> None:
    x, y = digits.test_images(IMAGES)
    a = sets[0]
    attack = ExternalAttack(function=step, strength=0.8)
    for changes in (
        {"labels": "predicted"},
        {"gradient": "mean_logits"},
        {"precision": "bf16"},
        {"clip": digits.bounds},
    ):
        ours = FGM(strength=0.8, **changes)(bnn, x, y, a)
        theirs = replace(attack, **changes)(bnn, x, y, a)
        torch.testing.assert_close(theirs.perturbation, ours.perturbation, atol=2e-5, rtol=1e-3)
        assert torch.equal(theirs.correct, ours.correct)
        assert not torch.equal(theirs.perturbation, attack(bnn, x, y, a).perturbation)
    with pytest.raises(ArgumentError, match="mean_prediction, mean_logits for an attack on a mod"):
        ExternalAttack(function=step, gradient="mean_loss")


def test_what_is_no_attack_is_refused(
    bnn: StochasticClassifier, digits: Dataset, sets: Sets
) -> None:
    x, y = digits.test_images(IMAGES)
    a, i = sets
    for attack, message in (
        ("fgm", r"attack must be an attack such as FGM\(strength=0\.5\).*got 'fgm'"),
        (FGM, r"got the class; call it: FGM\(strength=0\.5\)"),
        (step, r"a function has no strength of its own; give strengths=\[…\]"),
    ):
        with pytest.raises(ArgumentError, match=message):
            as_attack(attack, swept=attack is not step)
    with pytest.raises(ArgumentError, match="a function has no strength of its own"):
        evaluate(bnn, x, y, attack=step, attack_samples=a, inference_samples=i)
    for function in (FGM(), FGM):
        with pytest.raises(ArgumentError, match=r"called with \(module, x, y, strength\), got"):
            ExternalAttack(function=function)  # type: ignore[arg-type]


def test_the_spec_says_what_it_can() -> None:
    attack = ExternalAttack(function=step, norm="linf", strength=0.5, clip=(0.0, 1.0))
    spec = attack_spec(attack)
    assert spec["attack"] == "external"
    assert spec["attack_options"] == {"function": f"{__name__}.step", "fixed_samples": True}
    assert (spec["norm"], spec["strength"], spec["clip"]) == ("linf", 0.5, True)
    partial = ExternalAttack(function=functools.partial(step, norm="linf"))
    assert attack_spec(partial)["attack_options"]["function"] == "functools.partial"


@pytest.mark.slow
def test_checks_take_a_function(bnn: StochasticClassifier, digits: Dataset) -> None:
    x, y = digits.test_images(20)
    attack = ExternalAttack(function=step, strength=0.6)
    sizes = {"attack_samples": 10, "inference_samples": 20}
    found = {f.name: f for f in pyrosnn.check_model(bnn, x, y, attack=attack, **sizes)}
    assert not [finding for finding in found.values() if finding.status == "fail"]
    for name in ("own-cosine", "gradient-definitions"):
        assert found[name].status == "skipped"


@pytest.mark.parametrize(
    ("rests_where", "statuses"), [(True, ("skipped", "fail")), (False, ("pass", "pass"))]
)
def test_results_of_functions_are_checked_as_bounds(
    rests_where: bool, statuses: tuple[str, str], bnn: StochasticClassifier, digits: Dataset
) -> None:
    """Shorter steps warn; images that came back are named, unless A misclassifies them."""
    x, y = digits.test_images(60)
    a, i = disjoint_sample_sets(bnn, x, attack=4, inference=9, seed=0)

    def lazy(module: SampledModule, x: Tensor, y: Tensor, strength: float) -> Tensor:
        correct = module(x).argmax(1) == y
        assert 0 < int(correct.sum()) < 60
        rests = (correct == rests_where).reshape(-1, 1, 1, 1)
        return torch.where(rests, x, step(module, x.clone(), y, strength / 2))

    attack = ExternalAttack(function=lazy, strength=0.6)
    values = evaluate(bnn, x, y, attack=attack, attack_samples=a, inference_samples=i)
    result = make_result(
        combine_repeats([values]), study="mine", spec=attack_spec(attack), provenance={}
    )
    assert perturbation_norm(result).status == "warn"
    unmoved = unmoved_images(result)
    assert (zero_gradients(result).status, unmoved.status) == statuses
    number = int(values["attack_correct"].sum())
    if rests_where:
        assert unmoved.value == 1.0
        assert f"the function returned {number} of {number} images unmoved" in unmoved.message
        assert "best_loss=True" in unmoved.message


@pytest.mark.parametrize("model", ["bnn", "sin"])
def test_fresh_samples_are_those_that_pgd_takes(
    model: str, classifiers: dict[str, StochasticClassifier], digits: Dataset
) -> None:
    """The first call has A, and each further call the next samples of its stream."""
    classifier = classifiers[model]
    x, y = digits.test_images(IMAGES)
    a, _ = disjoint_sample_sets(classifier, x, attack=4, inference=1, seed=0)

    def pgd(module: SampledModule, x: Tensor, y: Tensor, strength: float) -> Tensor:
        moved = x
        for _ in range(3):
            moved = step(module, moved.detach().clone(), y, strength / 3)
        return moved

    ours = pyrosnn.PGD(strength=0.3, steps=3, relative_step=1 / 3)
    for fixed in (True, False):
        attack = ExternalAttack(function=pgd, strength=0.3, fixed_samples=fixed)
        found = attack(classifier, x, y, a)
        expected = replace(ours, fixed_samples=fixed)(classifier, x, y, a)
        torch.testing.assert_close(found.perturbation, expected.perturbation, atol=1e-4, rtol=1e-3)
        assert found.origin == expected.origin
        assert found.origin.stop == (4 if fixed else 12)


def test_fresh_samples_reach_parts_of_the_module(
    classifiers: dict[str, StochasticClassifier], digits: Dataset
) -> None:
    sin = classifiers["sin"]
    x, y = digits.test_images(6)
    a, _ = disjoint_sample_sets(sin, x, attack=4, inference=1, seed=0)

    def parts(module: SampledModule, x: Tensor, y: Tensor, strength: float) -> Tensor:
        rows = torch.tensor([1, 4])
        some = module.for_examples(rows)
        first, second = some(x[rows]), some(x[rows])
        whole = to_module(sin, a, output=module.output)
        torch.testing.assert_close(first, whole.for_examples(rows)(x[rows]))
        assert float((first - second).abs().max()) > 1e-3
        return x

    found = ExternalAttack(function=parts, strength=0.3, fixed_samples=False)(sin, x, y, a)
    assert found.origin.stop == 8


@pytest.mark.parametrize(("norm", "moved"), [("l1", 3 * 0.25), ("l0", 3.0)])
def test_norms_that_a_function_may_bound(
    norm: str, moved: float, bnn: StochasticClassifier, digits: Dataset, sets: Sets
) -> None:
    """Three pixels are moved by 0.25 each; at a smaller strength that is refused."""
    x, y = digits.test_images(IMAGES)

    def few(module: SampledModule, x: Tensor, y: Tensor, strength: float) -> Tensor:
        x[:, 0, 3, 2:5] += 0.25
        return x

    attack = ExternalAttack(function=few, norm=norm, strength=4.0)
    a, i = sets
    values = evaluate(bnn, x, y, attack=attack, attack_samples=a, inference_samples=i)
    np.testing.assert_allclose(values["perturbation_norm"], moved, rtol=1e-6)
    with pytest.raises(ArgumentError, match=f"further than its strength 0.5 in {norm}, the fur"):
        replace(attack, strength=0.5)(bnn, x, y, a)
    with pytest.raises(ArgumentError, match="unknown norm 'l0'"):
        FGM(norm="l0")
    trial = Trial(
        classifier=bnn,
        x=x,
        y=y,
        attack=attack,
        attack_samples=3,
        inference_samples=5,
        seed=0,
    )
    for check in (more_steps, gradient_free):
        refused = check(trial).message == f"needs a strength in l2 or linf or l1, has {norm}"
        assert refused == (norm == "l0")  # which none of our attacks bounds


def test_predicted_classes_are_kept(bnn: StochasticClassifier, digits: Dataset, sets: Sets) -> None:
    x, y = digits.test_images(IMAGES)
    a, i = sets
    run = functools.partial(evaluate, bnn, x, y, attack_samples=a, inference_samples=i)
    for bounds in (None, (0.0, 1.0)):
        values = run(attack=FGM(), strengths=[0.0, 1.0], judged_bounds=bounds, inference_sizes=[9])
        predicted = values["predicted_class"]
        assert predicted.dims == values["adversarial_correct"].dims
        assert predicted.dtype == np.int32
        assert bool(((predicted == values["label"]) == values["adversarial_correct"]).all())
        moved = x + FGM(strength=1.0)(bnn, x, y, a).perturbation
        judged = moved if bounds is None else moved.clamp(*bounds)
        assert predicted.values[:, 1].ravel().tolist() == predict(bnn, judged, i).predicted.tolist()
