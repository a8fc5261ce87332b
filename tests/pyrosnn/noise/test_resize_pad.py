"""Random resizing and padding: its states, their law, and what the network gets."""

import pytest
import torch
from scipy.stats import chisquare
from torch import nn

import pyrosnn
from pyrosnn.errors import ArgumentError, NoNoiseFreeError
from pyrosnn.models import build_model
from pyrosnn.models.composed import Composed
from pyrosnn.networks.dense import dense
from pyrosnn.networks.network import INPUT, Features
from pyrosnn.noise.input import InputNoise
from pyrosnn.noise.resize_pad import ResizePad
from pyrosnn.testing import check_contract

PADDED = {8: (10, 13), 28: (34, 139), 32: (40, 284), 4: (6, 13)}


def model(side: int = 8, **options: object) -> Composed:
    made = build_model(
        "resize-pad", image_shape=(1, side, side), num_classes=3, options={"hidden": (), **options}
    )
    assert isinstance(made, Composed)
    return made.requires_grad_(False)


def states(classifier: Composed) -> torch.Tensor:
    (noise,) = classifier.noise
    assert isinstance(noise, ResizePad)
    return noise.states


@pytest.mark.parametrize("side", PADDED)
def test_the_states_of_usual_images_are_counted(side: int) -> None:
    padded, number = PADDED[side]
    classifier = model(side)
    assert classifier.image_shape == (1, side, side)
    assert classifier.network.image_shape == (1, padded, padded)
    assert len(states(classifier)) == number
    assert len(states(classifier).unique(dim=0)) == number
    size, row, column = states(classifier).unbind(-1)
    assert size.unique().tolist() == list(range(side, padded))
    for start in (row, column):
        assert bool((start >= 0).all())
        assert bool((start + size <= padded).all())


def test_the_states_of_the_source_are_counted() -> None:
    """Of 299 … 330 pixels in 331, and of 310 … 330."""
    for smallest, number in ((299, 12_528), (310, 3_794)):
        noise = ResizePad(smallest, 330, 331)
        noise.image_shape = (3, 299, 299)
        noise.place(dense((3, 1, 1), 2, ()))
        assert len(noise.states) == number


@pytest.mark.statistical
def test_sizes_and_offsets_are_uniform() -> None:
    """Each size, and each offset given the size, the last one included: p > 0.001 each."""
    classifier = model(8)
    x = torch.zeros(200, 1, 8, 8)
    samples = pyrosnn.draw_sample_set(classifier, x, 50, seed=0, stream="attack")
    drawn = states(classifier)[samples.tensors["resize_pad"].flatten()]
    size, row, column = drawn.unbind(-1)
    assert chisquare(size.bincount()[8:].numpy()).pvalue > 1e-3
    for r in (8, 9):
        offsets = row[size == r], column[size == r]
        for start in offsets:
            counts = start.bincount(minlength=11 - r)
            assert len(counts) == 11 - r
            assert chisquare(counts.numpy()).pvalue > 1e-3
        pairs = (offsets[0] * (11 - r) + offsets[1]).bincount()
        assert chisquare(pairs.numpy()).pvalue > 1e-3


def test_each_image_has_a_state_of_its_own_unless_it_is_shared() -> None:
    x = torch.zeros(30, 1, 8, 8)
    for shared, shape in ((False, (20, 30)), (True, (20, 1))):
        classifier = model(per_example=not shared)
        drawn = pyrosnn.draw_sample_set(classifier, x, 20, seed=0, stream="attack").tensors
        assert drawn["resize_pad"].shape == shape
        assert len(drawn["resize_pad"].unique()) > 5


def test_images_are_never_turned_round() -> None:
    """The source has a flip that stays for later draws: here brightness grows to the right."""
    classifier = model()
    ramp = torch.linspace(0, 1, 8).expand(1, 1, 1, 8, 8)
    every = torch.arange(13).unsqueeze(1)
    (edit,) = classifier.edits({"resize_pad": every})[INPUT]
    assert isinstance(edit, Features)
    for value, (size, row, column) in zip(
        edit.operation.value(ramp), states(classifier).tolist(), strict=True
    ):
        image = value[0, 0, row : row + size, column : column + size]
        assert bool((image.diff(dim=1) >= 0).all())
        assert bool((value[0, 0].sum() - image.sum()).isclose(torch.tensor(0.5 * (100 - size**2))))


def test_an_image_of_its_own_size_is_what_it_was() -> None:
    """The only state of 8 pixels in 8: the network without noise, bit for bit."""
    classifier, x = model(smallest=8, largest=8, padded=8), torch.rand(4, 1, 8, 8)
    assert states(classifier).tolist() == [[8, 0, 0]]
    drawn = pyrosnn.draw_sample_set(classifier, x, 2, seed=0, stream="attack").tensors
    assert torch.equal(classifier.logits(x, drawn)[1], classifier.network(x))


def test_gradients_are_those_of_the_transposed_map() -> None:
    """⟨v, R x⟩ - ⟨v, R 0⟩ = ⟨Rᵀ v, x⟩ in each of the 13 states."""
    (edit,) = model().double().edits({"resize_pad": torch.arange(13).unsqueeze(1)})[INPUT]
    assert isinstance(edit, Features)
    x = torch.rand(1, 1, 1, 8, 8, dtype=torch.float64).expand(13, -1, -1, -1, -1).clone()
    padded = edit.operation.value(x.requires_grad_())
    v = torch.randn_like(padded)
    (back,) = torch.autograd.grad((v * padded).sum(), x)
    change = (padded - edit.operation.value(torch.zeros_like(x))).detach()
    torch.testing.assert_close((v * change).flatten(1).sum(1), (back * x).flatten(1).sum(1))


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"per_example": False, "fill": 0.0}, {"network": "cnn"}])
def test_the_contract_holds(options: dict[str, object]) -> None:
    made = build_model("resize-pad", image_shape=(2, 8, 8), num_classes=3, options={**options})
    check_contract(made.requires_grad_(False))


def test_a_module_gets_images_of_the_padded_size() -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(100, 3))
    classifier = Composed(net, [ResizePad()], image_shape=(1, 8, 8)).requires_grad_(False)
    assert classifier.network.image_shape == (1, 10, 10)
    check_contract(classifier)


def test_noise_before_it_has_the_size_of_the_image() -> None:
    noise = [InputNoise(0.1), ResizePad(), InputNoise(0.1, site="after")]
    classifier = Composed(dense((1, 10, 10), 3, ()), noise, image_shape=(1, 8, 8))
    x = torch.rand(2, 1, 8, 8)
    drawn = pyrosnn.draw_sample_set(classifier, x, 3, seed=0, stream="attack").tensors
    shapes = {name: tuple(value.shape) for name, value in drawn.items()}
    assert shapes == {
        "noise": (3, 2, 1, 8, 8),
        "resize_pad": (3, 2),
        "after": (3, 2, 1, 10, 10),
    }


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"square images of shape \(channel, side, side\)"):
        build_model("resize-pad", image_shape=(1, 8, 9), num_classes=3)
    for options in ({"smallest": 10}, {"largest": 11}, {"padded": 8, "smallest": 8}):
        with pytest.raises(ArgumentError, match="smallest <= largest <= padded, got"):
            model(**options)
    for side in (6, 7):
        says = f"padded must be at least the side of the images, 8, got {side}; by default it is 10"
        with pytest.raises(ArgumentError, match=says):
            model(padded=side)
    with pytest.raises(ArgumentError, match=r"makes images of shape \(1, 10, 10\) from those"):
        Composed(dense((1, 8, 8), 3, ()), [ResizePad()])
    with pytest.raises(NoNoiseFreeError, match="the law of site 'resize_pad'"):
        pyrosnn.noise_free(model())
