"""A normalisation within the network: the same numbers as outside of it."""

import pytest
import torch
from torch import nn

from pyrosnn.adapters import Ensemble, MCDropout, Normalized, Stochastic, WeightSamples
from pyrosnn.errors import ArgumentError
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.sampling import draw_sample_set

MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.3, 0.1)
SHAPE = (3, 2, 4)


def net(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Flatten(), nn.Linear(24, 6), nn.Dropout(0.5), nn.Linear(6, 4)).eval()


def test_it_is_the_module_at_normalised_images() -> None:
    x, module = torch.rand(5, *SHAPE), net()
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (MEAN, STD))
    torch.testing.assert_close(Normalized(module, MEAN, STD)(x), module((x - mean) / std))
    torch.testing.assert_close(Normalized(module, 0.5, 2)(x), module((x - 0.5) / 2))
    vectors = torch.rand(5, 24)
    shift, scale = torch.rand(24), torch.rand(24) + 1
    expected = module((vectors - shift) / scale)
    torch.testing.assert_close(Normalized(module, shift, scale)(vectors), expected)


@pytest.mark.parametrize("adapter", ["dropout", "stochastic", "ensemble", "weights"])
def test_any_adapter_takes_it(adapter: str) -> None:
    """The samples' logits are those of the plain network's at normalised images."""
    nets = [net(0), net(1)]
    whole = [Normalized(one, MEAN, STD) for one in nets]

    def adapted(modules: list[nn.Module]) -> StochasticClassifier:
        if adapter == "dropout":
            return MCDropout(modules[0], SHAPE)
        if adapter == "stochastic":
            return Stochastic(modules[0], SHAPE, mode="training")
        if adapter == "ensemble":
            return Ensemble(modules, SHAPE)
        return WeightSamples(modules[0], [one.state_dict() for one in modules], SHAPE)

    x = torch.rand(3, *SHAPE, generator=torch.Generator().manual_seed(0))
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (MEAN, STD))
    plain, normal = adapted(list(nets)), adapted(list(whole))
    found, expected = (
        classifier.logits(at, draw_sample_set(classifier, at, 4, seed=0, stream="attack").tensors)
        for classifier, at in ((normal, x), (plain, (x - mean) / std))
    )
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize(
    ("mean", "std", "message"),
    [
        ((0.5, 0.5), (1, 1, 1), "mean has 2 values, std has 3; expected one for each channel"),
        (0.5, (1, 0, 1)[1:2], "std must be > 0, got [0.0]"),
        ("a", 1, "mean must be numbers, got 'a'"),
        (
            torch.zeros(3, 1, 1),
            1,
            "mean must be one finite number for each channel, got a Tensor of",
        ),
        (float("nan"), 1, "mean must be one finite number"),
    ],
)
@pytest.mark.usefixtures("as_users_call")
def test_numbers_that_cannot_be(mean: object, std: object, message: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        Normalized(net(), mean, std)  # type: ignore[arg-type]
    assert message in str(caught.value)


@pytest.mark.usefixtures("as_users_call")
def test_other_channels_and_no_module() -> None:
    with pytest.raises(ArgumentError, match=r"have 3 values, expected 1 or the number of channels"):
        Normalized(net(), MEAN, STD)(torch.rand(2, 1, 4, 6))
    with pytest.raises(ArgumentError, match=r"module must be a torch\.nn\.Module, got 5"):
        Normalized(5, 0.5, 1)  # type: ignore[arg-type]
