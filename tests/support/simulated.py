"""Results whose truth is known: outcomes of images in blocks that share sample sets."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from pyrosnn.results import combine_repeats, make_dataset, make_result

SPEC = {
    "attack": "fgm",
    "attack_options": {},
    "norm": "l2",
    "labels": "true",
    "loss": "cross-entropy",
    "clip": False,
    "clip_judged": False,
}
PROVENANCE = {"dataset": "simulated", "dataset_digest": "0123456789abcdef", "model": "planted"}


def outcomes(
    rng: np.random.Generator,
    location: np.ndarray,
    *,
    repeats: int,
    block: int,
    shared: float,
    own: float = 1.0,
    experiments: int = 1,
) -> np.ndarray:
    """Return outcomes, shape (experiment, repeat, image): location + noise > 0.

    Noise of standard deviation ``shared`` is that of a block's common sample sets, ``own`` that of
    an image. Location has the shape (experiment or 1, image). An image's probability is
    Φ(location / sqrt(shared² + own²)).
    """
    images = location.shape[-1]
    common = rng.normal(size=(experiments, repeats, -(-images // block)))
    noise = shared * np.repeat(common, block, axis=-1)[..., :images]
    noise = noise + own * rng.normal(size=noise.shape)
    return np.asarray(location[:, None, :] + noise > 0)


def planted(
    correct: np.ndarray,
    *,
    cosines: Sequence[float] | np.ndarray,
    attack_samples: Sequence[int],
    strengths: Sequence[float] = (0.5,),
    inference_samples: Sequence[int] = (100,),
    linear: np.ndarray | None = None,
    first_example: int = 0,
    spec: Mapping[str, Any] | None = None,
    provenance: Mapping[str, Any] | None = None,
) -> xr.DataTree:
    """Return a result with given outcomes, shape (repeat, image, S_A), and cosines of each S_A.

    Strengths and S_I all have the same outcomes. Cosines have the shape (S_A) or (repeat, image,
    S_A).
    """
    repeats, images, sizes = correct.shape
    shape = (images, len(strengths), sizes, len(inference_samples))
    all_cosines = np.broadcast_to(np.asarray(cosines), correct.shape)
    condition = correct if linear is None else linear
    zeros = np.zeros(shape)
    parts = []
    for repeat in range(repeats):
        grids = {
            name: np.broadcast_to(values[repeat][:, None, :, None], shape)
            for name, values in (
                ("adversarial_correct", correct),
                ("linear_condition", condition),
                ("cosine", all_cosines),
            )
        }
        values = {
            **grids,
            "clean_correct": np.ones((images, len(inference_samples)), dtype=bool),
            "attack_correct": np.ones((images, sizes), dtype=bool),
            "margin": zeros,
            "gradient_norm": zeros + 1,
            "nearest_class": zeros,
            "perturbation_norm": zeros[..., 0] + 1,
            "zero_gradient": zeros[..., 0] > 0,
        }
        coords = {
            "example": range(first_example, first_example + images),
            "label": np.zeros(images, dtype=int),
            "strength": list(strengths),
            "attack_samples": list(attack_samples),
            "inference_samples": list(inference_samples),
        }
        parts.append(make_dataset(values, coords))
    return make_result(
        combine_repeats(parts),
        study="sample-size",
        spec={**SPEC, "repeats": repeats, **(spec or {})},
        provenance={**PROVENANCE, **(provenance or {})},
    )


def law(sizes: Sequence[int], noise_scale: float, limit: float = 0.9) -> np.ndarray:
    """Return the cosines c / sqrt(1 + B / S_A)."""
    return np.asarray(limit / np.sqrt(1 + noise_scale / np.asarray(sizes)))


def with_accuracy(
    shares: Sequence[float] | np.ndarray, *, images: int = 200, repeats: int = 3
) -> np.ndarray:
    """Return outcomes with exactly these accuracies, one for each S_A, in every repeat."""
    right = np.arange(images)[:, None] < np.round(np.asarray(shares) * images)
    return np.broadcast_to(right, (repeats, *right.shape))
