"""The limit: what this machine's matrix product takes for the multiplications that are needed."""

import time
from collections.abc import Callable

import torch
from benchmarks.networks import STRENGTHS, Case

from pyrosnn.models.bnn import BNN


def product_time(rows: int, inputs: int, columns: int, rounds: int = 5) -> float:
    """Return the time of one ``torch.mm`` of (rows × inputs)(inputs × columns), in seconds.

    As in a record, one operand stays and the other, a sample's weights, is another each time.
    """
    a = torch.randn(rows, inputs)
    weights = torch.randn(100, inputs, columns)
    transposed = weights.mT.contiguous()
    orders: list[Callable[[int], object]] = [
        lambda s: torch.mm(a, weights[s]),
        lambda s: torch.mm(transposed[s], a.T),  # faster with ten columns
    ]
    times = []
    for product in orders:
        for _ in range(rounds):
            start = time.perf_counter()
            for s in range(len(weights)):
                product(s)
            times.append((time.perf_counter() - start) / len(weights))
    return min(times)


def record_limit(case: Case, distinct: int) -> tuple[float, float]:
    """Return seconds and GFLOP of the products that a record of a dense network needs.

    Args:
        case: the case.
        distinct: how many different pairs of an image and its nearest class there are.
    """
    assert isinstance(case.classifier, BNN)
    shapes = [(rows - 1, columns) for rows, columns in case.classifier.shapes]
    first, tail = shapes[0], shapes[1:]
    images = len(case.x)
    attack, inference, rays = sum(case.attack_sizes), len(case.inference), len(case.attack_sizes)
    strengths = sum(strength > 0 for strength in STRENGTHS)
    # (times, rows, inputs, columns)
    needed = [
        *((attack, images, *shape) for shape in shapes),  # forward on A
        *((attack, images, c, r) for r, c in shapes),  # back to the images
        # x and the directions through the first layer of I
        (inference * (1 + rays), images, *first),
        # clean, derivative along each direction, each strength
        *((inference * (1 + rays * (1 + strengths)), images, *shape) for shape in tail),
        # gradients of the nearest classes: forward and back
        *((inference, distinct, *shape) for shape in shapes),
        *((inference, distinct, c, r) for r, c in shapes),
    ]
    seconds = sum(times * product_time(*size) for times, *size in needed)
    operations = sum(2 * times * r * i * c for times, r, i, c in needed)
    return seconds, operations / 1e9
