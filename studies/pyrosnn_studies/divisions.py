"""One budget of samples seen, divided into S_A samples in each of so many steps."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import xarray as xr

from pyrosnn.results import GROUP, make_dataset
from pyrosnn_studies.cells import Cell
from pyrosnn_studies.grid import GridSpec, run_grid_cell
from pyrosnn_studies.subject import Subject

STEPS, LENGTH = "steps", "relative_step"


def divides(grid: GridSpec) -> bool:
    """Whether the attack takes steps, by an option, and several sizes are asked for."""
    attack = grid.make_attack()
    known = STEPS in grid.attack_options and attack.iterated and not attack.minimises_norm
    return known and len(grid.attack_samples) > 1 and grid.strengths[-1] > 0


def divisions(grid: GridSpec) -> Mapping[int, int]:
    """Return the steps for each S_A; the product is that of the middle S_A, or nearly.

    Args:
        grid: settings of the evaluations.
    """
    sizes = grid.attack_samples
    budget = sizes[len(sizes) // 2] * grid.attack_options[STEPS]
    return {size: max(1, budget // size) for size in sizes if size <= budget}


def run_division(grid: GridSpec, cell: Cell, subject: Subject) -> xr.Dataset:
    """Return the accuracy and the cosine of each division, on the images of a cell.

    All steps together are as long as the attack's own.

    Args:
        grid: settings of the evaluations.
        cell: which repeat and block.
        subject: the model and the data.
    """
    options, found = grid.attack_options, {}
    for size, steps in divisions(grid).items():
        other = {**options, STEPS: steps}
        if LENGTH in options:
            other[LENGTH] = min(1.0, options[LENGTH] * options[STEPS] / steps)
        spec = replace(
            grid,
            attack_options=other,
            attack_samples=(size,),
            strengths=grid.strengths[-1:],
            test_accuracy=False,
        )
        values = run_grid_cell(spec, replace(cell, part=GROUP), subject)
        found[size] = values.isel(strength=0, inference_samples=0, attack_samples=0)
    sizes = list(found)
    joined = {
        f"divided_{name}": np.stack([found[size][variable].values for size in sizes], 1)
        for name, variable in (("correct", "adversarial_correct"), ("cosine", "cosine"))
    }
    joined["divided_steps"] = np.array(list(divisions(grid).values()))
    first = found[sizes[0]]
    coords = {
        "example": first["example"].values,
        "label": first["label"].values,
        "attack_samples": np.array(sizes),
    }
    return make_dataset(joined, coords)
