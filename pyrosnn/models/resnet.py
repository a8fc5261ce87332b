"""`resnet`: the wide residual network whose dropout stays random (MC dropout)."""

import math

import pyro
import torch
from pyro.distributions import Categorical
from torch import Tensor
from torch.nn.functional import relu

from pyrosnn.errors import require
from pyrosnn.models.classifier import Sites, StochasticClassifier
from pyrosnn.models.head import AutogradHead
from pyrosnn.models.keep_mask import KeepMask
from pyrosnn.models.residual import (
    STEM_CHANNELS,
    ResidualBlock,
    convolution,
    mask_shapes,
    normalize,
    wide_blocks,
)
from pyrosnn.models.trunk import Trunk

# Pixels of [0, 1] are centred within the network, so that strengths stay in pixel units.
CENTRE, SPREAD = 0.5, 0.25


class WideResNet(StochasticClassifier):
    r"""A wide residual network with a dropout mask in each block as its sample sites.

    Pre-activation blocks bn-relu-conv-dropout-bn-relu-conv. The mask of block k is the site
    ``mask_k``, shape (sample, example, height, width, channel), with the channels last as the
    network has them in memory; kept units are divided by 1 - dropout. Batch norm uses the batch's statistics in training alone, else the running ones,
    whatever mode the module is in. Everything before the first mask is computed once for all
    samples of a call.

    Args:
        image_shape: shape of one image, (channel, height, width).
        num_classes: number of classes.
        depth: convolutions: 6 n + 4, with n blocks in each of three groups.
        width: factor of the channels 16, 32 and 64 of the groups.
        dropout: probability that a unit is dropped; the paper's ResNets have 0.3 and 0.6.
        per_example: draw masks for each image (the field's practice) or share them among images.

    References:
        S. Zagoruyko, N. Komodakis, Wide residual networks, BMVC 2016. Y. Gal, Z. Ghahramani,
        Dropout as a Bayesian approximation, ICML 2016. Settings: Däubener & Fischer 2022,
        supplement B.
    """

    output = "probs"
    objective = "elbo"

    def __init__(
        self,
        image_shape: tuple[int, ...],
        num_classes: int,
        *,
        depth: int = 28,
        width: int = 10,
        dropout: float = 0.3,
        per_example: bool = True,
    ):
        super().__init__(image_shape, num_classes)
        require(
            len(image_shape) == 3,
            f"resnet needs images of shape (channel, height, width), got {tuple(image_shape)}",
        )
        require(
            depth >= 10 and depth % 6 == 4,
            f"depth must be 6 n + 4 with n >= 1 (10, 16, 22, 28 …), got {depth}",
        )
        require(width >= 1, f"width must be >= 1, got {width}")
        require(0 < dropout < 1, f"dropout must be in (0, 1), got {dropout}")
        self.dropout = dropout
        self.per_example = per_example
        channels, *size = image_shape
        self.first = convolution(channels, STEM_CHANNELS, 3, 1)
        self.blocks = torch.nn.ModuleList(wide_blocks(depth, width))
        self.mask_shapes = mask_shapes(self._blocks, *size)
        outputs = self.mask_shapes[-1][-1]
        self.norm = torch.nn.BatchNorm2d(outputs)
        self.last = torch.nn.Linear(outputs, num_classes)
        self.to(memory_format=torch.channels_last)  # where convolutions are fastest
        self.eval()

    @property
    def _blocks(self) -> list[ResidualBlock]:
        return [block for block in self.blocks if isinstance(block, ResidualBlock)]

    @property
    def site_names(self) -> list[str]:
        """Names of the masks' sample sites, first block first."""
        return [f"mask_{block}" for block in range(len(self.blocks))]

    def _sample_masks(self, x: Tensor) -> dict[str, Tensor]:
        keep = 1 - self.dropout
        return {
            name: pyro.sample(name, KeepMask(keep, shape, device=x.device))
            for name, shape in zip(self.site_names, self.mask_shapes, strict=True)
        }

    def model(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """Dropout masks; labels from the softmax of the network."""
        images = pyro.plate("images", len(x), dim=-1)
        if self.per_example:
            with images:
                masks = self._sample_masks(x)
        else:
            masks = self._sample_masks(x)
        learn = self.training and y is not None
        logits = self.rest(self.stem(x, learn=learn), masks, learn=learn)
        with images:
            # in mixed precision the logits are bfloat16, the images are not
            return pyro.sample("y", Categorical(logits=logits.to(x.dtype)), obs=y)

    def guide(self, x: Tensor, y: Tensor | None = None) -> None:
        """The same masks: nothing of them is learned."""
        if self.per_example:
            with pyro.plate("images", len(x), dim=-1):
                self._sample_masks(x)
        else:
            self._sample_masks(x)

    def logits(self, x: Tensor, sites: Sites) -> Tensor:
        """Evaluate the network on stored masks; see :class:`StochasticClassifier`."""
        return self.rest(self.stem(x), sites)

    def stem(self, x: Tensor, *, learn: bool = False) -> Tensor:
        """Return what comes before the first mask.

        Args:
            x: images, shape (…, channel, height, width).
            learn: train batch norm.

        Returns:
            What the first mask is applied to, and the shortcut beside it, joined along channels.
        """
        lead = x.shape[:-3]
        flat = ((x - CENTRE) / SPREAD).reshape(-1, *self.image_shape)
        flat = flat.contiguous(memory_format=torch.channels_last)
        features = torch.cat(self._blocks[0].before(self.first(flat), learn=learn), 1)
        return features.reshape(*lead, *features.shape[1:])

    def rest(self, features: Tensor, sites: Sites, *, learn: bool = False) -> Tensor:
        """Return logits, given what :meth:`stem` returned and the masks.

        Args:
            features: shape (…, channel, height, width), without or with an axis of samples.
            sites: masks by name, shape (sample, example, *mask), or without the axis of samples.
            learn: train batch norm.

        Returns:
            Logits, shape (sample, example, class), or without the axis of samples.
        """
        masks = [sites[name] for name in self.site_names]
        lead = torch.broadcast_shapes(features.shape[:-3], masks[0].shape[:-3])
        hidden, shortcut = (fold(part, lead) for part in features.chunk(2, -3))
        for block, mask in zip(self._blocks, masks, strict=True):
            if block is not self.blocks[0]:
                hidden, shortcut = block.before(hidden, learn=learn)
            kept = fold((mask.to(hidden.dtype) / (1 - self.dropout)).movedim(-1, -3), lead)
            hidden = block.after(hidden * kept, shortcut, learn=learn)
        pooled = relu(normalize(self.norm, hidden, learn=learn)).mean((-2, -1))
        logits: Tensor = self.last(pooled)
        return logits.reshape(*lead, self.num_classes)

    def trunk(self) -> Trunk:
        """Return what comes before the first mask: the same for all samples."""
        height, width, channels = self.mask_shapes[0]
        # the first convolution, its normalized and its rectified values; then both of the stem
        floats = height * width * (3 * STEM_CHANNELS + 2 * channels)
        return Trunk(function=self.stem, floats_per_example=floats)

    def head(self, sites: Sites) -> AutogradHead:
        """Return the network from the first mask on."""
        return AutogradHead(lambda features: self.rest(features, sites))

    @property
    def floats_per_example(self) -> int:
        """Values of a block's four convolution inputs and outputs, and its mask, added up."""
        outputs = [math.prod(shape) for shape in self.mask_shapes]
        height, width = self.image_shape[1:]
        inputs = [STEM_CHANNELS * height * width, *outputs[:-1]]
        return sum(inputs) + 4 * sum(outputs)


def fold(x: Tensor, lead: torch.Size) -> Tensor:
    """Return x, shape (…, channel, height, width), as one batch of the leading shape's size."""
    last = x.movedim(-3, -1)  # a copy has channels last in memory, too
    return last.expand(*lead, *last.shape[-3:]).reshape(-1, *last.shape[-3:]).movedim(-1, -3)
