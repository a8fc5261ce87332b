"""Ways to evaluate a module on many samples of its draws at once."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import pyro
import torch
from torch import Tensor
from torch._C._functorch import is_batchedtensor
from torch.overrides import TorchFunctionMode

from pyrosnn.adapters.adapter import by_sample
from pyrosnn.adapters.evaluated import evaluated_on
from pyrosnn.adapters.replay.draws import ReplacedDraws
from pyrosnn.adapters.replay.passes import Passes
from pyrosnn.adapters.replay.returned import Returned
from pyrosnn.adapters.replay.sites import DrawnSite
from pyrosnn.errors import NoNoiseFreeError
from pyrosnn.shapes import Sites

# Laws of draws whose mean is the absence of noise: noise that is added, and masks of dropout. A
# uniform number may be compared with a threshold, and decides nothing at one half.
MEANS = ("normal", "bernoulli")


class Path(ABC):
    """A way to evaluate the module.

    Args:
        passes: of the module.
        sites: its draws.
        returned: which logits are in what the module returns.
        image_shape: shape of one image.

    Attributes:
        name: its name in ``Stochastic.replay``.
        per_example: whether images have draws of their own.
        vectorised_draws: whether many samples can be drawn at once.
        num_members: how many members a pass evaluates, 0 if there are none.
        forward_mode: whether derivatives in forward mode agree with gradients.
    """

    name: str
    per_example: bool = False
    vectorised_draws: bool = True
    num_members: int = 0
    forward_mode: bool = True

    def __init__(
        self,
        passes: Passes,
        sites: Sequence[DrawnSite],
        returned: Returned,
        image_shape: tuple[int, ...],
    ):
        self.passes, self.sites, self.returned = passes, sites, returned
        self.image_shape = image_shape
        self.per_example = any(site.per_image for site in sites)
        self.vectorised_draws = all(site.draw.law.name != "other" for site in sites)

    def sample(self, x: Tensor, images: pyro.plate) -> Sites:
        """Draw all sites with ``pyro.sample``.

        Args:
            x: images.
            images: their plate.
        """
        return {site.name: site.sample(x, images) for site in self.sites}

    def require_means(self) -> None:
        """Refuse draws whose mean is not the absence of noise.

        Raises:
            NoNoiseFreeError: naming one.
        """
        others = [str(site.draw) for site in self.sites if site.draw.law.name not in MEANS]
        if others or not (self.sites or self.num_members):
            what = others[0] if others else f"what replay='{self.name}' draws"
            raise NoNoiseFreeError(
                "there is no noise-free network: the module draws in evaluation mode, too, and the "
                f"mean of {what} is not known to be no noise; make it draw nothing in evaluation "
                "mode, or take a network of your own in its place"
            )

    @abstractmethod
    def logits(self, x: Tensor, sites: Sites) -> Tensor:
        """Return logits, shape (sample, example, class).

        Args:
            x: images, shape (example, *image), or (sample, example, *image).
            sites: values of the sites.
        """

    def _own(self, x: Tensor) -> bool:
        """Return whether every sample has images of its own."""
        return x.ndim > len(self.image_shape) + 1

    def _pass(self, x: Tensor, values: Sequence[Tensor]) -> Tensor:
        """Run one pass with given draws."""
        draws = ReplacedDraws([site.draw for site in self.sites], values)
        with evaluated_on(tuple(x.shape)), self.passes.running(), draws:
            returned = self.passes.module(x.clone())  # which it may overwrite
        draws.finish()
        return self.returned.logits(returned, len(x))


class OneByOne(Path):
    """One pass a sample; always possible."""

    name = "loop"

    def logits(self, x: Tensor, sites: Sites) -> Tensor:
        """Evaluate the samples one after the other."""
        own, number = self._own(x), x.shape[-len(self.image_shape) - 1]
        passes = []
        for sample in range(num_samples(sites)):
            values = [site.in_a_pass(sites[site.name][sample], number) for site in self.sites]
            passes.append(self._pass(x[sample] if own else x, values))
        return torch.stack(passes)


class OneBatch(Path):
    """All samples in the batch of one pass; possible where every draw is per image."""

    name = "batch"

    def logits(self, x: Tensor, sites: Sites) -> Tensor:
        """Evaluate all samples as a batch."""
        number = num_samples(sites)
        images = by_sample(x, self.image_shape, number)
        rows = number * images.shape[1]
        values = []
        for site in self.sites:
            value = sites[site.name]
            value = value.expand(number, images.shape[1], *value.shape[2:]).flatten(0, 1)
            values.append(site.in_a_pass(value, rows))
        unfolded: Tensor = self._pass(images.flatten(0, 1), values).unflatten(0, (number, -1))
        return unfolded


class Vectorised(Path):
    """One pass in ``torch.func.vmap``: what comes before the first draw is evaluated once."""

    name = "vmap"

    def logits(self, x: Tensor, sites: Sites) -> Tensor:
        """Evaluate all samples at once."""
        own, number = self._own(x), x.shape[-len(self.image_shape) - 1]
        values = [site.in_a_pass(sites[site.name], number, lead=1) for site in self.sites]
        draws = ReplacedDraws([site.draw for site in self.sites], values)
        module, lent = self.passes.module, self.passes.lent_buffers()
        zeros = x.new_zeros(num_samples(sites))
        buffers = {name: b.expand(len(zeros), *b.shape).clone() for name, b in lent.items()}

        def one(zero: Tensor, image: Tensor, buffers: Mapping[str, Tensor]) -> Tensor:
            with _OutOfPlace(zero):
                if buffers:
                    returned = torch.func.functional_call(module, dict(buffers), (image,))
                else:
                    returned = module(image)
            return self.returned.logits(returned, number)

        with evaluated_on(tuple(x.shape)), self.passes.running(), draws:
            logits: Tensor = torch.func.vmap(
                one, in_dims=(0, 0 if own else None, 0), randomness="different"
            )(zeros, x.clone(), buffers)
        draws.finish()
        return logits


class _OutOfPlace(TorchFunctionMode):
    """A mode in which random values are written into tensors with an axis of samples.

    vmap refuses to write different values for the samples into a tensor that they share.

    Args:
        zero: 0 of one sample within vmap.
    """

    def __init__(self, zero: Tensor):
        super().__init__()
        self._zero = zero

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Run a function; give it another tensor to write random values into."""
        if func == DATA:
            return args[0].detach()  # vmap has no .data
        if func in WRITTEN and not is_batchedtensor(args[0]):
            target = args[0].detach()
            args = (target + self._zero.to(target.dtype), *args[1:])
        return func(*args, **(kwargs or {}))


DATA = torch.Tensor.data.__get__  # type: ignore[attr-defined]
WRITTEN = frozenset(
    {
        torch.Tensor.bernoulli_,
        torch.Tensor.cauchy_,
        torch.Tensor.exponential_,
        torch.Tensor.geometric_,
        torch.Tensor.log_normal_,
        torch.Tensor.normal_,
        torch.Tensor.random_,
        torch.Tensor.uniform_,
    }
)


def num_samples(sites: Sites) -> int:
    """Return the number of samples in stored values of sites."""
    return len(next(iter(sites.values())))
