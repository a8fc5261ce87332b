"""All that computes runs on an accelerator, and gives there what it gives on the CPU.

Skipped where there is no CUDA device; ``PYROSNN_TEST_DEVICE`` names another one.
"""

import copy
import gc
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from support.adapted import ADAPTED, CLASSES, SHAPE
from support.studies import smallest
from torch import Tensor
from typer.testing import CliRunner

import pyrosnn
from pyrosnn.attacks import FGM, PGD, SPSA, Attack, ExternalAttack
from pyrosnn.attacks.module import SampledModule
from pyrosnn.attacks.norms import length
from pyrosnn.conditions import attack_geometry, linear_condition
from pyrosnn.data.dataset import Dataset
from pyrosnn.models import build_model
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.results import open_results, read_provenance, result_digest
from pyrosnn.sampling import SampleSet, disjoint_sample_sets, draw_sample_set, replay_logits
from pyrosnn.seeding import repeatable
from pyrosnn.testing import check_attack_contract, check_contract
from pyrosnn.training import TrainingSpec, TrainingState, preset, train
from pyrosnn.training.checkpoints import model_digest
from pyrosnn_cli.main import app
from pyrosnn_studies import STUDIES

DEVICE = torch.device(os.environ.get("PYROSNN_TEST_DEVICE", "cuda"))
MIB = 2**20

pytestmark = pytest.mark.skipif(
    DEVICE.type == "cuda" and not torch.cuda.is_available(), reason="no CUDA device is here"
)

# What two orders of float32 operations may differ by: of a logit as a share of the largest, of a
# pixel of δ as a share of the strength. Products take 2e-7 a number, and some hundred are added.
LOGITS: dict[str, float] = {"rtol": 1e-4, "atol": 1e-5}
DELTA = 1e-3


@dataclass(frozen=True, kw_only=True)
class Batch:
    """A classifier on the device, images and labels."""

    classifier: StochasticClassifier
    x: Tensor
    y: Tensor


NAMES = ("bnn", "im", "sin", "laplace", "resnet", "mc-dropout")


@pytest.fixture(params=NAMES)
def batch(
    request: pytest.FixtureRequest, classifiers: dict[str, StochasticClassifier], digits: Dataset
) -> Iterator[Batch]:
    if request.param in ADAPTED:
        classifier: StochasticClassifier = ADAPTED[request.param]()
        x, y = torch.rand(12, *SHAPE), torch.arange(12) % CLASSES
    else:
        classifier = copy.deepcopy(classifiers[request.param])
        x, y = digits.test_images(12)
    with repeatable(exact=True):
        yield Batch(classifier=classifier.to(DEVICE), x=x.to(DEVICE), y=y.to(DEVICE))


def on_cpu(of: Batch) -> Batch:
    return Batch(classifier=copy.deepcopy(of.classifier).cpu(), x=of.x.cpu(), y=of.y.cpu())


def moved(samples: SampleSet) -> SampleSet:
    """Return the same samples on the CPU; a draw there would give others."""
    stored = {name: value.cpu() for name, value in samples.tensors.items()}
    return replace(samples, stored=stored, draw=None)


def sign_step(module: SampledModule, x: Tensor, y: Tensor, strength: float) -> Tensor:
    """FGM as another library has it."""
    x = x.requires_grad_()
    loss = torch.nn.functional.cross_entropy(module(x), y)
    return x + strength * torch.autograd.grad(loss, x)[0].sign()


FIXED = PGD(strength=0.5, steps=4, relative_step=0.5, fixed_samples=True)
ATTACKS: dict[str, Attack] = {
    "fgm": FGM(strength=0.5),
    "fgm, bf16": FGM(norm="linf", strength=0.1, precision="bf16", loss="margin"),
    "pgd": PGD(norm="linf", strength=0.1, steps=4, relative_step=0.5, clip=(0.0, 1.0)),
    "pgd, fixed samples": FIXED,
    "pgd, restarts": replace(FIXED, restarts=2, fixed_samples=False, loss="cw"),
    "spsa": SPSA(strength=0.5, directions=8),
}


def test_samples_are_drawn_on_the_device_and_again_to_the_same_bits(batch: Batch) -> None:
    classifier, x = batch.classifier, batch.x
    states = torch.get_rng_state(), generator_state()
    whole = draw_sample_set(classifier, x, 40, seed=3, stream="attack")
    later = draw_sample_set(classifier, x, 9, seed=3, stream="attack", start=20)
    drawn_when_used = draw_sample_set(classifier, x, 40, seed=3, stream="attack", memory_budget=1)
    assert drawn_when_used.stored is None
    for name, value in whole.tensors.items():
        assert value.device.type == DEVICE.type
        assert torch.equal(later.tensors[name], value[20:29])
        assert torch.equal(drawn_when_used.tensors[name], value)
    first, second = (replay_logits(classifier, x, whole) for _ in range(2))
    assert first.device.type == DEVICE.type
    assert torch.equal(first, second)
    assert torch.equal(torch.get_rng_state(), states[0])
    assert torch.equal(generator_state(), states[1])


def generator_state() -> Tensor:
    return torch.cuda.get_rng_state(DEVICE) if DEVICE.type == "cuda" else torch.get_rng_state()


def test_samples_give_the_logits_of_the_cpu(batch: Batch) -> None:
    samples = draw_sample_set(batch.classifier, batch.x, 20, seed=0, stream="attack")
    here = replay_logits(batch.classifier, batch.x, samples).cpu()
    host = on_cpu(batch)
    there = replay_logits(host.classifier, host.x, moved(samples))
    scale = float(there.abs().max())
    torch.testing.assert_close(here, there, rtol=LOGITS["rtol"], atol=LOGITS["atol"] * scale)


def test_an_attack_and_its_geometry_are_those_of_the_cpu(batch: Batch) -> None:
    sizes = {"attack": 10, "inference": 20}
    sets = disjoint_sample_sets(batch.classifier, batch.x, **sizes, seed=0)
    host = on_cpu(batch)
    seen = []
    for of, (a, i) in ((batch, sets), (host, (moved(sets[0]), moved(sets[1])))):
        delta = FGM(strength=0.5)(of.classifier, of.x, of.y, a)
        geometry = attack_geometry(of.classifier, of.x, of.y, delta, i)
        assert delta.perturbation.device == geometry.cosine.device == of.x.device
        seen.append((delta, geometry, linear_condition(geometry, delta)))
    (delta, geometry, held), (expected, of_host, held_there) = seen
    difference = length(delta.perturbation.cpu() - expected.perturbation)
    assert float(difference.max()) < DELTA * 0.5
    for name in ("margin", "gradient_norm", "cosine"):
        torch.testing.assert_close(
            getattr(geometry, name).cpu(), getattr(of_host, name), rtol=DELTA, atol=1e-5
        )
    assert torch.equal(geometry.nearest.cpu(), of_host.nearest)
    assert torch.equal(held.cpu(), held_there)


def test_an_evaluation_is_that_of_the_cpu(batch: Batch) -> None:
    sizes = {"attack": 6, "inference": 12}
    sets = disjoint_sample_sets(batch.classifier, batch.x, **sizes, seed=0)
    settings: dict[str, Any] = {"strengths": [0.0, 0.3, 0.6], "attack_sizes": [2, 6]}
    found, expected = (
        pyrosnn.evaluate(
            of.classifier, of.x, of.y, attack=FIXED, attack_samples=a, inference_samples=i,
            **settings,
        )
        for of, (a, i) in (
            (batch, sets), (on_cpu(batch), (moved(sets[0]), moved(sets[1])))
        )
    )  # fmt: skip
    assert set(found.data_vars) == set(expected.data_vars)
    for name in ("clean_correct", "attack_correct", "num_gradients", "perturbation_norm"):
        torch.testing.assert_close(
            torch.from_numpy(found[name].values),
            torch.from_numpy(expected[name].values),
            rtol=1e-3,
            atol=1e-5,
        )
    # a step of PGD that lands at a kink goes on elsewhere: nearly all images, not all
    for name in ("adversarial_correct", "linear_condition"):
        assert float((found[name] == expected[name]).mean()) >= 0.97
    close = abs(found["cosine"] - expected["cosine"]) < 1e-3
    assert float(close.where(found["cosine"].notnull(), True).mean()) >= 0.9


@pytest.mark.parametrize(
    ("batch", "attack"),
    [("bnn", name) for name in ATTACKS] + [(name, "pgd") for name in NAMES[1:]],
    indirect=["batch"],
)
def test_attacks_keep_their_contract(batch: Batch, attack: str) -> None:
    check_attack_contract(ATTACKS[attack], batch.classifier, batch.x[:5], batch.y[:5])


def test_a_function_attacks_the_module_of_the_mean_prediction(batch: Batch) -> None:
    classifier, x, y = batch.classifier, batch.x, batch.y
    samples = draw_sample_set(classifier, x, 5, seed=0, stream="attack")
    theirs = ExternalAttack(function=sign_step, norm="linf", strength=0.1)
    found = theirs(classifier, x, y, samples).perturbation
    expected = FGM(norm="linf", strength=0.1)(classifier, x, y, samples).perturbation
    assert found.device == x.device
    # a pixel whose gradient is zero to rounding has no sign to agree on
    assert float(torch.isclose(found, expected, atol=1e-5).float().mean()) > 0.98


def test_classifiers_keep_their_contract(batch: Batch) -> None:
    check_contract(batch.classifier, batch.x[:5])


@pytest.mark.parametrize("name", ADAPTED)
def test_adapted_classifiers_keep_their_contract(name: str) -> None:
    check_contract(ADAPTED[name]().to(DEVICE))


TRAININGS: dict[str, Callable[[], TrainingSpec]] = {
    "bnn": lambda: preset("bnn", epochs=2, options={"hidden": (16,)}),
    "im": lambda: preset("im", epochs=2, options={"hidden": (16,)}),
    "sin": lambda: preset("sin", epochs=2, options={"hidden": (16,)}, smoothing_variance=0.1),
    "laplace": lambda: preset("laplace", epochs=2, options={"hidden": (16,)}),
    "resnet": lambda: preset("resnet", epochs=2),
    "resnet, bf16": lambda: preset("resnet", epochs=2, augmentation="crop-flip", precision="bf16"),
    "adversarial": lambda: preset(
        "bnn",
        epochs=2,
        options={"hidden": (16,)},
        images="adversarial",
        image_options={"attack": "fgm", "strength": 0.1},
        regularisers={"input-gradient": {"weight": 0.1}},
    ),
    "trades": lambda: preset(
        "sin",
        epochs=2,
        options={"hidden": (16,)},
        images="trades",
        image_options={"attack": "fgm", "strength": 0.1, "noise": "reused"},
    ),
}


@pytest.mark.parametrize("name", TRAININGS)
def test_a_training_repeats_and_resumes_to_the_same_weights(name: str, digits: Dataset) -> None:
    spec = TRAININGS[name]()
    states: list[TrainingState] = []
    losses: list[float] = []
    trained = train(
        spec, digits, device=DEVICE, keep=states.append, progress=lambda p: losses.append(p.loss)
    )
    assert trained.device.type == DEVICE.type
    assert losses[1] < losses[0]
    whole = model_digest(trained)
    assert model_digest(train(spec, digits, device=DEVICE)) == whole
    assert model_digest(train(spec, digits, device=DEVICE, resume=states[0])) == whole


def test_a_model_is_checked(classifiers: dict[str, StochasticClassifier], digits: Dataset) -> None:
    x, y = digits.test_images(20)
    bnn = copy.deepcopy(classifiers["bnn"]).to(DEVICE)
    settings: dict[str, Any] = {"attack_samples": 5, "inference_samples": 10}
    found = pyrosnn.check_model(bnn, x, y, attack=FGM(strength=0.5), **settings)
    assert not [finding for finding in found if finding.status == "fail"]


@pytest.mark.parametrize("name", STUDIES)
def test_every_study_runs(
    name: str, classifiers: dict[str, StochasticClassifier], digits: Dataset
) -> None:
    bnn = copy.deepcopy(classifiers["bnn"]).to(DEVICE)
    study, spec, subject = smallest(name, bnn, digits)
    assert study.run(spec, subject).children


def test_a_study_of_convolutions_repeats(
    classifiers: dict[str, StochasticClassifier], digits: Dataset
) -> None:
    """With torch's flags as they are; cuDNN's own choices differ from call to call."""
    resnet = copy.deepcopy(classifiers["resnet"]).to(DEVICE)
    study, spec, subject = smallest("sample-size", resnet, digits)
    assert len({result_digest(study.run(spec, subject)) for _ in range(3)}) == 1


def run(*arguments: str | Path) -> str:
    result = CliRunner().invoke(app, [str(a) for a in arguments], prog_name="pyrosnn")
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_program_trains_and_runs_a_study(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    device = ("--device", str(DEVICE))
    assert "wrote bnn-digits.safetensors" in run("train", "bnn", "--epochs", "3", *device)
    study = ("study", "sample-size", "--model", "bnn-digits.safetensors", "--images", "20")
    sizes = ("--repeats", "2", "--strengths", "0,0.5", "--attack-samples", "1,3")
    run(*study, *sizes, "--inference-samples", "5", "--output", "a.nc", *device)
    provenance = read_provenance(open_results(tmp_path / "a.nc"))
    assert provenance["device"].startswith(DEVICE.type)


@pytest.mark.skipif(DEVICE.type != "cuda", reason="torch counts the bytes of CUDA devices alone")
@pytest.mark.parametrize("model", ["bnn", "resnet"])
def test_memory_stays_within_the_budget(model: str) -> None:
    """A thousand samples of the BNN take 470 MB; 80 of the ResNet's masks 35 MB."""
    shape, options, images = (1, 28, 28), {"depth": 10, "width": 1}, 20
    few, many, budget = (10, 80, 64 * MIB) if model == "resnet" else (10, 1000, 64 * MIB)
    classifier = build_model(
        model, image_shape=shape, num_classes=10, options=options if model == "resnet" else {}
    )
    classifier = classifier.eval().requires_grad_(False).to(DEVICE)
    x = torch.rand(images, *shape, device=DEVICE)
    y = torch.randint(10, (images,), device=DEVICE)

    def peak(size: int) -> int:
        gc.collect()
        torch.cuda.reset_peak_memory_stats(DEVICE)
        before = torch.cuda.memory_allocated(DEVICE)
        a, i = disjoint_sample_sets(
            classifier, x, attack=size, inference=size, seed=0, memory_budget=budget
        )
        pyrosnn.evaluate(
            classifier, x, y, attack=FGM(strength=1.0), attack_samples=a, inference_samples=i
        )
        return torch.cuda.max_memory_allocated(DEVICE) - before

    peak(2)  # workspaces of libraries stay
    assert peak(many) < 1.1 * peak(few) or peak(many) < budget
    assert peak(many) < budget
