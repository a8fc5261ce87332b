"""An attack with many steps against torchattacks, and the attack direction in bf16."""

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import pytest
import torch
from benchmarks import peers
from benchmarks.networks import STRENGTHS, Case, dense_case, sample_logits
from torch import Tensor

from pyrosnn.attacks import FGM, PGD
from pyrosnn.evaluation import evaluate
from pyrosnn.sampling import disjoint_sample_sets

STRENGTH, STEPS, SAMPLES, REPEATS = 0.1, 10, 10, 5

case = cache(dense_case)


def by_torchattacks(case: Case) -> Tensor:
    logits = sample_logits(case.classifier, case.attack)
    return peers.eot_pgd(
        logits, case.x, case.y, strength=STRENGTH, steps=STEPS, num_samples=SAMPLES
    )


def by_pyrosnn(precision: str, case: Case) -> Tensor:
    attack = PGD(
        norm="linf",
        strength=STRENGTH,
        steps=STEPS,
        relative_step=1 / STEPS,
        fixed_samples=True,
        gradient="mean_loss",
        clip=(0.0, 1.0),
        precision=precision,
    )
    return attack(case.classifier, case.x, case.y, case.attack[:SAMPLES]).perturbation


WAYS: dict[str, Callable[[Case], Tensor]] = {
    "pyrosnn": partial(by_pyrosnn, "full"),
    "pyrosnn, bf16": partial(by_pyrosnn, "bf16"),
    "torchattacks, EOTPGD": by_torchattacks,
}


@pytest.mark.parametrize("way", WAYS)
def bench_pgd(way: str, benchmark: Any) -> None:
    benchmark.group = "pgd"
    found = benchmark.pedantic(WAYS[way], args=(case(),), rounds=3, warmup_rounds=1)
    benchmark.extra_info.update(way=way, images=len(found))
    if way != "pyrosnn, bf16":
        # a pixel whose gradient is zero to rounding has no sign to agree on
        same = torch.isclose(found, by_torchattacks(case()), atol=1e-5).float().mean()
        assert float(same) > 0.95, float(same)


@pytest.mark.parametrize("precision", ["full", "bf16"])
def bench_direction(precision: str, benchmark: Any) -> None:
    """FGM with the largest A; with it what the precision does to accuracies and cosines."""
    of = case()
    attack = FGM(strength=1.0, precision=precision)
    benchmark.group = "direction"
    benchmark.pedantic(
        attack, args=(of.classifier, of.x, of.y, of.attack), rounds=9, warmup_rounds=2
    )
    accuracies, cosines = [], []
    for repeat in range(REPEATS):
        a, i = disjoint_sample_sets(
            of.classifier, of.x, attack=len(of.attack), inference=100, seed=1, repeat=repeat
        )
        found = evaluate(
            of.classifier,
            of.x,
            of.y,
            attack=attack,
            attack_samples=a,
            inference_samples=i,
            strengths=STRENGTHS,
        )
        accuracies.append(found["adversarial_correct"].mean("example").values.ravel().tolist())
        cosines.append(float(found["cosine"].isel(strength=-1).mean()))
    benchmark.extra_info.update(precision=precision, accuracies=accuracies, cosines=cosines)
