"""Arrays of a standard evaluation, under the names of the schema."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from pyrosnn.evaluation.standard.archived import Archived
from pyrosnn.shapes import Images, Labels


def stacked(per_threat: Sequence[Tensor]) -> np.ndarray:
    """Stack one tensor per threat, shape (example, threat)."""
    values: np.ndarray = torch.stack(list(per_threat), 1).cpu().numpy()
    return values


def by_perturbation(counts: Sequence[Tensor]) -> np.ndarray:
    """Return counts of queries, shape (example, threat, perturbation).

    Args:
        counts: those of the image itself, and then of each threat's random δ and archive.
    """
    none, *others = counts
    pairs = zip(others[::2], others[1::2], strict=True)
    return np.stack([stacked([none, random, archive]) for random, archive in pairs], 1)


def reached(found: Sequence[Archived], random: Sequence[Archived]) -> dict[str, np.ndarray]:
    """Return what V says of the archives, and what each attack did and cost.

    Args:
        found: the archive of each threat.
        random: that of the control of each threat.
    """
    steps = [one.steps for one in found]

    def per_entry(values: Sequence[Sequence[Tensor]]) -> np.ndarray:
        return np.stack([stacked(of_threat) for of_threat in values], 1)

    counted = [[step.run.float() for step in of_threat] for of_threat in steps]
    return {
        "unattacked_selected": (found[0].clean_margin > 0).cpu().numpy(),
        "archive_selected": stacked([one.margin > 0 for one in found]),
        "archive_entry": stacked([one.winner for one in found]),
        "random_selected": stacked([one.margin > 0 for one in random]),
        "entry_selected": per_entry([[step.margin > 0 for step in many] for many in steps]),
        "entry_run": per_entry([[step.run for step in many] for many in steps]),
        "entry_gradients": per_entry(counted) * _costs(found, "num_gradients"),
        "entry_queries": per_entry(counted) * _costs(found, "num_queries"),
    }


def _costs(found: Sequence[Archived], name: str) -> np.ndarray:
    """Return a count of each attack under each threat, shape (threat, entry)."""
    return np.array([[getattr(step, name) for step in one.steps] for one in found])


def shown(
    x: Images, y: Labels, found: Sequence[Archived], correct: np.ndarray, number: int
) -> dict[str, np.ndarray]:
    """Return some images with what the archive found, for a reader to see.

    Args:
        x: images.
        y: labels.
        found: the archive of each threat.
        correct: whether I classifies x + δ correctly, shape (example, threat).
        number: how many of those that withstood, and of those that fell, under each threat.
    """
    rows, threats = [], []
    for threat, one in enumerate(found):
        right = correct[:, threat]
        fell = ~right & (one.clean_margin > 0).cpu().numpy()
        chosen = [*np.flatnonzero(right)[:number], *np.flatnonzero(fell)[:number]]
        rows += chosen
        threats += [threat] * len(chosen)
    images = x.cpu().flatten(1).numpy()[rows]
    deltas = torch.stack([one.delta for one in found]).cpu().flatten(2).numpy()
    return {
        "shown_example": np.array(rows),
        "shown_threat": np.array(threats),
        "shown_shape": np.array(x.shape[1:]),
        "shown_image": images,
        "shown_attacked": images + deltas[threats, rows],
    }
