"""Share of images that a classifier has right under Gaussian noise."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
import xarray as xr
from annotated_types import Ge, MinLen
from matplotlib.figure import Figure

from pyrosnn.evaluation import accuracy
from pyrosnn.results import read_spec
from pyrosnn.settings import Default
from pyrosnn.tables import Number, Table
from pyrosnn_studies.cells import Cell
from pyrosnn_studies.settings import RepeatSettings, SeedSettings
from pyrosnn_studies.study import Study
from pyrosnn_studies.subject import Subject
from pyrosnn_studies.tables import percent_of_means


@dataclass(frozen=True, kw_only=True)
class NoisySpec(RepeatSettings, SeedSettings):
    """Settings of the study.

    Attributes:
        images: number of test images.
        strengths: standard deviations of the noise.
        inference_samples: size of the inference set, S_I.
    """

    panel: ClassVar[str] = "sets"

    images: Annotated[int, Ge(1)]
    strengths: Annotated[tuple[float, ...], MinLen(1), Ge(0), Default("the data set's")]
    inference_samples: Annotated[int, Ge(1)]


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
    images = read_spec(result)["images"]
    rows = [[Number(value=float(of["strength"])), percent_of_means(of, images)] for of in kept]
    return [Table(title="Images that are right, %", columns=["η", "kept"], rows=rows)]


def figure(result: xr.DataTree) -> Figure:
    (drawn := Figure()).gca().plot(result["noisy"].dataset["kept"].mean("repeat"))
    return drawn


STUDY = Study(
    name="noisy",
    spec=NoisySpec,
    presets={"quick": {"images": 20, "strengths": "single", "inference_samples": 5, "repeats": 2}},
    cells=cells,
    run_cell=run_cell,
    tables=tables,
    figure=figure,
)
