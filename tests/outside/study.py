"""A study: how many images keep their class under random noise of a given length."""

from dataclasses import dataclass

import torch
import xarray as xr
from matplotlib.figure import Figure

from pyrosnn.evaluation import accuracy
from pyrosnn_studies.cells import Cell
from pyrosnn_studies.study import Study
from pyrosnn_studies.subject import Subject
from pyrosnn_studies.tables import Table, mean_and_sd, percent


@dataclass(frozen=True, kw_only=True)
class NoisySpec:
    """Settings: the strengths are the lengths of the noise."""

    images: int
    strengths: tuple[float, ...]
    inference_samples: int
    repeats: int = 2
    first_repeat: int = 0
    seed: int = 0


def cells(spec: NoisySpec) -> list[Cell]:
    repeats = range(spec.first_repeat, spec.first_repeat + spec.repeats)
    return [
        Cell(part="noisy", repeat=r, block=s) for r in repeats for s in range(len(spec.strengths))
    ]


def run_cell(spec: NoisySpec, cell: Cell, subject: Subject) -> xr.Dataset:
    x, y = subject.dataset.test_images(spec.images)
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(cell.repeat or 0))
    strength = spec.strengths[cell.block]
    noisy = x + strength * noise / noise.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
    counters = {"num_samples": spec.inference_samples, "seed": spec.seed}
    share = accuracy(subject.classifier, noisy, y, **counters, repeat=cell.repeat or 0)
    return xr.Dataset({"kept": ("strength", [share])}, coords={"strength": [strength]})


def tables(result: xr.DataTree) -> list[Table]:
    kept = result["noisy"].dataset["kept"]
    rows = [
        [f"{s:g}", percent(*mean_and_sd(kept.sel(strength=s)))] for s in kept["strength"].values
    ]
    return [Table(title="Images that keep their class, %", header=["η", "kept"], rows=rows)]


def figure(result: xr.DataTree) -> Figure:
    drawn = Figure()
    drawn.subplots().plot(result["noisy"].dataset["kept"].mean("repeat"))
    return drawn


PRESETS = {"quick": {"images": 20, "strengths": "single", "inference_samples": 5}}
STUDY = Study(
    name="noisy",
    spec=NoisySpec,
    presets=PRESETS,
    cells=cells,
    run_cell=run_cell,
    tables=tables,
    figure=figure,
)
