"""BaRT-lite: each transform alone, their order, and exact replay."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare
from torch import Tensor
from torch.autograd import gradcheck
from torch.nn.functional import pad
from torch.testing import assert_close

import pyrosnn
from pyrosnn.errors import ArgumentError, NoNoiseFreeError
from pyrosnn.models import build_model
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.noise.bart_lite import transformed
from pyrosnn.noise.transforms import (
    FIELDS,
    NUMBERS,
    TRANSFORMS,
    Transform,
    colours,
    filters,
    pixels,
    transforms_for,
)
from pyrosnn.noise.transforms.median import find_median
from pyrosnn.noise.transforms.numbers import whole
from pyrosnn.testing import check_contract

# Those that leave an image of one value as it is; the others add, round or scale.
FIXING = ("contrast", "swirl", "zoom", "blur", "mean", "median", "grey")


def uniform(images: int = 3, channels: int = 3, side: int = 7) -> tuple[Tensor, Tensor, Tensor]:
    """An image, numbers and fields, all uniform."""
    shape = (channels, side, side)
    return (
        torch.rand(images, *shape, dtype=torch.float64),
        torch.rand(images, NUMBERS, dtype=torch.float64),
        torch.rand(images, FIELDS, *shape, dtype=torch.float64),
    )


@pytest.mark.parametrize("name", FIXING)
@given(value=st.floats(0, 1), side=st.integers(3, 9), seed=st.integers(0, 2**16))
def test_an_image_of_one_value_stays(name: str, value: float, side: int, seed: int) -> None:
    torch.manual_seed(seed)
    h, numbers, fields = uniform(side=side)
    constant = torch.full_like(h, value)
    changed = TRANSFORMS[name].change(constant, numbers, fields)
    assert_close(changed, constant, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", [name for name, one in TRANSFORMS.items() if one.smooth])
def test_the_gradient_agrees_with_finite_differences(name: str) -> None:
    h, numbers, fields = uniform(2, side=5)
    change = TRANSFORMS[name].change
    assert gradcheck(lambda x: change(x, numbers, fields), h.requires_grad_())


@pytest.mark.parametrize("name", TRANSFORMS)
def test_images_do_not_depend_on_each_other(name: str) -> None:
    h, numbers, fields = uniform()
    change = TRANSFORMS[name].change
    together = change(h, numbers, fields)
    alone = [change(h[i : i + 1], numbers[i : i + 1], fields[i : i + 1]) for i in range(3)]
    assert_close(together, torch.cat(alone))
    assert not torch.equal(together, h)


def test_rounded_values_have_whole_levels_and_the_gradient_of_the_image() -> None:
    h, numbers, fields = uniform(50)
    rounded = pixels.round_values(h.requires_grad_(), numbers, fields)
    levels = (8 + 193 * numbers[:, 0]).floor()
    products = rounded.detach() * levels[:, None, None, None]
    assert_close(products, products.round())
    (gradient,) = torch.autograd.grad(rounded.sum(), h)
    assert torch.equal(gradient, torch.ones_like(h))


def test_ends_of_whole_numbers_are_as_likely_as_the_others() -> None:
    """Rounding a uniform number would give both ends half of the weight."""
    u = (torch.arange(1930, dtype=torch.float64) + 0.5) / 1930
    counts = whole(u, 8, 200).flatten().long().bincount()
    assert counts[8:].tolist() == [10] * 193


def test_a_filter_that_keeps_all_is_the_identity() -> None:
    h, _, fields = uniform()
    most = torch.tensor([[1.0, 0.5, 0.0, 0.0]], dtype=torch.float64).expand(3, -1)
    assert_close(filters.low_pass(h, most, fields), h)
    few = torch.tensor([[0.0, 0.5, 0.0, 0.0]], dtype=torch.float64).expand(3, -1)
    kept = torch.fft.fft2(filters.low_pass(h, few, fields)).abs() > 1e-9
    assert kept[0, 0].sum() == 9  # of 7 × 7 frequencies, those up to one cycle in 7 pixels


@pytest.mark.parametrize("side", [3, 5, 8])
def test_medians_are_those_of_torch(side: int) -> None:
    """Also where pixels are equal, at the border, and beside a pixel that is no number."""
    h = torch.rand(20, 3, side, side + 1).mul(4).round()
    h[0, 0, 0, 0] = h[1, 2, -1, -1] = h[2, 1, 1, 1] = torch.nan
    _, numbers, fields = uniform(20)
    windows = pad(h, (1, 1, 1, 1), mode="replicate").unfold(2, 3, 1).unfold(3, 3, 1)
    expected = windows.flatten(4).median(-1).values
    assert_close(find_median(h, numbers, fields), expected, rtol=0, atol=0, equal_nan=True)
    assert int(expected.isnan().sum()) == 4 + 4 + 9


def test_the_gradient_of_a_median_goes_to_the_first_of_equal_pixels() -> None:
    h = torch.tensor([[[[0.0, 1, 0], [1, 0, 1], [0, 1, 1]]]]).requires_grad_()
    (gradient,) = torch.autograd.grad(find_median(h, h, h)[0, 0, 1, 1], h)
    assert gradient.flatten().tolist() == [0, 1, 0, 0, 0, 0, 0, 0, 0]  # five of nine are 1


@pytest.mark.parametrize("side", [3, 6, 28])
def test_contrast_is_stretched_between_quantiles(side: int) -> None:
    h, numbers, fields = uniform(4, side=side)
    low, high = (
        torch.stack([one.quantile(share) for one, share in zip(h, shares, strict=True)])
        for shares in (0.01 + 0.03 * numbers[:, 0], 0.96 + 0.03 * numbers[:, 1])
    )
    expected = (h - low[:, None, None, None]) / (high - low)[:, None, None, None]
    assert_close(pixels.stretch_contrast(h, numbers, fields), expected)


def test_colours_keep_their_lightness_and_grey_has_one_value() -> None:
    h, numbers, fields = uniform()
    numbers[:, 0] = 0.5  # no other lightness
    change = colours.shift_colours(h, numbers, fields) - h
    light = torch.tensor([0.299, 0.587, 0.114], dtype=torch.float64)
    assert float((change * light[:, None, None]).sum(1).abs().max()) < 1e-5
    numbers[:, 3] = 1.0
    grey = colours.mix_channels(h, numbers, fields)
    assert_close(grey, grey[:, :1].expand_as(grey))


def test_a_flip_is_as_rare_as_it_says() -> None:
    h, numbers, fields = uniform(200, side=20)
    changed = pixels.flip_pixels(h, numbers, fields)
    for value in (0.0, 1.0):
        assert float((changed == value).double().mean()) == pytest.approx(0.025, abs=0.002)


def model(channels: int = 1, **options: object) -> StochasticClassifier:
    made = build_model(
        "bart-lite",
        image_shape=(channels, 8, 8),
        num_classes=3,
        options={"hidden": (), **options},
    )
    return made.requires_grad_(False)


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"per_example": False}, {"num_transforms": 12}])
def test_the_contract_holds(options: dict[str, object]) -> None:
    check_contract(model(3, **options))


def test_a_sample_is_replayed_bit_for_bit() -> None:
    """The same numbers give the same images, whatever was drawn in between."""
    classifier, x = model(), torch.rand(5, 1, 8, 8)
    samples = pyrosnn.draw_sample_set(classifier, x, 20, seed=0, stream="attack")
    first = classifier.logits(x, samples.tensors)
    torch.rand(17)
    assert torch.equal(classifier.logits(x, samples.tensors), first)


def test_transforms_are_applied_in_the_order_of_their_numbers() -> None:
    """Halving and adding do not commute: the result says which came first."""
    steps = [
        Transform(change=lambda h, numbers, fields: h / 2),
        Transform(change=lambda h, numbers, fields: h + 0.25),
        Transform(change=lambda h, numbers, fields: h + 0.125),
    ]
    u = torch.rand(1, 2, 3 * (1 + NUMBERS) + FIELDS * 9)
    u[..., :3] = torch.tensor([[0.1, 0.2, 0.9], [0.7, 0.1, 0.9]])
    h = torch.full((1, 2, 1, 3, 3), 0.5)
    changed = transformed(h, u=u, transforms=steps, num_transforms=2)
    assert changed[0, :, 0, 0, 0].tolist() == [0.5, 0.375]
    assert float(transformed(h, u=u, transforms=steps, num_transforms=3)[0, 0, 0, 0, 0]) == 0.625


@pytest.mark.statistical
def test_every_transform_is_as_likely_at_every_place() -> None:
    """Of 4,000 draws: p > 0.001 for each of the three places."""
    u = pyrosnn.draw_sample_set(
        model(3), torch.zeros(400, 3, 8, 8), 10, seed=0, stream="attack"
    ).tensors["transforms"]
    order = u[..., :12].argsort(-1)[..., :3].flatten(0, 1)
    for place in order.unbind(-1):
        assert chisquare(place.bincount(minlength=12).numpy()).pvalue > 1e-3
    assert bool((order.sort(-1).values.diff(dim=-1) > 0).all())  # none twice


def test_each_image_has_transforms_of_its_own_unless_they_are_shared() -> None:
    x = torch.rand(1, 1, 8, 8).expand(4, -1, -1, -1)
    for shared in (False, True):
        classifier = model(per_example=not shared)
        samples = pyrosnn.draw_sample_set(classifier, x, 2, seed=0, stream="attack")
        logits = classifier.logits(x, samples.tensors)
        same = torch.allclose(logits, logits[:, :1].expand_as(logits))
        assert same is shared


def test_grey_images_have_the_transforms_without_colours() -> None:
    assert (len(transforms_for(1)), len(transforms_for(3))) == (10, 12)
    with pytest.raises(ArgumentError, match=r"num_transforms must be <= 10, the .* got 11"):
        model(num_transforms=11)
    with pytest.raises(ArgumentError, match=r"needs images of shape \(channel, height, width\)"):
        build_model("bart-lite", image_shape=(64,), num_classes=3)
    with pytest.raises(NoNoiseFreeError, match="the law of site 'transforms'"):
        pyrosnn.noise_free(model())
