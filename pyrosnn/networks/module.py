"""Any ``torch.nn.Module`` as a network: its submodules are the places, by their names."""

import copy
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _NormBase

from pyrosnn.errors import ArgumentError, first_line, require
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
        require(
            isinstance(module, torch.nn.Module),
            f"the network must be a torch.nn.Module, got a {type(module).__name__}",
        )
        require(
            is_shape(image_shape),
            f"image_shape must be a shape such as (1, 8, 8), got {image_shape!r}",
        )
        self.image_shape = tuple(image_shape)
        self.module = copy.deepcopy(module).eval()
        self.others: dict[str, str] = {}  # submodules that are no places, and why
        self.places = {INPUT: Place(self.image_shape), **self._try()}

    def _try(self) -> dict[str, Place]:
        """Run the module on two and on three images, to see which parts are places."""
        named = {name: part for name, part in self.module.named_modules() if name}
        two, three = (self._calls(named, number) for number in (2, 3))
        places = {}
        for name, part in named.items():
            seen = (two.get(name, []), three.get(name, []))
            reason = not_a_place(*seen)
            if reason is None:
                shape = seen[0][0]
                assert shape is not None
                places[name] = Place(shape[1:], matrix_shape(part))
            else:
                self.others[name] = reason
        order = [name for name in two if name in places]  # in the order of evaluation
        return {name: places[name] for name in order}

    def _calls(
        self, named: dict[str, torch.nn.Module], number: int
    ) -> dict[str, list[tuple[int, ...] | None]]:
        """Return the shapes of what each part returns, None for what is no tensor."""
        calls: dict[str, list[tuple[int, ...] | None]] = {}
        like = next(self.module.parameters(), torch.empty(0))
        x = torch.full((number, *self.image_shape), 0.5, dtype=like.dtype, device=like.device)

        def see(name: str) -> Callable[[Any, Any, Any], None]:
            def hook(part: Any, inputs: Any, output: Any) -> None:
                shape = tuple(output.shape) if isinstance(output, Tensor) else None
                calls.setdefault(name, []).append(shape)

            return hook

        handles = [part.register_forward_hook(see(name)) for name, part in named.items()]
        try:
            with torch.no_grad():
                logits = self.module(x)
        except Exception as error:
            raise ArgumentError(
                f"the module cannot be evaluated on images of shape {tuple(x.shape)} "
                f"({type(error).__name__}: {first_line(error)}); image_shape is that of one image"
            ) from error
        finally:
            for handle in handles:
                handle.remove()
        require(
            isinstance(logits, Tensor) and logits.ndim == 2 and logits.shape[1] >= 2,
            "the module must return logits of shape (example, class) with at least two classes",
        )
        self.num_classes = logits.shape[1]
        return calls

    def place(self, name: str) -> Place:
        """Return a place.

        Raises:
            ArgumentError: for a submodule that is no place, saying why.
            UnknownNameError: for a name that it does not have.
        """
        if name in self.others:
            raise ArgumentError(
                f"'{name}' cannot have noise: {self.others[name]}; places are "
                f"{', '.join(self.places)}"
            )
        return super().place(name)

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
        if images.data_ptr() == x.data_ptr():
            images = images.clone()  # a module may change what it is given
        edited = {
            place: Edited(self.module.get_submodule(place), of_place, number)
            for place, of_place in edits.items()
            if place != INPUT
        }
        with ONE_AT_A_TIME, ExitStack() as stack:
            stack.enter_context(every_submodule_is_called())
            for part in edited.values():
                stack.enter_context(part)
            stack.enter_context(_learning(self.module, learn))
            logits: Tensor = self.module(images)
        for place, part in edited.items():
            require(
                part.calls == 1,
                f"'{place}' was called {part.calls} times, and once when the network was made; "
                "whether a place is called must not depend on the images",
            )
        unfolded: Tensor = logits.unflatten(0, (number, -1))
        return unfolded


def _samples(edit: Edit) -> int:
    return len(edit.matrix) if isinstance(edit, Weights) else edit.operation.num_samples


def _changed(edit: Edit, h: Tensor) -> Tensor:
    """Return features, shape (sample or 1, example, *features), after an edit of them."""
    assert isinstance(edit, Features)
    return edit.operation.value(h)


# An evaluation edits the module while it runs.
ONE_AT_A_TIME = threading.RLock()


@contextmanager
def every_submodule_is_called() -> Iterator[None]:
    """Switch off the fused evaluation of torch's transformer layers, which calls no submodule."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


class Edited:
    """Changes, within it, what a submodule computes for a batch.

    Args:
        part: the submodule.
        edits: of its weights and of what it returns.
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
                out = _with_weights(self._part, h, matrices[0], self._number)
            else:
                out = original(*args, **kwargs)
            out = out.unflatten(0, (self._number, -1))
            for edit in self._edits:
                if isinstance(edit, Features):
                    out = _changed(edit, out)
            return out.flatten(0, 1)

        self._part.forward = forward

    def __exit__(self, *error: object) -> None:
        if self._own is None:
            del self._part.forward  # the class's own is found again
        else:
            self._part.forward = self._own


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


def matrix_shape(part: torch.nn.Module) -> tuple[int, int] | None:
    """Return the shape of a layer's weights as a matrix, if noise can be put on them.

    A subclass that computes something else of its weights is not among them.
    """
    usual = {torch.nn.Linear: torch.nn.Linear.forward, torch.nn.Conv2d: torch.nn.Conv2d.forward}
    kind = next((kind for kind in usual if isinstance(part, kind)), None)
    if kind is None or type(part).forward is not usual[kind] or "forward" in part.__dict__:
        return None
    if isinstance(part, torch.nn.Conv2d) and (
        part.padding_mode != "zeros"
        or type(part)._conv_forward is not torch.nn.Conv2d._conv_forward
    ):
        return None
    weights: Any = part.weight
    return (weights[0].numel() + (part.bias is not None), len(weights))


def is_shape(value: Any) -> bool:
    """Return whether a value is a shape: positive whole numbers."""
    return isinstance(value, Sequence) and all(isinstance(n, int) and n >= 1 for n in value)


def not_a_place(
    two: Sequence[tuple[int, ...] | None], three: Sequence[tuple[int, ...] | None]
) -> str | None:
    """Return why a submodule is no place, or None if it is one.

    Args:
        two: shapes of what its calls returned for two images.
        three: the same for three.

    Example:
        >>> not_a_place([(2, 5)], [(3, 5)])
        >>> not_a_place([(2, 5), (2, 5)], [(3, 5), (3, 5)])
        'a forward pass calls it 2 times'
        >>> not_a_place([(7, 2, 5)], [(7, 3, 5)])
        'what it returns does not begin with the axis of images'
    """
    if len(two) != 1 or len(three) != 1:
        return f"a forward pass calls it {len(two)} times"
    first, second = two[0], three[0]
    if first is None or second is None:
        return "it returns no tensor"
    if first[:1] != (2,) or second[:1] != (3,) or first[1:] != second[1:]:
        return "what it returns does not begin with the axis of images"
    return None
