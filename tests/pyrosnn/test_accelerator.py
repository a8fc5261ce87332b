"""Nothing waits for the device, or takes data from it, while the samples of a set are gone through.

No accelerator is needed: on the CPU every question to a tensor's value is counted, and on the meta
device, where tensors have no values, such a question and every copy to the host is an error.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

import pyrosnn.attacks.gradient
import pyrosnn.conditions.linearization
import pyrosnn.sampling.reduce
from pyrosnn.attacks import FGM, loss_gradient
from pyrosnn.conditions import Line, attack_geometry, linearize
from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError
from pyrosnn.models import build_model
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.models.composed import Composed
from pyrosnn.sampling import Origin, SampleSet, disjoint_sample_sets, memory
from pyrosnn.training import preset, train
from pyrosnn_studies.cells import Cell
from pyrosnn_studies.runner import Task

# Operations whose result is a number on the host, or has a shape that depends on values.
WAITING = {"aten::_local_scalar_dense", "aten::nonzero", "aten::_unique2", "aten::equal"}


class Waits(TorchDispatchMode):
    """Counts the operations that wait for a device."""

    count = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        self.count += func.name().split(".")[0] in WAITING
        return func(*args, **(kwargs or {}))


@pytest.fixture
def single_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every chunk one sample, so that what happens for each would be seen."""
    monkeypatch.setitem(memory.CHUNK_BYTES, "cpu", 1)
    monkeypatch.setitem(memory.CHUNK_BYTES, "cuda", 1)  # what the meta device takes


def waits(work: Callable[[], object]) -> int:
    counter = Waits()  # type: ignore[no-untyped-call]
    with counter:
        work()
    return counter.count


@pytest.mark.slow
@pytest.mark.parametrize("model", ["bnn", "sin"])
@pytest.mark.usefixtures("single_samples")
def test_waits_do_not_grow_with_the_number_of_samples(
    model: str, classifiers: dict[str, StochasticClassifier], digits: Dataset
) -> None:
    classifier = classifiers[model]
    x, y = digits.test_images(5)
    a, i = disjoint_sample_sets(classifier, x, attack=24, inference=24, seed=0)
    delta = FGM(strength=0.5)(classifier, x, y, a)
    few, many = (waits(partial(FGM(strength=0.5), classifier, x, y, a[:n])) for n in (2, 24))
    assert few == many > 0  # the checks of the input are counted
    few, many = (waits(partial(attack_geometry, classifier, x, y, delta, i[:n])) for n in (2, 24))
    assert few == many > 0


@pytest.mark.usefixtures("single_samples")
def test_attacks_and_linearizations_run_without_values(monkeypatch: pytest.MonkeyPatch) -> None:
    def unchecked(*args: Any, **kwargs: Any) -> None:
        """Stands in for checks of values, which are made before and after the samples."""

    def as_given(classifier: StochasticClassifier, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        return x, y

    monkeypatch.setattr(pyrosnn.attacks.gradient, "batch_for", as_given)
    monkeypatch.setattr(SampleSet, "require_fit", unchecked)
    monkeypatch.setattr(pyrosnn.conditions.linearization, "_require_finite", unchecked)
    for module in (pyrosnn.attacks.gradient, pyrosnn.sampling.reduce):
        monkeypatch.setattr(module, "require_finite", unchecked)
    with torch.device("meta"):
        bnn = build_model("bnn", image_shape=(1, 8, 8), num_classes=10).requires_grad_(False)
        assert isinstance(bnn, Composed)
        shapes = [place.matrix for place in bnn.network.places.values() if place.matrix]
        x, y = torch.rand(5, 1, 8, 8), torch.zeros(5, dtype=torch.int64)
        stored: dict[str, Tensor] = {
            name: torch.randn(6, 1, *shape)
            for name, shape in zip(bnn.site_names, shapes, strict=True)
        }
    a = SampleSet(stored=stored, origin=Origin(seed=0, stream="attack", stop=6))
    gradient = loss_gradient(
        bnn, x, y, a, loss="cross-entropy", gradient="mean_prediction", precision="bf16"
    )
    assert gradient.direction.device.type == "meta"
    line = Line(direction=gradient.direction, points=(0.0, 0.5))
    (linearization,) = linearize(bnn, x, y, [line], a, [6])
    assert linearization.slopes[line].shape == (5, 10)


def test_trainings_and_studies_repeat_on_a_device(digits: Dataset) -> None:
    """Their convolutions are to be computed alike each time; those of studies in float32."""
    seen: list[tuple[bool, bool]] = []

    def note(*_: Any) -> Any:
        seen.append((torch.backends.cudnn.deterministic, torch.backends.cudnn.allow_tf32))

    train(preset("bnn", epochs=1, options={"hidden": (4,)}), digits, progress=note)
    Task(run_cell=note, spec=None, subject=None)(Cell(part="evaluation"))
    assert seen == [(True, True), (True, False)]


@pytest.mark.parametrize("what", ["images", "labels", "site 'weight_0'"])
def test_what_is_elsewhere_than_the_classifier_is_refused(
    what: str, classifiers: dict[str, StochasticClassifier], digits: Dataset
) -> None:
    bnn = classifiers["bnn"]
    x, y = digits.test_images(5)
    a, i = disjoint_sample_sets(bnn, x, attack=2, inference=2, seed=0)
    delta = FGM(strength=0.5)(bnn, x, y, a)
    if what == "images":
        x = x.to("meta")
    elif what == "labels":
        y = y.to("meta")
    else:
        stored = {name: value.to("meta") for name, value in a.tensors.items()}
        a, i = (replace(samples, stored=stored) for samples in (a, i))
    message = f"{what} (are|was drawn) on meta, the classifier is on cpu"
    with pytest.raises(ArgumentError, match=message):
        FGM(strength=0.5)(bnn, x, y, a)
    with pytest.raises(ArgumentError, match=message):
        attack_geometry(bnn, x, y, delta, i)
