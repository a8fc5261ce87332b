"""Pixels of an image as a picture that a browser shows."""

import io

import numpy as np
from matplotlib.image import imsave


def pixels_png(pixels: np.ndarray, bounds: tuple[float, float] = (0.0, 1.0)) -> bytes:
    """Return an image as PNG, a point for each pixel; values out of the bounds are clipped.

    Args:
        pixels: its values: colours of shape (3, height, width); other channels are averaged to
            grey; a vector becomes one line.
        bounds: smallest and largest pixel value, black and white.

    Example:
        >>> pixels_png(np.zeros((1, 8, 8)))[1:4]
        b'PNG'
    """
    low, high = bounds
    shares = np.clip((np.asarray(pixels, dtype="float64") - low) / (high - low), 0, 1)
    levels = np.rint(255 * _as_colours(shares)).astype(np.uint8)
    buffer = io.BytesIO()
    imsave(buffer, levels, format="png")
    return buffer.getvalue()


def _as_colours(shares: np.ndarray) -> np.ndarray:
    """Return values as three colours, shape (height, width, 3)."""
    height, width = (1, 1, *shares.shape)[-2:]
    channels = shares.reshape(-1, height, width)
    colours = channels if len(channels) == 3 else channels.mean(0, keepdims=True)
    return np.broadcast_to(colours, (3, height, width)).transpose(1, 2, 0)


def amplified(delta: np.ndarray, bounds: tuple[float, float] = (0.0, 1.0)) -> np.ndarray:
    """Return a perturbation as an image: its largest entry is black or white, 0 is grey.

    Args:
        delta: δ, of any shape.
        bounds: smallest and largest pixel value.

    Example:
        >>> amplified(np.array([-0.1, 0.0, 0.05])).tolist()
        [0.0, 0.5, 0.75]
    """
    low, high = bounds
    largest = float(np.abs(delta).max(initial=0.0))
    scaled = np.asarray(delta, dtype="float64") / (largest or 1.0)
    return np.asarray(low + (high - low) * (1 + scaled) / 2)
