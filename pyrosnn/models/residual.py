"""Pre-activation residual blocks with dropout between their convolutions, given as a mask."""

import math
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import BatchNorm2d, Conv2d
from torch.nn.functional import batch_norm, relu


def normalize(norm: BatchNorm2d, x: Tensor, *, learn: bool) -> Tensor:
    """Apply batch norm, whatever mode its module is in.

    Args:
        norm: holds the parameters and the running statistics.
        x: shape (example, channel, height, width).
        learn: normalize with the batch's own statistics and move the running ones towards them;
            else with the running ones, so that images do not influence each other.
    """
    mean, variance = norm.running_mean, norm.running_var
    assert mean is not None  # such a norm keeps statistics
    assert variance is not None
    if learn:
        momentum = 0.1 if norm.momentum is None else norm.momentum
        return batch_norm(x, mean, variance, norm.weight, norm.bias, True, momentum, norm.eps)
    # written out: forward-mode derivatives of ``batch_norm`` cost thirty times its value
    exact = torch.promote_types(x.dtype, torch.float32)
    scale = norm.weight.to(exact) * torch.rsqrt(variance.to(exact) + norm.eps)
    shift = norm.bias.to(exact) - mean.to(exact) * scale
    scale, shift = (v.to(x.dtype).reshape(-1, 1, 1) for v in (scale, shift))
    return torch.addcmul(shift, x, scale)


class ResidualBlock(torch.nn.Module):
    """bn-relu-conv-**dropout**-bn-relu-conv beside a shortcut.

    Args:
        inputs: channels of what it is given.
        outputs: channels of what it returns.
        stride: of the first convolution and of the shortcut.
    """

    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        self.norm_1 = BatchNorm2d(inputs)
        self.conv_1 = convolution(inputs, outputs, 3, stride)
        self.norm_2 = BatchNorm2d(outputs)
        self.conv_2 = convolution(outputs, outputs, 3, 1)
        same = inputs == outputs and stride == 1
        self.shortcut = None if same else convolution(inputs, outputs, 1, stride)

    def before(self, x: Tensor, *, learn: bool) -> tuple[Tensor, Tensor]:
        """Return what dropout is applied to, and the shortcut."""
        active = relu(normalize(self.norm_1, x, learn=learn))
        return self.conv_1(active), x if self.shortcut is None else self.shortcut(active)

    def after(self, hidden: Tensor, shortcut: Tensor, *, learn: bool) -> Tensor:
        """Return the block's value, given what dropout left."""
        out: Tensor = self.conv_2(relu(normalize(self.norm_2, hidden, learn=learn)))
        return out + shortcut


def convolution(inputs: int, outputs: int, size: int, stride: int) -> Conv2d:
    """Return a convolution without bias, its weights as He et al. draw them (fan out)."""
    conv = Conv2d(inputs, outputs, size, stride=stride, padding=size // 2, bias=False)
    torch.nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
    return conv


def wide_blocks(depth: int, width: int) -> Iterator[ResidualBlock]:
    """Yield the blocks of a wide ResNet: three groups, of 16, 32 and 64 times ``width`` channels.

    Args:
        depth: 6 n + 4, with n blocks in each group.
        width: factor of the channels.
    """
    inputs = STEM_CHANNELS
    for group in range(3):
        outputs = 16 * 2**group * width
        for block in range((depth - 4) // 6):
            yield ResidualBlock(inputs, outputs, 2 if group > 0 and block == 0 else 1)
            inputs = outputs


STEM_CHANNELS = 16


def mask_shapes(blocks: list[ResidualBlock], height: int, width: int) -> list[tuple[int, int, int]]:
    """Return (height, width, channel) of what dropout is applied to in each block."""
    shapes = []
    for block in blocks:
        stride = block.conv_1.stride[0]
        height, width = math.ceil(height / stride), math.ceil(width / stride)
        shapes.append((height, width, block.conv_1.out_channels))
    return shapes
