"""The full record of a block of images, by pyrosnn, by hand, and by the idioms of peers."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from typing import Any

import pytest
from benchmarks import by_hand, limit, ours, peers
from benchmarks.networks import STRENGTHS, Case, conv_case, dense_case, in_float64, sample_logits
from benchmarks.record import Record, assert_agree

CASES = {"dense": cache(dense_case), "conv": cache(conv_case)}


def by_loop(case: Case) -> Record:
    return by_hand.record(
        sample_logits(case.classifier, case.attack),
        sample_logits(case.classifier, case.inference),
        case.x,
        case.y,
        sizes=case.attack_sizes,
        num_inference=len(case.inference),
        strengths=STRENGTHS,
    )


def by_pyro(case: Case) -> Record:
    return by_hand.record(
        peers.conditioned(case.classifier, case.attack),
        peers.conditioned(case.classifier, case.inference),
        case.x,
        case.y,
        sizes=case.attack_sizes,
        num_inference=len(case.inference),
        strengths=STRENGTHS,
    )


def by_library(attack: peers.Attack, case: Case) -> Record:
    return peers.record(
        attack,
        sample_logits(case.classifier, case.attack),
        sample_logits(case.classifier, case.inference),
        case.x,
        case.y,
        sizes=case.attack_sizes,
        num_inference=len(case.inference),
        strengths=STRENGTHS,
    )


def by_pyrosnn(case: Case) -> Record:
    return ours.record(case, STRENGTHS)


WAYS: dict[str, Callable[[Case], Record]] = {
    "pyrosnn": by_pyrosnn,
    "loop by hand": by_loop,
    "Pyro, conditioned": by_pyro,
    "foolbox on a mean": partial(by_library, peers.foolbox_fgm),
    "CleverHans on a mean": partial(by_library, peers.cleverhans_fgm),
}


@cache
def exact(name: str) -> Record:
    """Return the slow reference: the loop by hand in float64."""
    return by_loop(in_float64(CASES[name]()))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", CASES)
def bench_record(name: str, way: str, benchmark: Any) -> None:
    case = CASES[name]()
    fast = way == "pyrosnn"
    benchmark.group = "record"
    found = benchmark.pedantic(WAYS[way], args=(case,), rounds=7 if fast else 2, warmup_rounds=1)
    benchmark.extra_info.update(case=case.name, images=len(case.x), way=way)
    if fast:  # a result holds no directions
        found = replace(found, direction=ours.directions(case))
    right = assert_agree(found, exact(name), share=0.99 if fast else 0.9)
    benchmark.extra_info.update(right=right)


def bench_limit(benchmark: Any) -> None:
    """The products that the record of the dense network needs, and nothing else."""
    case = CASES["dense"]()
    products, operations = limit.products(case, ours.distinct_gradients(case))
    benchmark.group = "record"
    benchmark.pedantic(products, rounds=7, warmup_rounds=1)
    benchmark.extra_info.update(
        case=case.name, images=len(case.x), way="torch.mm", gflop=operations / 1e9
    )
