"""The same record by pyrosnn."""

from collections.abc import Sequence

import torch
from benchmarks.networks import Case
from benchmarks.record import Record, length

from pyrosnn.attacks import FGM
from pyrosnn.evaluation import evaluate


def record(case: Case, strengths: Sequence[float]) -> Record:
    """Compute the whole record."""
    result = evaluate(
        case.classifier,
        case.x,
        case.y,
        attack=FGM(strength=1.0),
        attack_samples=case.attack,
        inference_samples=case.inference,
        strengths=strengths,
        attack_sizes=case.attack_sizes,
    ).isel(inference_samples=0)

    def values(name: str, *dims: str) -> torch.Tensor:
        return torch.from_numpy(result[name].transpose(*dims).to_numpy())

    strongest = result.isel(strength=-1)
    return Record(
        direction=torch.empty(0),
        radius=torch.from_numpy(strongest["radius"].transpose("attack_samples", "example").values),
        cosine=torch.from_numpy(strongest["cosine"].transpose("attack_samples", "example").values),
        condition=values("linear_condition", "attack_samples", "strength", "example"),
        correct=values("adversarial_correct", "attack_samples", "strength", "example"),
    )


def distinct_gradients(case: Case) -> int:
    """Return how many pairs of an image and its nearest class the sizes of A have."""
    result = evaluate(
        case.classifier,
        case.x,
        case.y,
        attack=FGM(strength=1.0),
        attack_samples=case.attack,
        inference_samples=case.inference,
        attack_sizes=case.attack_sizes,
    )
    nearest = result["nearest_class"].transpose("example", ...).values.reshape(len(case.x), -1)
    return sum(len(set(classes)) for classes in nearest.tolist())


def directions(case: Case) -> torch.Tensor:
    """Return the unit directions of the attack, which a result does not hold."""
    found = []
    for size in case.attack_sizes:
        delta = FGM(strength=1.0)(case.classifier, case.x, case.y, case.attack[:size])
        lengths = length(delta.perturbation).reshape(-1, *[1] * (case.x.ndim - 1))
        found.append(delta.perturbation / lengths.clamp(min=1e-30))
    return torch.stack(found)
