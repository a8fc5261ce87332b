"""The limit: this machine's ``torch.mm`` on the products that a record needs, and nothing else."""

import time
from collections.abc import Callable

import torch
from benchmarks.networks import STRENGTHS, Case, weight_shapes
from torch import Tensor

NETWORKS = 100  # different weights, taken in turn, as samples are


class Product:
    """(rows × inputs)(inputs × columns): one operand stays, the other is another each time."""

    def __init__(self, rows: int, inputs: int, columns: int):
        self.images = torch.randn(rows, inputs)
        self.weights = torch.randn(NETWORKS, inputs, columns)
        self.transposed = self.weights.mT.contiguous()
        self.operations = 2 * rows * inputs * columns
        # with ten columns the transposed order is faster: the limit takes the better one
        orders = (self._plain, self._transposed)
        self.once = min(orders, key=lambda order: _seconds(order))

    def _plain(self, s: int) -> Tensor:
        return torch.mm(self.images, self.weights[s])

    def _transposed(self, s: int) -> Tensor:
        return torch.mm(self.transposed[s], self.images.T)


def _seconds(once: Callable[[int], Tensor], rounds: int = 5) -> float:
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        for s in range(NETWORKS):
            once(s)
        times.append(time.perf_counter() - start)
    return min(times)


def gflop_per_second() -> float:
    """Return the rate of the largest product of the paper's network, 1,000 images."""
    product = Product(1000, 784, 128)
    return NETWORKS * product.operations / _seconds(product.once) / 1e9


def products(case: Case, distinct: int) -> tuple[Callable[[], None], float]:
    """Return a function that makes the products of a dense network's record, and their FLOP.

    Args:
        case: the case.
        distinct: how many different pairs of an image and its nearest class there are.
    """
    shapes = [(rows - 1, columns) for rows, columns in weight_shapes(case.classifier)]
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
    made = {size: Product(*size) for size in {tuple(size) for _, *size in needed}}

    def run() -> None:
        for times, *size in needed:
            once = made[tuple(size)].once
            for s in range(times):
                once(s % NETWORKS)

    return run, sum(times * made[tuple(size)].operations for times, *size in needed)
