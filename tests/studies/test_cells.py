"""Cells: kept and read back without loss, never run twice, and no worse for damage."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from support.counting import Counting
from support.studies import smallest

from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.results import GROUP, result_digest
from pyrosnn_studies import STUDIES
from pyrosnn_studies.cells import Cell
from pyrosnn_studies.packing import pack, unpack
from pyrosnn_studies.runner import Step, in_order
from pyrosnn_studies.store import CellStore, Finished

pytestmark = pytest.mark.usefixtures("tiny_protocols")

every_study = pytest.mark.parametrize("name", list(STUDIES))


@pytest.mark.slow
@every_study
def test_an_interrupted_study_goes_on_to_the_same_result(
    name: str, bnn: StochasticClassifier, digits: Dataset, tmp_path: Path
) -> None:
    study, spec, subject = smallest(name, bnn, digits)
    cells = study.cells(spec)
    assert len({cell.name for cell in cells}) == len(cells) > 1
    whole = study.run(spec, subject)
    store, first, second = CellStore(tmp_path), Counting(stop=len(cells) // 2), Counting()
    with pytest.raises(KeyboardInterrupt):
        study.run(spec, subject, store=store, compute=first)
    steps: list[Step] = []
    resumed = study.run(spec, subject, store=store, compute=second, progress=steps.append)
    assert result_digest(resumed) == result_digest(whole)
    for group in whole.children:
        xr.testing.assert_identical(resumed[group].dataset, whole[group].dataset)
    assert first.ran + second.ran == cells  # each once
    kept = len(first.ran)
    assert [step.done for step in steps] == list(range(kept, len(cells) + 1))
    assert {step.kept for step in steps} == {kept}


@pytest.mark.slow
@every_study
def test_cells_come_in_any_order(name: str, bnn: StochasticClassifier, digits: Dataset) -> None:
    study, spec, subject = smallest(name, bnn, digits)
    whole = study.run(spec, subject)
    shuffled = study.run(
        spec, subject, compute=lambda task, cells: in_order(task, list(reversed(cells)))
    )
    assert result_digest(shuffled) == result_digest(whole)


@pytest.mark.slow
@every_study
def test_packing_loses_nothing(name: str, bnn: StochasticClassifier, digits: Dataset) -> None:
    study, spec, subject = smallest(name, bnn, digits)
    parts = {cell.part: cell for cell in study.cells(spec)}
    for cell in parts.values():
        values = study.run_cell(spec, cell, subject)
        again, seconds = unpack(pack(values, 1.5))
        xr.testing.assert_identical(again, values)
        assert {n: v.dtype for n, v in again.variables.items()} == {
            n: v.dtype for n, v in values.variables.items()
        }
        assert list(again.variables) == list(values.variables)
        assert seconds == 1.5


def finished() -> Finished:
    values = xr.Dataset({"angle": ("example", np.arange(3.0))}, coords={"example": [0, 1, 2]})
    return Finished(cell=Cell(part="angles"), values=values, seconds=0.5)


@pytest.mark.slow
def test_a_damaged_cell_is_none(tmp_path: Path) -> None:
    """Cut at every length, and with a bit of every byte turned."""
    store, kept = CellStore(tmp_path), finished()
    assert store.load(kept.cell) is None
    store.save(kept)
    found = store.load(kept.cell)
    assert found is not None
    xr.testing.assert_identical(found.values, kept.values)
    (path,) = tmp_path.iterdir()
    content = path.read_bytes()
    for position in range(len(content)):
        path.write_bytes(content[:position])
        assert store.load(kept.cell) is None
        turned = bytes([content[position] ^ (1 << position % 8)])
        path.write_bytes(content[:position] + turned + content[position + 1 :])
        assert store.load(kept.cell) is None
    store.save(kept)
    assert store.load(kept.cell) is not None


def test_a_damaged_cell_alone_is_run_again(
    bnn: StochasticClassifier, digits: Dataset, tmp_path: Path
) -> None:
    study, spec, subject = smallest("sample-size", bnn, digits)
    store = CellStore(tmp_path)
    whole = study.run(spec, subject, store=store)
    path = tmp_path / "evaluation-1-1.cell"
    path.write_bytes(path.read_bytes()[:-1])
    again = Counting()
    resumed = study.run(spec, subject, store=store, compute=again)
    assert [cell.name for cell in again.ran] == ["evaluation-1-1"]
    assert result_digest(resumed) == result_digest(whole)


@pytest.mark.slow
def test_a_part_has_what_the_whole_has_there(bnn: StochasticClassifier, digits: Dataset) -> None:
    study, spec, subject = smallest("sample-size", bnn, digits)
    whole = study.run(spec, subject)[GROUP].to_dataset()
    part = replace(spec, images=7, first_image=5, repeats=1, first_repeat=1)
    found = study.run(part, subject)[GROUP].to_dataset()
    xr.testing.assert_identical(found, whole.isel(repeat=slice(1, 2), example=slice(5, 12)))
    study, spec, subject = smallest("prediction-variance", bnn, digits)
    whole = study.run(spec, subject)["variation"].to_dataset()
    part = replace(spec, images=2, first_image=10)
    found = study.run(part, subject)["variation"].to_dataset()
    xr.testing.assert_identical(found, whole.isel(example=slice(10, 12)))


@pytest.mark.parametrize("name", ["sample-size", "prediction-variance"])
def test_a_part_begins_with_a_block(name: str, bnn: StochasticClassifier, digits: Dataset) -> None:
    study, spec, subject = smallest(name, bnn, digits)
    for first in (3, -5):
        with pytest.raises(
            ArgumentError,
            match=rf"first_image must be (>= 0|a multiple of block_size = 5), got {first}",
        ):
            replace(spec, first_image=first)
    assert subject is not None
    with pytest.raises(ArgumentError, match="digits has 500 test images, asked for 502"):
        study.make_spec("quick", digits, subject.training, first_image=450, images=52)
    with pytest.raises(ArgumentError, match="first_image must be below 500, the number of test im"):
        study.make_spec("quick", digits, subject.training, first_image=500, images=2)
    rest = study.make_spec("quick", digits, subject.training, first_image=250, block_size=50)
    assert rest.images == 250


def test_wall_time_counts_what_was_kept(
    bnn: StochasticClassifier, digits: Dataset, tmp_path: Path
) -> None:
    from pyrosnn.results import read_provenance

    study, spec, subject = smallest("prediction-variance", bnn, digits)
    store = CellStore(tmp_path)
    for cell in study.cells(spec):
        values = study.run_cell(spec, cell, subject)
        store.save(Finished(cell=cell, values=values, seconds=1000.0))
    resumed = study.run(spec, subject, store=store)
    assert 3000 < read_provenance(resumed)["wall_time_s"] < 3100
