"""MC dropout: a module whose dropout stays random at prediction."""

import pyro
import torch
from pyro.distributions import Bernoulli
from torch import Tensor

from pyrosnn.adapters.adapter import Adapter, by_sample
from pyrosnn.adapters.copies import copy_in_evaluation_mode
from pyrosnn.adapters.dropout_calls import Call, DropoutCalls
from pyrosnn.adapters.evaluated import as_logits, evaluated_on
from pyrosnn.adapters.probe import noise_images
from pyrosnn.errors import NotStochasticError, require
from pyrosnn.shapes import Sites


class MCDropout(Adapter):
    """A module with dropout, whose masks are sample sites.

    Every call of dropout in a forward pass is a site, ``dropout_0``, ``dropout_1``, … in the order
    of the calls: modules (``Dropout``, ``Dropout1d`` to ``3d``, ``AlphaDropout``,
    ``FeatureAlphaDropout``) and functions (``torch.nn.functional.dropout`` and its like) whatever
    their ``training`` says; a module that is called twice is two sites. All else, batch norm
    too, is in evaluation mode. All samples of a chunk go through the module as one batch.

    Args:
        module: returns logits; it is copied.
        image_shape: shape of one image.
        output: what f_c is.
        per_example: draw a mask for each image (the field's practice) or share it among images.

    Raises:
        NotStochasticError: if the module never calls dropout with p above 0.
        ArgumentError: for dropout within ``MultiheadAttention`` and recurrent layers, which is
            no call that can be seen, and for dropout whose input has no axis of images.

    References:
        Y. Gal, Z. Ghahramani, Dropout as a Bayesian approximation: representing model uncertainty
        in deep learning, ICML 2016.

    Example:
        >>> net = torch.nn.Sequential(
        ...     torch.nn.Flatten(), torch.nn.Linear(64, 32), torch.nn.ReLU(),
        ...     torch.nn.Dropout(0.3), torch.nn.Linear(32, 10),
        ... )
        >>> MCDropout(net, (1, 8, 8)).dropout_probabilities
        {'dropout_0': 0.3}
    """

    def __init__(
        self,
        module: torch.nn.Module,
        image_shape: tuple[int, ...],
        *,
        output: str = "probs",
        per_example: bool = True,
    ):
        super().__init__(image_shape, output=output)
        self.per_example = per_example
        self.module = copy_in_evaluation_mode(module)
        _require_visible(self.module)
        calls = {number: self._trial(number) for number in (2, 3)}
        if not calls[2]:
            raise NotStochasticError(
                "the module never calls dropout with p above 0: it is not stochastic; add dropout, "
                "or use SeededModule if it has other noise"
            )
        require(
            [(c.kind, c.p) for c in calls[2]] == [(c.kind, c.p) for c in calls[3]],
            "which dropouts are called depends on the batch; use SeededModule",
        )
        self._calls: dict[str, Call] = {f"dropout_{i}": call for i, call in enumerate(calls[2])}
        self._axes = {
            name: _image_axis(name, call.shape, other.shape)
            for (name, call), other in zip(self._calls.items(), calls[3], strict=True)
        }
        self.settle()

    @property
    def dropout_probabilities(self) -> dict[str, float]:
        """The dropout probability of each site."""
        return {name: call.p for name, call in self._calls.items()}

    def _trial(self, number: int) -> list[Call]:
        """Return the calls of dropout in a forward pass over a number of images."""
        seen = DropoutCalls()
        with evaluated_on((number, *self.image_shape)), seen, torch.no_grad():
            self.module(noise_images(self, number))
        return seen.calls

    def sample_sites(self, x: Tensor, images: pyro.plate) -> Sites:
        """Draw the masks: 1 where a number is kept."""
        masks = {}
        for name, call in self._calls.items():
            axis = self._axes[name]
            event = call.shape[:axis] + call.shape[axis + 1 :]
            mask = Bernoulli(x.new_tensor(1 - call.p)).expand(event).to_event(len(event))
            if self.per_example:
                with images:
                    masks[name] = pyro.sample(name, mask)
            else:
                masks[name] = pyro.sample(name, mask)
        return masks

    def logits(self, x: Tensor, sites: Sites) -> Tensor:
        """Evaluate all samples as one batch, with their masks."""
        num_samples = len(next(iter(sites.values())))
        images = by_sample(x, self.image_shape, num_samples)
        lead = images.shape[:2]
        masks = [
            sites[name].expand(*lead, *sites[name].shape[2:]).flatten(0, 1).movedim(0, axis)
            for name, axis in self._axes.items()
        ]
        seen = DropoutCalls(masks)
        with seen:
            logits = as_logits(self.module(images.flatten(0, 1)))
        require(
            len(seen.calls) == len(masks),
            f"the module called dropout {len(seen.calls)} times, and {len(masks)} times when it "
            "was wrapped; whether it is called must not depend on the image: use SeededModule",
        )
        unfolded: Tensor = logits.unflatten(0, lead)
        return unfolded


def _image_axis(name: str, two: tuple[int, ...], three: tuple[int, ...]) -> int:
    """Return the axis that grows with the number of images.

    Args:
        name: the site.
        two: shape of its mask for two images.
        three: the same for three.
    """
    grown = [
        axis
        for axis, sizes in enumerate(zip(two, three, strict=False))
        if sizes == (2, 3) and len(two) == len(three)
    ]
    rest = [(two[:axis] + two[axis + 1 :], three[:axis] + three[axis + 1 :]) for axis in grown]
    require(
        len(grown) == 1 and rest[0][0] == rest[0][1],
        f"{name}: dropout is called on shape {two} for 2 images and {three} for 3, expected one "
        "axis of images; use SeededModule",
    )
    return grown[0]


def _require_visible(module: torch.nn.Module) -> None:
    """Refuse layers that apply dropout inside a single call, where no mask reaches it.

    Raises:
        ArgumentError: naming the layer.
    """
    for name, part in module.named_modules():
        inner = isinstance(part, torch.nn.MultiheadAttention | torch.nn.RNNBase)
        require(
            not inner or part.dropout == 0,
            f"'{name}' ({type(part).__name__}) has a dropout of its own, which cannot be a sample "
            "site; set it to 0, or use SeededModule",
        )
