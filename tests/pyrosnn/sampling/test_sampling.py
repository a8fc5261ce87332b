"""Sample sets: reproducible, disjoint, sliceable, replayed in chunks."""

import itertools
from collections.abc import Callable
from copy import deepcopy
from dataclasses import FrozenInstanceError, replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.toy import sample_set

from pyrosnn.adapters import Ensemble
from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError, OverlapError
from pyrosnn.models import MODELS
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.networks.function import Differentiated
from pyrosnn.sampling import (
    AfterTrunk,
    DifferentiableReplay,
    Origin,
    SampleSet,
    ScaledSum,
    disjoint_sample_sets,
    draw_sample_set,
    predict,
    predict_again,
    replay,
    replay_logits,
    require_disjoint,
    successive_sample_sets,
)
from pyrosnn.sampling.sample_set import PAGE_SIZE


def same(first: SampleSet, second: SampleSet) -> bool:
    return all(torch.equal(first.tensors[name], second.tensors[name]) for name in first.tensors)


@pytest.mark.parametrize("model", ["bnn", "sin"])
def test_a_larger_set_begins_with_the_smaller_one(
    model: str, classifiers: dict[str, StochasticClassifier], digits: Dataset
) -> None:
    classifier, x = classifiers[model], digits.x_test[:7]
    large = draw_sample_set(classifier, x, 2 * PAGE_SIZE + 3, seed=5, stream="attack")
    small = draw_sample_set(classifier, x, PAGE_SIZE + 1, seed=5, stream="attack")
    assert len(large) == 2 * PAGE_SIZE + 3
    assert same(small, large[: PAGE_SIZE + 1])


def test_streams_repeats_blocks_and_seeds_differ(
    bnn: StochasticClassifier, digits: Dataset
) -> None:
    x = digits.x_test[:2]
    base = {"seed": 0, "stream": "attack", "repeat": 0, "block": 0}
    others = ({"seed": 1}, {"stream": "inference"}, {"repeat": 1}, {"block": 1})
    first = draw_sample_set(bnn, x, 3, **base)  # type: ignore[arg-type]
    assert same(first, draw_sample_set(bnn, x, 3, **base))  # type: ignore[arg-type]
    for change in others:
        changed = draw_sample_set(bnn, x, 3, **{**base, **change})  # type: ignore[arg-type]
        assert not same(first, changed), change
        assert len(first.origin.shared(changed.origin)) == 0


def test_repeats_blocks_and_pages_are_no_sum(bnn: StochasticClassifier, digits: Dataset) -> None:
    """Whatever two counters have in common, a sum above all, their samples differ."""
    x = digits.x_test[:2]
    drawn = []
    for repeat, block in itertools.product(range(3), range(3)):
        samples = draw_sample_set(
            bnn, x, 3 * PAGE_SIZE, seed=0, stream="attack", repeat=repeat, block=block
        )
        drawn.append(samples.tensors["weight_2"].flatten(1))
    assert len(torch.unique(torch.cat(drawn), dim=0)) == 9 * 3 * PAGE_SIZE


def test_samples_within_a_set_differ_across_pages(
    bnn: StochasticClassifier, digits: Dataset
) -> None:
    samples = draw_sample_set(bnn, digits.x_test[:2], 3 * PAGE_SIZE, seed=0, stream="attack")
    rows = samples.tensors["weight_0"].flatten(1)
    assert len(torch.unique(rows, dim=0)) == 3 * PAGE_SIZE


@pytest.mark.slow
@pytest.mark.statistical
def test_draws_follow_the_guide(bnn: StochasticClassifier, digits: Dataset) -> None:
    # 4,000 samples, fixed seed: means within 5 standard errors for (nearly) all 650 entries
    samples = draw_sample_set(bnn, digits.x_test[:1], 4000, seed=0, stream="attack")
    weight = samples.tensors["weight_2"].squeeze(1)
    parameters = bnn.state_dict()
    mean = parameters["means.2"]
    row, column = parameters["row_log_scales.2"].exp(), parameters["column_log_scales.2"].exp()
    sd = row.unsqueeze(1) * column
    assert ((weight.mean(0) - mean).abs() < 5 * sd / 4000**0.5).all()
    assert ((weight.std(0) / sd - 1).abs() < 5 / (2 * 4000) ** 0.5).all()


def test_disjoint_sets_are_disjoint(bnn: StochasticClassifier, digits: Dataset) -> None:
    a, i = disjoint_sample_sets(bnn, digits.x_test[:2], attack=5, inference=8, seed=0)
    assert (len(a), len(i)) == (5, 8)
    require_disjoint(a.origin, i.origin)
    both = torch.cat([a.tensors["weight_2"], i.tensors["weight_2"]]).flatten(1)
    assert len(torch.unique(both, dim=0)) == 13


def test_overlap_is_refused_naming_the_samples(bnn: StochasticClassifier, digits: Dataset) -> None:
    a, _ = disjoint_sample_sets(bnn, digits.x_test[:2], attack=10, inference=1, seed=3)
    with pytest.raises(OverlapError, match=r"share samples 4 … 5 of stream 'attack' \(seed 3"):
        require_disjoint(a[:6].origin, a[4:].origin)
    require_disjoint(a[:5].origin, a[5:].origin)


@given(bounds=st.tuples(*[st.integers(0, 12)] * 4).filter(lambda b: b[0] < b[1] and b[2] < b[3]))
def test_overlap_is_exactly_the_common_indices(bounds: tuple[int, int, int, int]) -> None:
    whole = sample_set(torch.randn(12, 3, 2))
    first, second = whole[bounds[0] : bounds[1]], whole[bounds[2] : bounds[3]]
    common = set(range(bounds[0], bounds[1])) & set(range(bounds[2], bounds[3]))
    assert set(first.origin.shared(second.origin)) == common


@given(start=st.integers(0, 9), length=st.integers(1, 10), inner=st.integers(1, 10))
def test_slices_of_slices_keep_their_origin(start: int, length: int, inner: int) -> None:
    whole = sample_set(torch.arange(10.0).reshape(10, 1, 1))
    part = whole[start : start + length]
    again = part[:inner]
    values = again.tensors["weight"].flatten().tolist()
    assert values == list(range(again.origin.start, again.origin.stop))


def test_sample_sets_are_frozen(bnn: StochasticClassifier, digits: Dataset) -> None:
    a, _ = disjoint_sample_sets(bnn, digits.x_test[:2], attack=2, inference=1, seed=0)
    with pytest.raises(FrozenInstanceError):
        a.origin = replace(a.origin, seed=1)  # type: ignore[misc]
    with pytest.raises(TypeError):
        a.tensors["weight_0"] = torch.zeros(2)  # type: ignore[index]


def test_bad_sets_are_refused(bnn: StochasticClassifier, digits: Dataset) -> None:
    x = digits.x_test[:4]
    with pytest.raises(ArgumentError, match="num_samples must be >= 1, got 0"):
        disjoint_sample_sets(bnn, x, attack=0, inference=1, seed=0)
    with pytest.raises(ArgumentError, match="seed must be an integer >= 0, got -1"):
        disjoint_sample_sets(bnn, x, attack=1, inference=1, seed=-1)
    with pytest.raises(ArgumentError, match="memory_budget must be >= 1 byte, got 0"):
        disjoint_sample_sets(bnn, x, attack=1, inference=1, seed=0, memory_budget=0)
    a, _ = disjoint_sample_sets(bnn, x, attack=3, inference=1, seed=0)
    with pytest.raises(ArgumentError, match="of a set of 3 samples is empty"):
        a[3:]
    with pytest.raises(ArgumentError, match="must have step 1, got 2"):
        a[::2]
    with pytest.raises(ArgumentError, match="site 'w' has 2 samples, its origin says 3"):
        SampleSet(stored={"w": torch.zeros(2, 1)}, origin=Origin(seed=0, stream="attack", stop=3))


def test_per_image_samples_serve_their_images_only(
    classifiers: dict[str, StochasticClassifier], digits: Dataset
) -> None:
    sin = classifiers["sin"]
    a, _ = disjoint_sample_sets(sin, digits.x_test[:4], attack=3, inference=1, seed=0)
    with pytest.raises(ArgumentError, match="site 'noise' was drawn for 4 images, got 6"):
        a.require_fit(sin, 6)
    one, _ = disjoint_sample_sets(sin, digits.x_test[:1], attack=3, inference=1, seed=0)
    with pytest.raises(ArgumentError, match="site 'noise' was drawn for 1 images, got 6"):
        one.require_fit(sin, 6)  # one image's noise is not shared noise


@pytest.mark.parametrize("budget", [2**30, 1])  # stored, and drawn when it is used
def test_a_set_for_some_images_has_their_noise(
    budget: int, classifiers: dict[str, StochasticClassifier], digits: Dataset
) -> None:
    sin, x = classifiers["sin"], digits.x_test[:5]
    whole = draw_sample_set(sin, x, 3, seed=0, stream="attack", memory_budget=budget)
    rows = torch.tensor([3, 1, 3])
    part = whole.for_examples(rows)
    assert (part.stored is None) == (budget == 1)
    assert torch.equal(part.tensors["noise"], whole.tensors["noise"][:, rows])
    part.require_fit(sin, 3)
    shared = draw_sample_set(classifiers["bnn"], x, 3, seed=0, stream="attack")
    assert same(shared, shared.for_examples(rows))


def values_and_derivatives(
    classifier: StochasticClassifier, x: torch.Tensor, samples: SampleSet, v: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Logits, J v of every sample and Σ_s J_sᵀ u_s for a fixed u, as replayed in chunks."""
    chunks = list(replay(classifier, len(x), samples))
    images = AfterTrunk(classifier, x, samples.memory_budget)
    along = images.jvp(v)
    jv = [
        chunk.rest.jvp(chunk.features(images.values), [chunk.jvp(along)])[1][0] for chunk in chunks
    ]
    u = torch.randn(len(samples), len(x), 10, generator=torch.Generator().manual_seed(1)).double()
    replayed = DifferentiableReplay(classifier, x, samples)
    total, first = ScaledSum(replayed.images), 0
    for chunk in replayed:
        total.add(chunk, u[first : chunk.stop])
        first = chunk.stop
    jtu = total.value * total.scale.reshape(-1, 1, 1, 1).float()
    return replay_logits(classifier, x, samples), torch.cat(jv), jtu


@pytest.mark.slow
@pytest.mark.parametrize("model", list(MODELS))
def test_a_small_budget_changes_nothing_but_rounding(
    model: str, classifiers: dict[str, StochasticClassifier], digits: Dataset
) -> None:
    """A budget of one byte: samples are drawn again for each pass, and replayed one by one."""
    classifier, x = classifiers[model], digits.x_test[:9]
    whole = draw_sample_set(classifier, x, PAGE_SIZE + 5, seed=0, stream="attack")
    redrawn = draw_sample_set(
        classifier, x, PAGE_SIZE + 5, seed=0, stream="attack", memory_budget=1
    )
    assert whole.stored is not None
    assert redrawn.stored is None
    assert same(whole, redrawn)
    assert same(whole[3:20], redrawn[3:20])
    assert len(list(replay(classifier, 9, redrawn))) == PAGE_SIZE + 5
    v = torch.randn_like(x)
    for one, many in zip(
        values_and_derivatives(classifier, x, whole, v),
        values_and_derivatives(classifier, x, redrawn, v),
        strict=True,
    ):
        torch.testing.assert_close(one, many, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("model", list(MODELS))
def test_jvp_and_vjp_are_the_networks_derivatives(
    model: str, classifiers: dict[str, StochasticClassifier], digits: Dataset
) -> None:
    """A model's own parts against its ``logits``, differentiated by torch."""
    classifier, x = classifiers[model], digits.x_test[:9]
    samples = draw_sample_set(classifier, x, 6, seed=0, stream="attack")
    v = torch.randn_like(x)
    logits, jv, jtu = values_and_derivatives(classifier, x, samples, v)
    by_torch = Differentiated(lambda images: classifier.logits(images, samples.tensors))
    slow, (slow_jv,) = by_torch.jvp(x, [v])
    torch.testing.assert_close(logits, slow, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(jv, slow_jv, atol=1e-4, rtol=1e-4)
    u = torch.randn(6, 9, 10, generator=torch.Generator().manual_seed(1))
    inputs = x.clone().requires_grad_()
    slow_jtu = torch.autograd.grad(classifier.logits(inputs, samples.tensors), inputs, u)[0]
    torch.testing.assert_close(jtu, slow_jtu, atol=1e-4, rtol=1e-4)


@given(size=st.integers(1, 7), stops=st.sets(st.integers(1, 12)))
def test_chunks_cover_a_set_and_respect_stops(size: int, stops: set[int]) -> None:
    whole = sample_set(torch.arange(12.0).reshape(12, 1, 1))
    chunks = list(whole.chunks(size, sorted(stops)))
    ends = [chunk.origin.stop for chunk in chunks]
    assert [chunk.origin.start for chunk in chunks] == [0, *ends[:-1]]
    assert ends[-1] == 12
    assert stops <= set(ends)
    assert max(len(chunk) for chunk in chunks) <= size


@pytest.mark.parametrize("model", ["bnn", "sin"])
@pytest.mark.parametrize("start", [0, 1, PAGE_SIZE - 1, PAGE_SIZE, PAGE_SIZE + 3])
def test_a_set_can_start_anywhere_in_its_stream(
    model: str, start: int, classifiers: dict[str, StochasticClassifier], digits: Dataset
) -> None:
    classifier, x = classifiers[model], digits.x_test[:3]
    whole = draw_sample_set(classifier, x, 3 * PAGE_SIZE, seed=5, stream="attack")
    part = draw_sample_set(classifier, x, PAGE_SIZE + 2, seed=5, stream="attack", start=start)
    assert same(part, whole[start : start + PAGE_SIZE + 2])
    assert (part.origin.start, part.origin.stop) == (start, start + PAGE_SIZE + 2)


@pytest.mark.parametrize("size", [1, 5, PAGE_SIZE, PAGE_SIZE + 4])
def test_sets_follow_each_other_without_a_gap(
    size: int, bnn: StochasticClassifier, digits: Dataset
) -> None:
    x = digits.x_test[:3]
    whole = draw_sample_set(bnn, x, 7 * size, seed=2, stream="attack")
    first = draw_sample_set(bnn, x, size, seed=2, stream="attack")
    for number, samples in zip(range(7), successive_sample_sets(bnn, x, first), strict=False):
        assert same(samples, whole[number * size : (number + 1) * size])
        assert samples.origin == whole[number * size : (number + 1) * size].origin


def test_what_follows_is_of_the_same_classifier_and_images(
    classifiers: dict[str, StochasticClassifier], digits: Dataset
) -> None:
    x = digits.x_test[:3]
    first = draw_sample_set(classifiers["bnn"], x, 2, seed=0, stream="attack")
    with pytest.raises(ArgumentError, match="drawn from another classifier"):
        next(successive_sample_sets(classifiers["im"], x, first))
    with pytest.raises(ArgumentError, match="got one made by hand"):
        next(successive_sample_sets(classifiers["bnn"], x, sample_set(torch.randn(2, 7, 2))))


def test_a_stream_starts_at_zero(bnn: StochasticClassifier, digits: Dataset) -> None:
    with pytest.raises(ArgumentError, match="start must be >= 0, got -1"):
        draw_sample_set(bnn, digits.x_test[:3], 2, seed=0, stream="attack", start=-1)


def test_large_samples_are_drawn_in_smaller_pages_that_no_budget_decides(
    classifiers: dict[str, StochasticClassifier],
    digits: Dataset,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resnet, x = classifiers["resnet"], digits.x_test[:3]
    values = 3 * (8 * 8 * 16 + 4 * 4 * 32 + 2 * 2 * 64)
    usual = draw_sample_set(resnet, x, 11, seed=5, stream="attack")
    assert usual.page_size == PAGE_SIZE
    monkeypatch.setattr("pyrosnn.sampling.sample_set.PAGE_VALUES", 5 * values)
    whole = draw_sample_set(resnet, x, 11, seed=5, stream="attack")
    redrawn = draw_sample_set(resnet, x, 11, seed=5, stream="attack", memory_budget=1)
    assert whole.page_size == redrawn.page_size == 4
    assert same(whole, redrawn)
    assert [len(part) for part in redrawn._in_memory()] == [4, 4, 3]
    assert all(same(part, whole[i * 4 : i * 4 + 4]) for i, part in enumerate(redrawn._in_memory()))
    late = draw_sample_set(resnet, x, 5, seed=5, stream="attack", start=6)
    assert same(late, whole[6:11])
    assert [len(part) for part in replace(late, stored=None)._in_memory()] == [2, 3]
    sets = successive_sample_sets(resnet, x, whole[:2])
    assert all(same(next(sets), whole[i : i + 2]) for i in (0, 2, 4, 6, 8))


def members(number: int) -> Ensemble:
    nets = [torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10)) for _ in range(number)]
    return Ensemble(nets, (1, 8, 8))


@pytest.mark.parametrize("use", [predict, replay_logits], ids=["predict", "replay_logits"])
def test_samples_of_a_foreign_classifier_are_refused(
    use: Callable[..., object], classifiers: dict[str, StochasticClassifier], digits: Dataset
) -> None:
    """Other sites and other members alike; samples of one's own pass."""
    bnn, x = classifiers["bnn"], digits.x_test[:3]
    many, few = members(9), members(2)
    for foreign, own in ((classifiers["sin"], bnn), (many, few)):
        samples = draw_sample_set(foreign, x, 20, seed=0, stream="inference")
        with pytest.raises(ArgumentError, match="'inference' were drawn from another classifier"):
            use(own, x, samples)
        use(foreign, x, samples)


def test_a_prediction_refuses_samples_from_before_a_training(
    classifiers: dict[str, StochasticClassifier], digits: Dataset
) -> None:
    bnn, x = deepcopy(classifiers["bnn"]), digits.x_test[:3]
    samples = draw_sample_set(bnn, x, 2, seed=0, stream="inference")
    before = predict(bnn, x, samples).scores
    with torch.no_grad():
        next(bnn.parameters()).add_(1.0)
    with pytest.raises(ArgumentError, match="or it was trained since"):
        predict(bnn, x, samples)
    assert torch.equal(predict_again(bnn, x, samples).scores, before)  # all weights are samples
