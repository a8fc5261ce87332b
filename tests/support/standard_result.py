"""A result of the standard evaluation with made-up values, which needs no model."""

from typing import Any

import numpy as np
import xarray as xr

from pyrosnn.data import load_dataset
from pyrosnn.results import make_dataset, make_result

THREATS = [("linf", 0.1), ("l2", 1.5)]
ENTRIES = ("apgd-ce", "apgd-dlr", "square", "transfer")
PERTURBATIONS = ("none", "random", "archive")
QUERIES = 100
LAST = ENTRIES.index("square")
SHOWN = 6  # of each threat

# How likely one answer is to be right: the mean of a beta distribution over images.
PRECISION = 1.0
CLEAN, RANDOM = 0.96, 0.94
ATTACKED = {0: 0.62, 1: 0.45}


def standard_result(
    images: int = 200,
    *,
    repeats: int = 0,
    findings: dict[str, tuple[str, float, str]] | None = None,
    shown: bool = True,
    certified: bool = False,
    **provenance: Any,
) -> xr.DataTree:
    """Return a result whose values are drawn with a fixed seed.

    Args:
        images: number of images, the first of digits.
        repeats: number of repeats; 0 for a result without that dimension.
        findings: status, value and message of checks by their names.
        shown: whether it holds images to see.
        certified: whether 7 in 10 images that withstand the second threat are certified.
        provenance: entries that differ.
    """
    rng = np.random.default_rng(0)
    coords = _coordinates(images)
    parts = [_values(rng, images) for _ in range(max(repeats, 1))]
    dataset = make_dataset(parts[0], coords)
    if repeats:
        each = [make_dataset(part, coords).expand_dims(repeat=[r]) for r, part in enumerate(parts)]
        dataset = xr.concat(each, "repeat")
    others = {"checks": _checks(findings or FINDINGS)}
    spec = {**SPEC, "images": images, "repeats": max(repeats, 1)}
    if shown:
        others["shown"] = _shown(rng)
    if certified:
        others["certificates"] = _certificates(parts[0]["archive_correct"][:, 1])
        spec |= {"certificate": True, "certificate_samples": 1000, "alpha": 0.001}
    return make_result(
        dataset,
        study="evaluation",
        spec=spec,
        provenance={**PROVENANCE, **provenance},
        group="standard",
        others=others,
    )


def _coordinates(images: int) -> dict[str, Any]:
    return {
        "example": np.arange(images),
        "label": _labels(images),
        "threat": [f"{norm} {strength:g}" for norm, strength in THREATS],
        "threat_norm": [norm for norm, _ in THREATS],
        "threat_strength": [strength for _, strength in THREATS],
        "entry": list(ENTRIES),
        "perturbation": list(PERTURBATIONS),
    }


def _labels(images: int) -> np.ndarray:
    return np.asarray(load_dataset("digits").y_test[:images])


def _values(rng: np.random.Generator, images: int) -> dict[str, np.ndarray]:
    """Draw an evaluation: each image has a probability to be right in one query."""
    shape = (images, len(THREATS))
    middle = np.array([ATTACKED[threat] for threat in range(len(THREATS))])
    right = rng.beta(PRECISION * middle, PRECISION * (1 - middle), shape)
    clean = rng.beta(4 * CLEAN, 4 * (1 - CLEAN), (images, 1)).repeat(len(THREATS), 1)
    noise = rng.beta(4 * RANDOM, 4 * (1 - RANDOM), shape)
    archive = right > 0.5
    own = archive[..., None] | (rng.random((*shape, len(ENTRIES))) < [0.1, 0.2, 0.5, 0.4])
    entry = rng.choice(len(ENTRIES), shape, p=[0.5, 0.3, 0.15, 0.05])
    cosine = rng.beta(6, 3, shape)
    run = np.ones((*shape, len(ENTRIES)), dtype=bool)
    run[..., LAST] = rng.random(shape) < 0.7
    return {
        "unattacked_correct": clean[:, 0] > 0.5,
        "unattacked_selected": clean[:, 0] > 0.5,
        "archive_correct": archive,
        "archive_selected": right > 0.53,
        "archive_class": (_labels(images)[:, None] + 3 * ~archive) % 10,
        "archive_entry": np.where(rng.random(shape) < 0.02, -1, entry),
        "archive_norm": np.array([strength for _, strength in THREATS]) * np.ones(shape),
        "archive_length": np.array([0.8, 1.5]) * np.ones(shape),
        "archive_margin": rng.beta(2, 1, shape),
        "archive_gradient_norm": rng.lognormal(0, 0.4, shape) * np.where(archive, 0.7, 1.5),
        "archive_cosine": np.where(archive, cosine - 0.2, cosine),
        "entry_correct": own,
        "entry_selected": own,
        "entry_run": run,
        "entry_gradients": np.where(run, [1e4, 1e4, 0, 500], 0.0),
        "entry_queries": np.where(run, [1e4, 1e4, 1e5, 1e3], 0.0),
        "queries_correct": rng.binomial(QUERIES, np.stack([clean, noise, right], -1)),
        "random_correct": noise > 0.5,
        "random_selected": noise > 0.5,
        "known_correct": archive & (rng.random(shape) < 0.8),
        "noise_free_correct": archive & (rng.random(shape) < 0.9),
        "noise_free_unattacked": clean[:, 0] > 0.45,
    }


def _certificates(withstand: np.ndarray) -> xr.Dataset:
    """Return radii in ℓ2 that agree with the attack on the second threat."""
    images = len(withstand)
    held = withstand & (np.arange(images) % 10 < 7)
    radii = np.where(held, 2.0, np.where(np.arange(images) % 3 == 0, np.nan, 0.7))
    arrays = {
        "certified_radius": radii[:, None],
        "certified_class": _labels(images)[:, None],
        "vote_bound": np.where(held, 0.99, 0.5),
        "own_correct": np.arange(images) % 10 < 9,
        "noise_scale": np.array(0.5),
        "inference_bound": held[:, None].astype(float),
    }
    coords = {
        "example": np.arange(images),
        "label": _labels(images),
        "certificate": ["margin"],
        "distance": [THREATS[1][1]],
    }
    return make_dataset(arrays, coords)


def _checks(findings: dict[str, tuple[str, float, str]]) -> xr.Dataset:
    status, value, message = zip(*findings.values(), strict=True)
    arrays = {
        "check_status": np.array(status),
        "check_value": np.array(value),
        "check_message": np.array(message),
    }
    return make_dataset(arrays, {"check": list(findings)})


def _shown(rng: np.random.Generator) -> xr.Dataset:
    """Return some images of digits under perturbations of both norms."""
    pixels = load_dataset("digits").x_test[:SHOWN].numpy().reshape(SHOWN, -1)
    signs = rng.choice([-1.0, 1.0], pixels.shape)
    normal = rng.normal(size=pixels.shape)
    delta = [
        THREATS[0][1] * signs,
        THREATS[1][1] * normal / np.linalg.norm(normal, axis=1)[:, None],
    ]
    attacked = np.concatenate([pixels + delta[0], pixels + delta[1]])
    arrays = {
        "shown_example": np.tile(np.arange(SHOWN), len(THREATS)),
        "shown_threat": np.repeat(np.arange(len(THREATS)), SHOWN),
        "shown_shape": np.array([1, 8, 8]),
        "shown_image": np.tile(pixels, (len(THREATS), 1)),
        "shown_attacked": attacked,
    }
    return make_dataset(arrays, {"shown": np.arange(len(attacked))})


# What a result keeps of the checks of its model; those of its values are made when it is read.
FINDINGS = {
    "logits": ("pass", 0.0, "outputs are logits"),
    "more-steps": ("warn", 0.031, "twice the steps lower the accuracy by another 3.1 points"),
    "planted-vulnerability": ("skipped", float("nan"), "the readout has no logits"),
}

SPEC: dict[str, Any] = {
    "protocol": "standard-1",
    "threats": [list(threat) for threat in THREATS],
    "attack_samples": 20,
    "selection_samples": 100,
    "inference_samples": 100,
    "queries": QUERIES,
    "seed": 0,
    "block_size": 50,
}

PROVENANCE: dict[str, Any] = {
    "model": "bnn",
    "model_digest": "a" * 64,
    "training": {"model": "bnn", "epochs": 20, "options": {"hidden": [128, 128]}},
    "dataset": "digits",
    "dataset_digest": "b" * 64,
    "device": "cpu",
    "bounds": [0.0, 1.0],
    "num_classes": 10,
    "output": "probabilities",
    "seed": 0,
    "threads": 1,
    "python": "3.12.1",
    "versions": {"pyrosnn": "0.1.0", "torch": "2.9.0"},
    "created": "2026-01-01T00:00:00+00:00",
    "wall_time_s": 601.5,
}
