"""Any ``torch.nn.Module`` as a network: its submodules are the places, by their names."""

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _NormBase

from pyrosnn.errors import require
from pyrosnn.networks.affine import affine
from pyrosnn.networks.network import INPUT, Edit, Edits, Features, Network, Place, Weights


class ModuleNetwork(Network):
    """A module of one's own as a network with places; it is differentiated by torch.

    A place is a submodule that a forward pass calls once, by its name (``features.3``); its
    features are what it returns. Linear layers and convolutions have weights. All of the module
    is in evaluation mode but batch norm in a training step, so that its own dropout is off: put
    noise at the dropout's name instead.

    Args:
        module: takes images, returns logits, shape (example, class); it is copied.
        image_shape: shape of one image.

    Raises:
        ArgumentError: for a module that does not take such images, or returns no logits.

    Example:
        >>> net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))
        >>> list(ModuleNetwork(net, (1, 8, 8)).places)
        ['input', '0', '1']
    """

    def __init__(self, module: torch.nn.Module, image_shape: tuple[int, ...]):
        super().__init__()
        self.image_shape = tuple(image_shape)
        self.module = copy.deepcopy(module).eval()
        self.places = {INPUT: Place(self.image_shape), **self._try()}

    def _try(self) -> dict[str, Place]:
        """Run the module once, to see which of its parts are called once, and their shapes."""
        calls: dict[str, list[tuple[int, ...]]] = {}
        like = next(self.module.parameters(), torch.empty(0))
        x = torch.zeros(2, *self.image_shape, dtype=like.dtype, device=like.device)

        def see(name: str) -> Callable[[Any, Any, Any], None]:
            def hook(part: Any, inputs: Any, output: Any) -> None:
                if isinstance(output, Tensor) and output.ndim >= 1 and len(output) == len(x):
                    calls.setdefault(name, []).append(tuple(output.shape[1:]))
                else:
                    calls.setdefault(name, []).extend([(), ()])  # no features of images

            return hook

        named = {name: part for name, part in self.module.named_modules() if name}
        handles = [part.register_forward_hook(see(name)) for name, part in named.items()]
        try:
            with torch.no_grad():
                logits = self.module(x)
        finally:
            for handle in handles:
                handle.remove()
        require(
            isinstance(logits, Tensor) and logits.ndim == 2 and logits.shape[1] >= 2,
            "the module must return logits of shape (example, class) with at least two classes",
        )
        self.num_classes = logits.shape[1]
        once = {name: shapes[0] for name, shapes in calls.items() if len(shapes) == 1}
        return {name: Place(shape, _matrix_shape(named[name])) for name, shape in once.items()}

    def train(self, mode: bool = True) -> "ModuleNetwork":
        """Leave the module in evaluation mode: what learns, a training step says."""
        super().train(mode)
        self.module.eval()
        return self

    def matrix(self, place: str) -> Tensor:
        """Return the weights of a place."""
        layer: Any = self.module.get_submodule(place)
        weights: Tensor = layer.weight.flatten(1).T
        return weights if layer.bias is None else torch.cat([weights, layer.bias[None]])

    def inputs_of(self, place: str, x: Tensor) -> Tensor:
        """Evaluate the module up to a linear layer."""
        seen: list[Tensor] = []
        part = self.module.get_submodule(place)
        handle = part.register_forward_pre_hook(lambda part, inputs: seen.append(inputs[0]))
        try:
            self.module(x)
        finally:
            handle.remove()
        return seen[0]

    def logits(self, x: Tensor, edits: Edits, *, learn: bool = False) -> Tensor:
        """Evaluate the module with all samples in its batch."""
        lead = x.shape[: x.ndim - len(self.image_shape)]
        own = [lead[0]] if len(lead) == 2 else []
        number = max(
            [1, *own, *(count for edit in edits.values() for count in map(_samples, edit))]
        )
        images = x if own else x.unsqueeze(0)
        for edit in edits.get(INPUT, ()):
            images = _changed(edit, images)
        images = images.expand(number, *images.shape[1:]).flatten(0, 1)
        with ExitStack() as stack:
            for place, of_place in edits.items():
                if place != INPUT:
                    part = self.module.get_submodule(place)
                    stack.enter_context(_edited(part, of_place, number))
            stack.enter_context(_learning(self.module, learn))
            logits: Tensor = self.module(images)
        unfolded: Tensor = logits.unflatten(0, (number, -1))
        return unfolded


def _samples(edit: Edit) -> int:
    return len(edit.matrix) if isinstance(edit, Weights) else edit.operation.num_samples


def _changed(edit: Edit, h: Tensor) -> Tensor:
    """Return features, shape (sample or 1, example, *features), after an edit of them."""
    assert isinstance(edit, Features)
    return edit.operation.value(h)


@contextmanager
def _edited(part: Any, edits: Sequence[Edit], number: int) -> Iterator[None]:
    """Change what a submodule computes, for a batch of so many samples."""
    original = part.forward
    matrices = [edit.matrix for edit in edits if isinstance(edit, Weights)]

    def forward(h: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if matrices:
            out = _with_weights(part, h, matrices[-1], number)
        else:
            out = original(h, *args, **kwargs)
        out = out.unflatten(0, (number, -1))
        for edit in edits:
            if isinstance(edit, Features):
                out = _changed(edit, out)
        return out.flatten(0, 1)

    part.forward = forward
    try:
        yield
    finally:
        del part.forward  # the class's own is found again


def _with_weights(part: Any, h: Tensor, matrix: Tensor, number: int) -> Tensor:
    """Return what a linear layer or convolution makes of a batch, each sample with its weights.

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
    found: Tensor = convolved.unflatten(1, (number, -1)).transpose(0, 1).flatten(0, 1)
    return found


@contextmanager
def _learning(module: torch.nn.Module, learn: bool) -> Iterator[None]:
    """Put batch norm into training mode for a training step."""
    norms = [part for part in module.modules() if isinstance(part, _NormBase)] if learn else []
    for norm in norms:
        norm.train()
    try:
        yield
    finally:
        for norm in norms:
            norm.eval()


def _matrix_shape(part: torch.nn.Module) -> tuple[int, int] | None:
    """Return the shape of a layer's weights as a matrix, if it is one that noise can be put on."""
    usual = isinstance(part, torch.nn.Linear) or (
        isinstance(part, torch.nn.Conv2d) and part.padding_mode == "zeros"
    )
    if not usual:
        return None
    weights: Any = part.weight
    rows = weights[0].numel() + (part.bias is not None)
    return (rows, len(weights))
