"""A study: how many images a classifier has right under Gaussian noise."""

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
    images: int
    strengths: tuple[float, ...]
    inference_samples: int
    repeats: int = 2
    first_repeat: int = 0
    seed: int = 0


def cells(spec: NoisySpec) -> list[Cell]:
    repeats = range(spec.first_repeat, spec.first_repeat + spec.repeats)
    both = [(repeat, block) for repeat in repeats for block, _ in enumerate(spec.strengths)]
    return [Cell(part="noisy", repeat=repeat, block=block) for repeat, block in both]


def run_cell(spec: NoisySpec, cell: Cell, subject: Subject) -> xr.Dataset:
    x, y = subject.dataset.test_images(spec.images)
    repeat, strength = cell.repeat or 0, spec.strengths[cell.block]
    noisy = x + strength * torch.randn(x.shape, generator=torch.Generator().manual_seed(repeat))
    sets = {"num_samples": spec.inference_samples, "seed": spec.seed, "repeat": repeat}
    share = accuracy(subject.classifier, noisy, y, **sets)
    return xr.Dataset({"kept": ("strength", [share])}, coords={"strength": [strength]})


def tables(result: xr.DataTree) -> list[Table]:
    kept = result["noisy"].dataset["kept"].transpose("strength", "repeat")
    rows = [[f"{float(one['strength']):g}", percent(*mean_and_sd(one))] for one in kept]
    return [Table(title="Images that are right, %", header=["η", "kept"], rows=rows)]


def figure(result: xr.DataTree) -> Figure:
    (drawn := Figure()).gca().plot(result["noisy"].dataset["kept"].mean("repeat"))
    return drawn


STUDY = Study(
    name="noisy",
    spec=NoisySpec,
    presets={"quick": {"images": 20, "strengths": "single", "inference_samples": 5}},
    cells=cells,
    run_cell=run_cell,
    tables=tables,
    figure=figure,
)
