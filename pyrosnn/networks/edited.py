"""Temporary changes of the values that a module's submodules compute."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _NormBase

from pyrosnn.networks.affine import affine
from pyrosnn.networks.network import Edit, Features, Weights

# An evaluation edits the module while it runs.
ONE_AT_A_TIME = threading.RLock()


@contextmanager
def every_submodule_is_called() -> Iterator[None]:
    """Switch off the fused evaluation of torch's transformer layers, which skips submodules."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


def num_samples(edit: Edit) -> int:
    """Return the number of samples that differ in an edit."""
    return len(edit.matrix) if isinstance(edit, Weights) else edit.operation.num_samples


def changed(edit: Edit, h: Tensor) -> Tensor:
    """Return features, shape (sample or 1, example, *features), after an edit of them."""
    assert isinstance(edit, Features)
    return edit.operation.value(h)


class Edited:
    """A context that changes the output of submodules for a batch.

    Args:
        part: the submodule.
        edits: of its weights and of its output.
        number: how many samples are in the batch.

    Attributes:
        calls: how often it was called so far.
    """

    def __init__(self, part: Any, edits: Sequence[Edit], number: int):
        self._part, self._edits, self._number = part, edits, number
        self._own = part.__dict__.get("forward")
        self.calls = 0

    def __enter__(self) -> None:
        original = self._part.forward
        matrices = [edit.matrix for edit in self._edits if isinstance(edit, Weights)]

        def forward(*args: Any, **kwargs: Any) -> Tensor:
            self.calls += 1
            if matrices:
                h = args[0] if args else next(iter(kwargs.values()))
                out = with_weights(self._part, h, matrices[0], self._number)
            else:
                out = original(*args, **kwargs)
            out = out.unflatten(0, (self._number, -1))
            for edit in self._edits:
                if isinstance(edit, Features):
                    out = changed(edit, out)
            return out.flatten(0, 1)

        self._part.forward = forward

    def __exit__(self, *error: object) -> None:
        if self._own is None:
            del self._part.forward  # the class's own is found again
        else:
            self._part.forward = self._own


def with_weights(part: Any, h: Tensor, matrix: Tensor, number: int) -> Tensor:
    """Return the output of a linear layer or convolution, each sample with its own weights.

    Args:
        part: the layer.
        h: all samples' inputs as one batch.
        matrix: shape (sample or 1, input [+ 1], output).
        number: how many samples are in the batch.
    """
    matrix = matrix.expand(number, -1, -1)
    kernels, bias = matrix, None
    if part.bias is not None:
        kernels, bias = matrix[:, :-1], matrix[:, -1:]
    if isinstance(part, torch.nn.Linear):
        rows = affine(h.reshape(number, -1, h.shape[-1]), kernels, bias)
        return rows.reshape(*h.shape[:-1], -1)
    beside = h.unflatten(0, (number, -1)).transpose(0, 1).flatten(1, 2)
    convolved = torch.nn.functional.conv2d(
        beside,
        kernels.mT.unflatten(-1, part.weight.shape[1:]).flatten(0, 1),
        None if bias is None else bias.flatten(),
        part.stride,
        part.padding,
        part.dilation,
        number * part.groups,
    )
    features: Tensor = convolved.unflatten(1, (number, -1)).transpose(0, 1).flatten(0, 1)
    return features


@contextmanager
def learning(module: torch.nn.Module, learn: bool) -> Iterator[None]:
    """Put batch norm into training mode for a training step."""
    norms = [part for part in module.modules() if isinstance(part, _NormBase)] if learn else []
    for norm in norms:
        norm.train()
    try:
        yield
    finally:
        for norm in norms:
            norm.eval()
