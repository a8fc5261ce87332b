"""Objectives against closed forms and against each other; training as a whole."""

from dataclasses import replace
from typing import Any

import pyro
import pytest
import torch
from pyro import poutine
from pyro.distributions import Normal, StudentT
from pyro.infer import Trace_ELBO, TraceMeanField_ELBO
from torch import Tensor

from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError, UnknownNameError, resolve
from pyrosnn.evaluation import accuracy
from pyrosnn.models import MODELS, build_model
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.noise.matrix_normal import MatrixNormal
from pyrosnn.shapes import Sites
from pyrosnn.training import TrainingProgress, TrainingSpec, preset, preset_names, train
from pyrosnn.training.loop import _train_epoch
from pyrosnn.training.loss import make_loss
from pyrosnn.training.objectives import OBJECTIVES
from pyrosnn.training.objectives.averaged_logits import AveragedLogitsELBO
from pyrosnn.training.objectives.elbo import MeanELBO
from pyrosnn.training.objectives.mixture import MixtureELBO
from pyrosnn.training.objectives.pooled import PooledELBO, WeighSites

NOISE = 0.5


class BayesianRegression(StochasticClassifier):
    """y = x W + noise with W ~ MN(0, I, I): its posterior is a matrix normal in closed form."""

    output = "logits"
    objective = "elbo"

    def __init__(self, rows: int, columns: int):
        super().__init__((rows,), columns)
        self.loc = torch.nn.Parameter(torch.zeros(rows, columns))
        self.raw = torch.nn.Parameter(-2.0 * torch.eye(rows))

    def row_tril(self) -> Tensor:
        return self.raw.tril(-1) + torch.diag_embed(self.raw.diagonal().exp())

    def model(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        rows, columns = self.loc.shape
        prior = MatrixNormal(
            torch.zeros(rows, columns), row_scale=torch.ones(rows), column_scale=torch.ones(columns)
        )
        mean = self.logits(x, {"w": pyro.sample("w", prior)})
        with pyro.plate("images", len(x), dim=-1):
            return pyro.sample("y", Normal(mean, NOISE).to_event(1), obs=y)

    def sample_sites(self, x: Tensor, images: pyro.plate) -> Sites:
        columns = torch.ones(self.num_classes)
        law = MatrixNormal(self.loc, row_tril=self.row_tril(), column_scale=columns)
        return {"w": pyro.sample("w", law)}

    def logits(self, x: Tensor, sites: Sites) -> Tensor:
        w = sites["w"]
        return x @ (w.squeeze(-3) if w.ndim > 2 else w)


def regression_spec(**changes: Any) -> TrainingSpec:
    return replace(preset("bnn", learning_rate=0.02, num_particles=20, kl_weight=1.0), **changes)


@pytest.mark.slow
@pytest.mark.parametrize("kl_weight", [1.0, 0.25])
def test_svi_comes_to_the_analytic_posterior(kl_weight: float) -> None:
    """Minibatches and a KL weight w: the posterior of N images is that of N / w images."""
    num_images, rows, columns = 60, 3, 2
    x = torch.randn(num_images, rows)
    y = x @ torch.randn(rows, columns) + NOISE * torch.randn(num_images, columns)
    precision = x.T @ x / (NOISE**2 * kl_weight) + torch.eye(rows)
    covariance = precision.inverse()
    mean = covariance @ x.T @ y / (NOISE**2 * kl_weight)

    classifier = BayesianRegression(rows, columns)
    spec = regression_spec(kl_weight=kl_weight)
    loss_of = make_loss(classifier, spec, num_images=num_images)
    # falling step sizes, so that the noise of batches and particles dies out
    for learning_rate in (0.02, 0.004, 0.0005):
        optimizer = torch.optim.Adam(classifier.parameters(), learning_rate)
        for _ in range(150):
            for batch in torch.randperm(num_images).split(30):
                optimizer.zero_grad()
                loss_of(x[batch], y[batch]).backward()
                optimizer.step()
    found = classifier.row_tril() @ classifier.row_tril().T
    scale = float(covariance.diagonal().sqrt().max())
    assert (classifier.loc - mean).abs().max() < 0.15 * scale
    torch.testing.assert_close(found, covariance, rtol=0.1, atol=0.05 * scale**2)


def loss_of(objective: PooledELBO, classifier: StochasticClassifier, x: Tensor, y: Tensor) -> float:
    torch.manual_seed(7)  # the same particles for every objective
    with torch.no_grad():
        return float(objective.differentiable_loss(classifier.model, classifier.guide, x, y))


@pytest.mark.parametrize("num_particles", [1, 6])
def test_the_mean_elbo_is_pyros(
    num_particles: int, digits: Dataset, specs: dict[str, TrainingSpec]
) -> None:
    """The same loss and the same gradients as ``TraceMeanField_ELBO``, with weights of sites."""
    x, y = digits.x_train[:50], digits.y_train[:50]
    classifier = build_model(
        "bnn", image_shape=(1, 8, 8), num_classes=10, options=specs["bnn"].options
    )
    pyros = TraceMeanField_ELBO(
        num_particles=num_particles, vectorize_particles=True, max_plate_nesting=1
    )
    found = []
    for objective in (MeanELBO(num_particles), pyros):
        torch.manual_seed(7)
        with WeighSites(data=0.02, latent=0.001):
            loss = objective.differentiable_loss(classifier.model, classifier.guide, x, y)
        found.append((loss, torch.autograd.grad(loss, list(classifier.parameters()))))
    (loss, gradients), (reference, its_gradients) = found
    assert float(loss.detach()) == pytest.approx(float(reference.detach()), rel=1e-5)
    for one, other in zip(gradients, its_gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


def test_a_divergence_without_a_closed_form_is_estimated_at_the_draws() -> None:
    def model(x: Tensor, y: Tensor) -> None:
        w = pyro.sample("w", StudentT(3.0, torch.tensor(0.0), torch.tensor(1.0)))
        with pyro.plate("images", len(x), dim=-1):
            pyro.sample("y", Normal(w * x, 1.0), obs=y)

    def guide(x: Tensor, y: Tensor) -> None:
        pyro.sample("w", Normal(torch.tensor(0.3), torch.tensor(0.5)))

    x, y = torch.randn(8), torch.randn(8)
    losses = []
    for objective in (
        MeanELBO(5),
        Trace_ELBO(num_particles=5, vectorize_particles=True, max_plate_nesting=1),
    ):
        torch.manual_seed(7)
        losses.append(float(objective.differentiable_loss(model, guide, x, y)))
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_the_mixture_with_one_particle_is_the_elbo(
    bnn: StochasticClassifier, digits: Dataset
) -> None:
    x, y = digits.x_train[:50], digits.y_train[:50]
    mixture, plain = (loss_of(make(1), bnn, x, y) for make in (MixtureELBO, MeanELBO))
    assert mixture == pytest.approx(plain, rel=1e-6)


def test_the_mixture_is_at_least_the_elbo(bnn: StochasticClassifier, digits: Dataset) -> None:
    """Jensen: the log of a mean is at least the mean of the logs, for the same particles."""
    x, y = digits.x_train[:50], digits.y_train[:50]
    mixture, plain = (loss_of(make(8), bnn, x, y) for make in (MixtureELBO, MeanELBO))
    assert mixture < plain - 1.0


def latent_samples(classifier: StochasticClassifier, x: Tensor, number: int) -> dict[str, Tensor]:
    """The particles that an objective draws after ``manual_seed(7)``, in its own shapes."""
    torch.manual_seed(7)
    with torch.no_grad(), pyro.plate("num_particles_vectorized", number, dim=-2):
        trace = poutine.trace(classifier.guide).get_trace(x)
    latent = [name for name in trace.stochastic_nodes if "_particles" not in name]
    nodes: dict[str, Any] = dict(trace.nodes)
    return {name: nodes[name]["value"] for name in latent if name != "images"}


def test_the_mixture_pools_each_image(bnn: StochasticClassifier, digits: Dataset) -> None:
    x, y = digits.x_train[:50], digits.y_train[:50]
    with torch.no_grad():
        log_p = bnn.logits(x, latent_samples(bnn, x, 6)).log_softmax(-1)
    each = log_p[:, torch.arange(50), y]
    difference = float(each.mean(0).sum() - each.exp().mean(0).log().sum())
    mixture, plain = (loss_of(make(6), bnn, x, y) for make in (MixtureELBO, MeanELBO))
    assert mixture - plain == pytest.approx(difference, rel=1e-4)


def test_averaged_logits_are_the_cross_entropy_of_the_mean(
    classifiers: dict[str, StochasticClassifier], digits: Dataset
) -> None:
    x, y = digits.x_train[:50], digits.y_train[:50]
    sin = classifiers["sin"]
    with torch.no_grad():
        mean = sin.logits(x, latent_samples(sin, x, 5)).mean(0)
    expected = float(torch.nn.functional.cross_entropy(mean, y, reduction="sum"))
    assert loss_of(AveragedLogitsELBO(5), sin, x, y) == pytest.approx(expected, rel=1e-5)


def test_an_averaged_loss_is_the_mean_cross_entropy_of_the_copies(digits: Dataset) -> None:
    x, y = digits.x_train[:50], digits.y_train[:50]
    options = {"average": "loss"}
    sin = build_model("sin", image_shape=(1, 8, 8), num_classes=10, options=options)
    with torch.no_grad():
        log_p = sin.logits(x, latent_samples(sin, x, 5)).log_softmax(-1)
    expected = -float(log_p[:, torch.arange(50), y].mean(0).sum())
    own = loss_of(resolve(OBJECTIVES, sin.objective, "objective")(5), sin, x, y)
    assert own == pytest.approx(expected, rel=1e-5)
    with pytest.raises(UnknownNameError, match="unknown average 'losses'; did you mean 'loss'"):
        build_model("sin", image_shape=(1, 8, 8), num_classes=10, options={"average": "losses"})


def test_each_model_is_trained_with_its_own_objective() -> None:
    expected = {"bnn": MeanELBO, "im": MixtureELBO, "sin": AveragedLogitsELBO}
    for model, objective in expected.items():
        classifier = build_model(model, image_shape=(1, 2, 2), num_classes=3)
        assert resolve(OBJECTIVES, classifier.objective, "objective") is objective


def test_the_prior_is_the_standard_matrix_normal(digits: Dataset) -> None:
    classifier = build_model("bnn", image_shape=(1, 8, 8), num_classes=10)
    nodes: dict[str, Any] = dict(
        poutine.trace(classifier.model).get_trace(digits.x_train[:2], digits.y_train[:2]).nodes
    )
    for name in ("weight_0", "weight_1", "weight_2"):
        prior = nodes[name]["fn"]
        assert torch.equal(prior.mean, torch.zeros_like(prior.mean))
        assert torch.equal(prior.variance, torch.ones_like(prior.mean))


@pytest.mark.parametrize("model", list(MODELS))
def test_training_learns_and_reports(
    model: str, classifiers: dict[str, StochasticClassifier], digits: Dataset
) -> None:
    reached = accuracy(classifiers[model], digits.x_test, digits.y_test, num_samples=20)
    assert reached > 0.6  # chance is 0.1
    assert all(parameter.grad is None for parameter in classifiers[model].parameters())


def test_progress_reports_every_epoch(digits: Dataset) -> None:
    steps: list[TrainingProgress] = []
    train(preset("bnn", epochs=3, options={"hidden": (8,)}), digits, progress=steps.append)
    assert [step.epoch for step in steps] == [1, 2, 3]
    assert steps[2].loss < steps[0].loss


def test_the_same_seed_trains_the_same_weights(digits: Dataset) -> None:
    spec = preset("bnn", epochs=1, options={"hidden": (8,)})
    state = torch.get_rng_state()
    first, second = train(spec, digits).state_dict(), train(spec, digits).state_dict()
    other = train(replace(spec, seed=1), digits).state_dict()
    assert torch.equal(state, torch.get_rng_state())
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["means.0"], other["means.0"])


class Recorder:
    """Stands in for a loss: keeps the batches; the loss is 2 w times the images' mean, w = 1/2."""

    def __init__(self) -> None:
        self.batches: list[tuple[Tensor, Tensor]] = []
        self.w = torch.tensor(0.5, requires_grad=True)
        self.optimizer = torch.optim.SGD([self.w])

    def __call__(self, x: Tensor, y: Tensor, /, *, epoch: int = 1, batch: int = 0) -> Tensor:
        self.batches.append((x, y))
        return 2 * self.w * x.mean()


def test_an_epoch_sees_every_image_once_in_an_order_of_its_own() -> None:
    y = torch.arange(10)
    first, second = Recorder(), Recorder()
    spec = preset("bnn", batch_size=4, learning_rate=1e-30)
    x = y.float().unsqueeze(1)
    losses = [_train_epoch(each, each.optimizer, x, y, spec) for each in (first, second)]
    orders = []
    for recorder in (first, second):
        assert [len(labels) for _, labels in recorder.batches] == [4, 4, 2]
        # image and label stay together
        assert all(torch.equal(x.flatten(), y.float()) for x, y in recorder.batches)
        orders.append(torch.cat([labels for _, labels in recorder.batches]))
        assert orders[-1].sort().values.tolist() == y.tolist()
        assert recorder.w.grad == pytest.approx(2 * float(recorder.batches[-1][0].mean()))
    assert not torch.equal(*orders)
    assert losses == pytest.approx([4.5, 4.5])  # per image: the smaller last batch counts less


@pytest.mark.statistical
def test_noise_replaces_each_image_by_noisy_copies() -> None:
    """Supplement C.1: two noisy copies of each image, with the labels of both."""
    y = torch.arange(4000)
    x = y.float().unsqueeze(1)
    recorder = Recorder()
    spec = preset("bnn", batch_size=4000, smoothing_variance=0.09, learning_rate=1e-30)
    loss = _train_epoch(recorder, recorder.optimizer, x, y, spec)
    ((images, labels),) = recorder.batches
    assert loss == pytest.approx(float(images.mean()))
    assert torch.bincount(labels).tolist() == [2] * 4000
    noise = images.squeeze(1) - labels
    # 8,000 values: the standard error of the variance is 0.09 √(2 / 8000) = 0.0014
    assert abs(float(noise.var()) - 0.09) < 5 * 0.0015
    assert abs(float(noise.mean())) < 5 * 0.3 / 8000**0.5
    assert torch.equal(x.squeeze(1), y.float())  # the data themselves are untouched


def test_presets_are_complete() -> None:
    assert preset_names() == ["quick", "paper"]
    paper = preset("bnn", "paper")
    assert (paper.epochs, paper.batch_size, paper.learning_rate) == (50, 100, 0.001)
    assert (paper.num_particles, paper.kl_weight) == (5, 1.0)


def test_bad_settings_are_refused(digits: Dataset) -> None:
    with pytest.raises(UnknownNameError, match="unknown preset 'papre'; did you mean 'paper'"):
        preset("bnn", "papre")
    with pytest.raises(ArgumentError, match="epochs must be >= 1, got 0"):
        preset("bnn", epochs=0)
    with pytest.raises(ArgumentError, match="learning_rate must be > 0 and finite, got -1"):
        preset("bnn", learning_rate=-1.0)
    with pytest.raises(ArgumentError, match="images must be finite, got NaN"):
        replace(digits, x_train=digits.x_train * float("nan"))
    with pytest.raises(ArgumentError, match="labels must be in 0 … 9, got 12"):
        replace(digits, y_train=digits.y_train + 3)
    empty = replace(digits, x_train=digits.x_train[:0], y_train=digits.y_train[:0])
    with pytest.raises(ArgumentError, match="digits has no training images"):
        train(preset("bnn", epochs=1), empty)
    explosive = preset("bnn", epochs=3, learning_rate=1e30, options={"hidden": (4,)})
    with pytest.raises(
        ArgumentError, match="the loss or the parameters became NaN or infinite in epoch"
    ):
        train(explosive, digits)
