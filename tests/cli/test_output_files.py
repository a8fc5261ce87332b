"""Files that the program finds: kept, joined, or refused."""

from pathlib import Path

import pytest
import safetensors.torch
from support.program import SIZES, SMALL, Run, refused
from support.small_result import part_of, small_result

from pyrosnn.results import save_results


def test_existing_outputs_are_kept_unless_asked(
    run: Run, tmp_path: Path, checkpoint_path: Path
) -> None:
    for name in ("sample-size.nc", "sample-size.png", "bnn-digits.safetensors"):
        (tmp_path / name).write_text("precious")
        study = ("study", "sample-size", "--model", checkpoint_path, *SMALL, *SIZES)
        arguments = study if name.startswith("sample") else ("train", "bnn", "--epochs", "1")
        refused(run(*arguments), f"{name} exists; add --overwrite")
        assert (tmp_path / name).read_text() == "precious"
        (tmp_path / name).unlink()


def test_damaged_files_are_refused(run: Run, tmp_path: Path, checkpoint_path: Path) -> None:
    whole = checkpoint_path.read_bytes()
    (tmp_path / "cut.safetensors").write_bytes(whole[: len(whole) // 2])
    foreign = safetensors.torch.save(safetensors.torch.load(whole))
    (tmp_path / "foreign.safetensors").write_bytes(foreign)
    (tmp_path / "cut.nc").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    for name, message in (
        ("cut", "it may be truncated"),
        ("foreign", "is a safetensors file of another program"),
    ):
        refused(run("study", "sample-size", "--model", f"{name}.safetensors"), message)
    refused(run("summary", "cut.nc"), "cut.nc is not a readable netCDF file")
    refused(run("plot", "cut.nc"), "cut.nc is not a readable netCDF file")


@pytest.mark.slow
def test_merge_joins_files(run: Run, tmp_path: Path) -> None:
    whole = small_result()
    save_results(tmp_path / "whole.nc", whole)
    for name, repeats in (("a.nc", [2]), ("b.nc", [0, 1])):
        save_results(tmp_path / name, part_of(whole, repeat=repeats))
    result = run("merge", "a.nc", "b.nc", "-o", "c.nc")
    assert result.exit_code == 0, result.output
    assert "wrote c.nc: " in result.stdout
    assert "repeat 3" in result.stdout
    assert (tmp_path / "c.nc").read_bytes() == (tmp_path / "whole.nc").read_bytes()
    refused(run("merge", "a.nc", "b.nc", "-o", "c.nc"), "c.nc exists; add --overwrite")
    save_results(tmp_path / "d.nc", small_result(model_digest="f" * 64))
    refused(run("merge", "a.nc", "d.nc", "-o", "e.nc"), "a.nc and d.nc differ in model_digest")
    refused(run("merge", "a.nc", "b.nc"), "Missing option '--output'")
    assert not (tmp_path / "e.nc").exists()


@pytest.mark.parametrize("command", ["summary", "plot", "check"])
def test_a_result_without_its_settings_is_no_accident(
    run: Run, command: str, tmp_path: Path
) -> None:
    whole = small_result()
    whole.attrs["spec"] = "{}"
    save_results(tmp_path / "a.nc", whole)
    result = run(command, "a.nc")
    assert result.exception is None or isinstance(result.exception, SystemExit)
    if command == "plot":
        refused(
            result,
            "the figure needs 'attack', 'loss', 'labels', 'inference_samples' in its spec, which",
        )
        assert not (tmp_path / "a.png").exists()
