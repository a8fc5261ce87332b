"""Models of other libraries, with no code of ours but the adapter: their own draws are replayed."""

import warnings
from collections.abc import Callable

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.infer.autoguide import AutoNormal
from torch import Tensor, nn

from pyrosnn.adapters import PyroClassifier, Stochastic
from pyrosnn.sampling import draw_sample_set, replay_logits

# Standard deviations of a mean of NUM_SAMPLES: one of 10,000 seeds would fail for each of 30
# logits. The seed is fixed.
LEVEL = 5.0
NUM_SAMPLES = 250
NUM_GRADIENTS = 40
SMALL = (1, 8, 8)
COLOUR = (3, 32, 32)

Module = Callable[[], nn.Module]


def torchbnn() -> nn.Module:
    bnn = pytest.importorskip("torchbnn")
    return nn.Sequential(
        bnn.BayesConv2d(0, 0.1, 1, 4, 3), nn.ReLU(), nn.Flatten(), bnn.BayesLinear(0, 0.1, 144, 10)
    )


def bayesian_torch(kind: str) -> nn.Module:
    to_bnn = pytest.importorskip("bayesian_torch.models.dnn_to_bnn").dnn_to_bnn
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 10))
    settings = {
        "prior_mu": 0.0, "prior_sigma": 1.0, "posterior_mu_init": 0.0, "posterior_rho_init": -3.0,
        "type": kind, "moped_enable": False, "moped_delta": 0.5,
    }  # fmt: skip
    to_bnn(net, settings)
    return net


def blitz() -> nn.Module:
    modules = pytest.importorskip("blitz.modules")
    net = nn.Sequential(
        nn.Flatten(), modules.BayesianLinear(64, 16), nn.ReLU(), modules.BayesianLinear(16, 10)
    )
    net(torch.rand(3, *SMALL)).sum().backward()  # it keeps its last draw, with a graph
    return net


def vision_transformer() -> nn.Module:
    models = pytest.importorskip("torchvision.models")
    net: nn.Module = models.VisionTransformer(
        image_size=32, patch_size=16, num_layers=2, num_heads=2, hidden_dim=16, mlp_dim=32,
        dropout=0.1, attention_dropout=0.2, num_classes=10,
    )  # fmt: skip
    return spread(net)


def convnext() -> nn.Module:
    models = pytest.importorskip("torchvision.models.convnext")
    blocks = [models.CNBlockConfig(8, 16, 2), models.CNBlockConfig(16, None, 2)]
    net: nn.Module = models.ConvNeXt(
        blocks, stochastic_depth_prob=0.5, layer_scale=0.5, num_classes=10
    )
    return net


def swin() -> nn.Module:
    models = pytest.importorskip("torchvision.models")
    net: nn.Module = models.SwinTransformer(
        [4, 4], 8, [1, 1], [2, 2], [4, 4], dropout=0.1, attention_dropout=0.1,
        stochastic_depth_prob=0.3, num_classes=10,
    )  # fmt: skip
    return spread(net)


class Deep(nn.Module):
    """A residual network whose blocks are left out by chance, with batch norm."""

    def __init__(self) -> None:
        super().__init__()
        ops = pytest.importorskip("torchvision.ops")
        self.first = nn.Conv2d(3, 8, 3, stride=4)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1))
            for _ in range(3)
        )
        self.depth = ops.StochasticDepth(0.4, "row")
        self.last = nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        h = self.first(x)
        for block in self.blocks:
            h = h + self.depth(block(h))
        logits: Tensor = self.last(h.mean((-2, -1)))
        return logits


def timm_vit() -> nn.Module:
    timm = pytest.importorskip("timm")
    net: nn.Module = timm.create_model(
        "vit_tiny_patch16_224", img_size=32, patch_size=16, depth=2, embed_dim=32, num_heads=2,
        num_classes=10, drop_path_rate=0.5, proj_drop_rate=0.05, attn_drop_rate=0.3,
    )  # fmt: skip
    return net


def spread(net: nn.Module) -> nn.Module:
    """Give a last layer that is made of zeros weights."""
    for name, part in net.named_modules():
        if isinstance(part, nn.Linear) and name.startswith("head"):
            nn.init.normal_(part.weight)
    return net


LIBRARIES: dict[str, tuple[Module, tuple[int, ...]]] = {
    "torchbnn": (torchbnn, SMALL),
    "bayesian-torch-reparameterization": (lambda: bayesian_torch("Reparameterization"), SMALL),
    "bayesian-torch-flipout": (lambda: bayesian_torch("Flipout"), SMALL),
    "blitz": (blitz, SMALL),
    "torchvision-vit": (vision_transformer, COLOUR),
    "torchvision-convnext": (convnext, COLOUR),
    "torchvision-swin": (swin, COLOUR),
    "torchvision-stochastic-depth": (Deep, COLOUR),
    "timm-vit": (timm_vit, COLOUR),
}


def without_warnings(make: Module) -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the libraries' own
        return make()


@pytest.mark.slow
@pytest.mark.statistical
@pytest.mark.parametrize("name", list(LIBRARIES))
def test_mean_spread_and_gradient_are_the_modules_own(name: str) -> None:
    torch.manual_seed(0)
    make, shape = LIBRARIES[name]
    module = without_warnings(make)
    classifier = Stochastic(module, shape)
    assert classifier.replay in ("vmap", "batch")
    x = torch.rand(3, *shape)
    samples = draw_sample_set(classifier, x, NUM_SAMPLES, seed=0, stream="mine")
    mine = replay_logits(classifier, x, samples)
    inputs = x.clone().requires_grad_()
    few = draw_sample_set(classifier, x, NUM_GRADIENTS, seed=1, stream="mine")
    gradients = [
        torch.autograd.grad(
            classifier.logits(inputs, few[s : s + 1].tensors)[..., 0].sum(), inputs
        )[0]
        for s in range(NUM_GRADIENTS)
    ]
    module.train()
    for part in module.modules():
        if isinstance(part, nn.modules.batchnorm._NormBase):
            part.eval()
    with torch.no_grad():
        theirs = torch.stack([_logits(module, x) for _ in range(NUM_SAMPLES)])
    own = []
    for _ in range(NUM_GRADIENTS):
        inputs = x.clone().requires_grad_()
        own.append(torch.autograd.grad(_logits(module, inputs)[..., 0].sum(), inputs)[0])
    for first, second, level in (
        (mine, theirs, LEVEL),
        (torch.stack(gradients).flatten(2), torch.stack(own).flatten(2), 1.2 * LEVEL),
    ):
        error = (first.var(0) / len(first) + second.var(0) / len(second)).sqrt()
        z = (first.mean(0) - second.mean(0)).abs() / (error + 1e-6 * second.abs().max())
        assert float(z.max()) < level
    spread_of_both = (mine.std(0) / theirs.std(0)).log().abs()
    assert float(spread_of_both.max()) < 0.35


def _logits(module: nn.Module, x: Tensor) -> Tensor:
    returned = module(x)
    logits: Tensor = returned[0] if isinstance(returned, tuple) else returned
    return logits


@pytest.mark.slow
@pytest.mark.statistical
def test_a_network_of_tyxe() -> None:
    tyxe = pytest.importorskip("tyxe")
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 3))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        bnn = tyxe.VariationalBNN(
            net,
            tyxe.priors.IIDPrior(dist.Normal(0, 1)),
            tyxe.likelihoods.Categorical(100),
            AutoNormal,  # those of TyXe are for an older Pyro
        )
        x = torch.rand(3, 1, 4, 4)
        bnn.guide(x, torch.tensor([0, 1, 2]))
        classifier = PyroClassifier(bnn.model, bnn.guide, (1, 4, 4))
        samples = draw_sample_set(classifier, x, 400, seed=0, stream="mine")
        mine = replay_logits(classifier, x, samples)
        with torch.no_grad():
            theirs = torch.as_tensor(bnn.predict(x, num_predictions=400, aggregate=False))
    pyro.clear_param_store()
    theirs = theirs.log_softmax(-1)
    mine = mine.log_softmax(-1)
    error = ((mine.var(0) + theirs.var(0)) / 400).sqrt()
    assert float(((mine.mean(0) - theirs.mean(0)).abs() / error).max()) < LEVEL
