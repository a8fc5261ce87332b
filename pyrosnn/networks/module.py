"""Any ``torch.nn.Module`` as a network, whose places are its submodules' names."""

import copy
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor

from pyrosnn.errors import ArgumentError, require
from pyrosnn.networks.edited import (
    ONE_AT_A_TIME,
    Edited,
    changed,
    every_submodule_is_called,
    learning,
    num_samples,
)
from pyrosnn.networks.network import INPUT, Edits, Network, Place
from pyrosnn.networks.trial import is_shape, try_module


class ModuleNetwork(Network):
    """A user's module as a network with places, differentiated by torch.

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
        trial = try_module(self.module, self.image_shape)
        self.others = trial.others  # submodules that are no places, and why
        self.places = {INPUT: Place(self.image_shape), **trial.places}
        self.num_classes = trial.num_classes

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
        """Leave the module in evaluation mode; a training step decides which parts learn."""
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
            with every_submodule_is_called():
                self.module(x)
        finally:
            handle.remove()
        return seen[0]

    def input_place(self, place: str) -> str:
        """Return the place that returned what a layer takes, found in a trial.

        Raises:
            ArgumentError: for a layer whose input another function made, as ``x.flatten(1)``.
        """
        self.place(place)
        made, taken = self._traced(place)
        for name, output, _ in made:
            if output is taken:
                return name
        return super().input_place(place)

    def takes(self, place: str, below: str) -> bool:
        """Return whether a layer takes the memory that another place returned, as it was then.

        A view of it is the same memory, and an activation in place changes its version.
        """
        made, taken = self._traced(place)
        return any(
            name == below and output.data_ptr() == taken.data_ptr() and version == taken._version
            for name, output, version in made
        )

    def _traced(self, place: str) -> tuple[list[tuple[str, Tensor, int]], Tensor]:
        """Return what places returned in a trial, with its version, and what a layer took."""
        made: list[tuple[str, Tensor, int]] = []
        taken: list[Tensor] = []

        def keep(name: str) -> Callable[[Any, Any, Any], None]:
            return lambda part, inputs, output: made.append((name, output, output._version))

        handles = [
            self.module.get_submodule(name).register_forward_hook(keep(name))
            for name in self.places
            if name != INPUT
        ]
        layer = self.module.get_submodule(place)
        handles.append(
            layer.register_forward_pre_hook(lambda part, inputs: taken.append(inputs[0]))
        )
        like = next(self.module.parameters(), torch.empty(0))
        x = like.detach().new_full((2, *self.image_shape), 0.5)
        made.append((INPUT, x, x._version))
        try:
            with every_submodule_is_called(), torch.no_grad():
                self.module(x)
        finally:
            for handle in handles:
                handle.remove()
        return made, taken[0]

    def logits(self, x: Tensor, edits: Edits, *, learn: bool = False) -> Tensor:
        """Evaluate the module with all samples in its batch."""
        lead = x.shape[: x.ndim - len(self.image_shape)]
        own = [lead[0]] if len(lead) == 2 else []
        number = max(
            [1, *own, *(count for edit in edits.values() for count in map(num_samples, edit))]
        )
        images = x if own else x.unsqueeze(0)
        for edit in edits.get(INPUT, ()):
            images = changed(edit, images)
        images = images.expand(number, *images.shape[1:]).flatten(0, 1)
        if images.data_ptr() == x.data_ptr():
            images = images.clone()  # a module may change its input
        edited = {
            place: Edited(self.module.get_submodule(place), of_place, number)
            for place, of_place in edits.items()
            if place != INPUT
        }
        with ONE_AT_A_TIME, ExitStack() as stack:
            stack.enter_context(every_submodule_is_called())
            for part in edited.values():
                stack.enter_context(part)
            stack.enter_context(learning(self.module, learn))
            logits: Tensor = self.module(images)
        for place, part in edited.items():
            require(
                part.calls == 1,
                f"'{place}' was called {part.calls} times, and once when the network was made; "
                "whether a place is called must not depend on the images",
            )
        unfolded: Tensor = logits.unflatten(0, (number, -1))
        return unfolded
