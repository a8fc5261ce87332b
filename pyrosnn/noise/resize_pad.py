"""`resize-pad`: the image at a random size and place within a larger one."""

from dataclasses import KW_ONLY, dataclass
from typing import Annotated

import torch
from annotated_types import Ge, Le
from pyro.distributions import Categorical
from torch import Tensor

from pyrosnn.errors import require
from pyrosnn.networks.network import INPUT, Edits, Features, Network
from pyrosnn.networks.resized import Resized, positions
from pyrosnn.noise.at_input import AtInput
from pyrosnn.noise.noise import Laws
from pyrosnn.settings import Default
from pyrosnn.shapes import Sites


@dataclass(eq=False, repr=False)
class ResizePad(AtInput):
    r"""Resize to r × r pixels, and pad to p × p with r rows from a on and r columns from b on.

    r is uniform in ``smallest`` … ``largest``, a and b are uniform in 0 … p - r: finitely many
    states, drawn for each image, so that :func:`pyrosnn.enumerated` has exact expectations. The
    image is interpolated linearly; its gradient is the transposed map. By default an image of n
    pixels gets sizes n … p - 1 within $p = n + 2 \lfloor n / 8 \rfloor$: 28 … 33 in 34 (139
    states), 32 … 39 in 40, 8 and 9 in 10 (13 states).

    Attributes:
        smallest: smallest side of the resized image; by default that of the image.
        largest: largest side of the resized image; by default one pixel less than the padded one.
        padded: side of the padded image; by default n + 2 ⌊n / 8⌋ for n pixels.
        fill: pixel value of the padding.
        per_example: draw a state for each image, instead of one for all as in the source.
        site: name of the sample site.

    References:
        C. Xie et al., Mitigating adversarial effects through randomization, ICLR 2018: 299 … 330
        in 331, nearest neighbours, one state a batch, with a flip of the image (defense.py of
        github.com/cihangxie/NIPS2017_adv_challenge_defense has 310 … 330). Broken by
        A. Athalye et al., Obfuscated gradients give a false sense of security, ICML 2018.

    Example:
        >>> from pyrosnn.models import build_model
        >>> model = build_model("resize-pad", image_shape=(1, 28, 28), num_classes=10)
        >>> model.network.image_shape, model.image_shape
        ((1, 34, 34), (1, 28, 28))
    """

    smallest: Annotated[int | None, Ge(1), Default("the image's side")] = None
    largest: Annotated[int | None, Ge(1), Default("one less than --padded")] = None
    padded: Annotated[int | None, Ge(1), Default("n + 2 ⌊n / 8⌋ for n pixels")] = None
    fill: Annotated[float, Ge(0), Le(1)] = 0.5
    per_example: bool = True
    _: KW_ONLY
    site: str = "resize_pad"

    def __post_init__(self) -> None:
        """Check the values of the fields."""
        super().__post_init__()
        self.states: Tensor
        self.probabilities: Tensor

    def shape_after(self, image_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the padded shape.

        Raises:
            ArgumentError: for images that are no squares of pixels, and sizes that do not fit.
        """
        _, padded = self.sizes(image_shape)
        return (image_shape[0], padded, padded)

    def sizes(self, image_shape: tuple[int, ...]) -> tuple[range, int]:
        """Return the sides of the resized image, and that of the padded one.

        Raises:
            ArgumentError: as :meth:`shape_after`.
        """
        require(
            len(image_shape) == 3 and image_shape[1] == image_shape[2],
            "resize-pad needs square images of shape (channel, side, side), got "
            f"{tuple(image_shape)}",
        )
        side = image_shape[-1]
        padded = side + 2 * max(1, side // 8) if self.padded is None else self.padded
        require(
            padded >= side,
            f"padded must be at least the side of the images, {side}, got {padded}; by default it "
            f"is {side + 2 * max(1, side // 8)}",
        )
        largest = padded - 1 if self.largest is None else self.largest
        smallest = min(side, largest) if self.smallest is None else self.smallest
        require(
            1 <= smallest <= largest <= padded,
            f"sizes must have smallest <= largest <= padded, got {smallest}, {largest}, {padded}",
        )
        return range(smallest, largest + 1), padded

    def place(self, network: Network) -> None:
        """List the states."""
        sizes, padded = self.sizes(self.image_shape)
        listed = [(r, padded - r + 1) for r in sizes]
        states = torch.cat(
            [
                torch.cartesian_prod(torch.tensor([r]), torch.arange(places), torch.arange(places))
                for r, places in listed
            ]
        )
        shares = [torch.full((n * n,), 1 / (len(sizes) * n * n)) for _, n in listed]
        self.register_buffer("states", states, persistent=False)
        self.register_buffer("probabilities", torch.cat(shares), persistent=False)

    def posterior(self, network: Network, like: Tensor) -> Laws:
        """Return the distribution of the state's number, which has no learned parameters."""
        return {self.site: Categorical(self.probabilities.to(like.dtype))}

    def edits(self, network: Network, sites: Sites) -> Edits:
        """Return the linear map of each state."""
        size, row, column = self.states[sites[self.site]].unbind(-1)
        side, padded = self.image_shape[-1], network.image_shape[-1]
        rows, columns = (
            positions(side, size, start, padded, network.dtype) for start in (row, column)
        )
        return {INPUT: [Features(Resized(rows, columns, self.fill))]}
