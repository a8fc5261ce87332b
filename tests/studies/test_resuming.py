"""Which cells and which output a resumed run takes for its own."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.studies import smallest

from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import FileError
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.results import save_results
from pyrosnn_studies.cells import Cell
from pyrosnn_studies.resuming import finished_result, open_store
from pyrosnn_studies.runner import manifest_of
from pyrosnn_studies.store import CellStore, Finished, cells_folder

Run = tuple[Any, Any, Any]


@pytest.fixture
def run(bnn: StochasticClassifier, digits: Dataset) -> Run:
    return smallest("prediction-variance", bnn, digits)


def manifest_for(run: Run, **changes: Any) -> dict[str, Any]:
    study, spec, subject = run
    decides: dict[str, Any] = study.manifest(replace(spec, **changes), subject)
    return decides


def keep_one(run: Run, output: Path) -> None:
    study, spec, subject = run
    cell = study.cells(spec)[0]
    values = study.run_cell(spec, cell, subject)
    open_store(output, manifest_for(run)).save(Finished(cell=cell, values=values, seconds=1.0))


def test_the_manifest_is_the_results(run: Run) -> None:
    study, spec, subject = run
    made = manifest_for(run)
    assert manifest_of(study.run(spec, subject)) == made
    assert {"study", "spec", "model_digest", "dataset_digest", "threads", "device"} <= set(made)
    assert "wall_time_s" not in made


def test_cells_are_for_the_run_that_made_them(run: Run, tmp_path: Path) -> None:
    output = tmp_path / "a.nc"
    keep_one(run, output)
    with pytest.raises(FileError, match=r"holds 1 cells of an interrupted run; add --resume"):
        open_store(output, manifest_for(run))
    assert open_store(output, manifest_for(run), resume=True).num_cells == 1
    other = {**manifest_for(run, num_samples=5), "model_digest": 64 * "0"}
    with pytest.raises(FileError) as refused:
        open_store(output, other, resume=True)
    text = str(refused.value)
    assert "a.nc.cells are of another run: " in text
    assert "spec.num_samples is 4 there, 5 here" in text
    assert '"00000000000000000000000000000000000... here' in text
    assert text.count(" there, ") == 2  # nothing that is the same is named
    assert open_store(output, other, overwrite=True).num_cells == 0
    # killed before its first cell: nobody's yet
    assert open_store(output, manifest_for(run)).num_cells == 0


def test_a_new_version_of_a_package_is_a_difference(run: Run, tmp_path: Path) -> None:
    output = tmp_path / "a.nc"
    keep_one(run, output)
    made = manifest_for(run)
    newer = {**made, "versions": {**made["versions"], "torch": "99.0"}}
    with pytest.raises(FileError, match=r'versions\.torch is "\S+" there, "99\.0" here'):
        open_store(output, newer, resume=True)


def test_what_is_no_folder_of_cells_is_left_alone(run: Run, tmp_path: Path) -> None:
    output = tmp_path / "a.nc"
    folder = cells_folder(output)
    folder.mkdir()
    (folder / "mine.txt").write_text("mine")
    for how in ({}, {"resume": True}, {"overwrite": True}):
        with pytest.raises(FileError, match="is in the way, it holds no study's cells"):
            open_store(output, manifest_for(run), **how)
    assert (folder / "mine.txt").read_text() == "mine"
    (folder / "mine.txt").unlink()
    folder.rmdir()
    folder.write_text("a file")
    with pytest.raises(FileError, match=r"cannot make .*a\.nc\.cells"):
        open_store(output, manifest_for(run))


def test_a_damaged_manifest_is_refused(run: Run, tmp_path: Path) -> None:
    output = tmp_path / "a.nc"
    keep_one(run, output)
    for text in ("{", "[]"):
        (cells_folder(output) / "manifest.json").write_text(text)
        with pytest.raises(FileError, match=r"manifest\.json is damaged; remove"):
            open_store(output, manifest_for(run), resume=True)


def test_a_whole_output_is_found(run: Run, tmp_path: Path) -> None:
    output = tmp_path / "a.nc"
    made = manifest_for(run)
    assert finished_result(output, made) is None
    study, spec, subject = run
    keep_one(run, output)
    save_results(output, study.run(spec, subject))
    # it was to be replaced by the run that left the cells
    assert finished_result(output, made, overwrite=True) is None
    assert cells_folder(output).exists()
    assert finished_result(output, made) is not None
    assert not cells_folder(output).exists()  # killed just before
    other = manifest_for(run, seed=1)
    with pytest.raises(FileError, match=r"a\.nc is of another run: spec\.seed is 0 there, 1 here"):
        finished_result(output, other)
    assert finished_result(output, other, overwrite=True) is None
    assert finished_result(output, made, overwrite=True) is not None
    output.write_bytes(output.read_bytes()[:-1000])
    assert finished_result(output, made, overwrite=True) is None
    with pytest.raises(FileError, match="not a readable netCDF file"):
        finished_result(output, made)


def test_cells_of_another_run_outlive_a_whole_output(run: Run, tmp_path: Path) -> None:
    study, spec, subject = run
    output = tmp_path / "a.nc"
    save_results(output, study.run(spec, subject))
    store = open_store(output, manifest_for(run, seed=1))
    cell = Cell(part="variation")
    values = study.run_cell(spec, cell, subject)
    store.save(Finished(cell=cell, values=values, seconds=1.0))
    assert finished_result(output, manifest_for(run)) is not None
    assert store.num_cells == 1


def test_a_kill_while_cells_are_removed_leaves_a_folder_that_is_known(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The manifest goes last: without it the folder would be in the way of later runs."""
    study, spec, subject = run
    output = tmp_path / "a.nc"
    keep_one(run, output)
    save_results(output, study.run(spec, subject))
    remove, removed = Path.unlink, list[Path]()

    def killed(path: Path, missing_ok: bool = False) -> None:
        remove(path, missing_ok)
        removed.append(path)
        raise KeyboardInterrupt

    with monkeypatch.context() as context:
        context.setattr(Path, "unlink", killed)
        with pytest.raises(KeyboardInterrupt):
            CellStore(cells_folder(output)).remove()
    assert [path.suffix for path in removed] == [".cell"]
    assert finished_result(output, manifest_for(run)) is not None
    assert not cells_folder(output).exists()
