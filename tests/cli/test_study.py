"""Studies at the command line: what works, what is written, and what is shown."""

import re
from pathlib import Path

import pytest
from support.compare import assert_same_to_float32
from support.program import SIZES, SMALL, Run, refused

from pyrosnn.results import GROUP, open_results
from pyrosnn.training import load_checkpoint
from pyrosnn_studies import STUDIES

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.mark.slow
def test_study_summary_and_plot(run: Run, tmp_path: Path, checkpoint_path: Path) -> None:
    study = run("study", "sample-size", "--model", checkpoint_path, *SMALL, *SIZES)
    assert study.exit_code == 0, study.output
    assert "Adversarial accuracy in %" in study.stdout
    assert "S_A = 3" in study.stdout
    assert "wrote sample-size.nc and sample-size.png" in study.stdout
    values = open_results(tmp_path / "sample-size.nc")[GROUP].dataset
    assert values.sizes["example"] == 20
    assert values["attack_samples"].values.tolist() == [1, 3]
    assert (tmp_path / "sample-size.png").read_bytes().startswith(PNG)

    summary = run("summary", "sample-size.nc", "--strength", "0.5", "--hdi-prob", "0.9")
    assert summary.exit_code == 0, summary.output
    assert "hdi_5%" in summary.stdout
    assert "labels true, precision full, clip False, clip_judged False" in summary.stdout
    assert "of images that are right without attack" in summary.stdout
    accuracy = float(values["adversarial_correct"].sel(strength=0.5, attack_samples=3).mean())
    assert f"{100 * accuracy:.1f}" in summary.stdout

    plot = run("plot", "sample-size.nc", "--output", "again.png")
    assert plot.exit_code == 0, plot.output
    assert (tmp_path / "again.png").read_bytes() == (tmp_path / "sample-size.png").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "again.png",
        "sample-size.nc",
        "sample-size.png",
    ]


@pytest.mark.slow
def test_every_option_reaches_the_result(run: Run, tmp_path: Path, checkpoint_path: Path) -> None:
    result = run(
        "study", "sample-size", "--model", checkpoint_path, "--images", "12", "--repeats", "1",
        "--strengths", "0:0.2:0.1", "--norm", "linf", "--loss", "margin", "--gradient",
        "mean_logits", "--clip", "--clip-judged", "--labels", "predicted", "--block-size", "5",
        "--seed", "3", "--precision", "bf16",
        "--attack-samples", "2", "--inference-samples", "4", "--output", "all.nc",
        "--attack", "pgd", "--steps", "3", "--relative-step", "0.5", "--fixed-samples",
        "--restarts", "1", "--first-image", "10", "--first-repeat", "2",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    from pyrosnn.results import read_spec

    values = open_results(tmp_path / "all.nc")[GROUP].dataset
    assert values["example"].values.tolist() == list(range(10, 22))
    assert values["repeat"].values.tolist() == [2]
    assert read_spec(open_results(tmp_path / "all.nc")) == {
        "images": 12,
        "strengths": [0.0, 0.1, 0.2],
        "attack_samples": [2],
        "inference_samples": [4],
        "attack": "pgd",
        "attack_options": {
            "steps": 3,
            "relative_step": 0.5,
            "fixed_samples": True,
            "restarts": 1,
        },
        "norm": "linf",
        "loss": "margin",
        "gradient": "mean_logits",
        "labels": "predicted",
        "precision": "bf16",
        "clip": True,
        "clip_judged": True,
        "repeats": 1,
        "seed": 3,
        "block_size": 5,
        "smoothing_variance": 0.0,
        "noise_samples": 10,
        "test_accuracy": False,
        "first_image": 10,
        "first_repeat": 2,
    }


@pytest.mark.slow
def test_logit_models_are_attacked_with_the_margin(
    run: Run, tmp_path: Path, checkpoint_path: Path
) -> None:
    assert run("train", "sin", "--epochs", "1", "--hidden", "8").exit_code == 0
    assert run(
        "study", "sample-size", "--model", "sin-digits.safetensors", *SMALL, *SIZES
    ).exit_code == 0  # fmt: skip
    from pyrosnn.results import read_spec

    assert read_spec(open_results(tmp_path / "sample-size.nc"))["loss"] == "margin"


@pytest.mark.slow
def test_conditions_need_a_model_trained_with_noise(
    run: Run, tmp_path: Path, checkpoint_path: Path
) -> None:
    refused(
        run("study", "conditions", "--model", checkpoint_path),
        "conditions needs a model trained with noise, this one was trained without",
    )
    trained = run("train", "im", "--epochs", "1", "--hidden", "8", "--smoothing-variance", "0.2")
    assert trained.exit_code == 0, trained.output
    assert load_checkpoint(tmp_path / "im-digits.safetensors").spec.smoothing_variance == 0.2
    study = run(
        "study", "conditions", "--model", "im-digits.safetensors", "--images", "10",
        "--strengths", "0,0.1", "--inference-samples", "3",
    )  # fmt: skip
    assert study.exit_code == 0, study.output
    assert "smooth, L = 10 (paper)" in study.stdout  # 2 / 0.2
    assert "smooth, L = 4.84 (tight)" in study.stdout  # 0.968 / 0.2
    assert "beyond 0.447 (paper), 0.643 (tight)" in study.stdout  # √(2 / L)


@pytest.mark.slow
def test_studies_without_images_under_attack(
    run: Run, tmp_path: Path, checkpoint_path: Path
) -> None:
    """Each writes its file and figure, and summary and plot read it."""
    of_model = ("--model", checkpoint_path, "--images", "12")
    for name, options, words in (
        ("prediction-variance", (*of_model, "--num-samples", "5"), "std of gradient entries"),
        ("gaussian-angles", ("--dimension", "50", "--pairs", "20", "--step", "5"), "second order"),
        ("ablation", (*of_model, "--repeats", "1"), "pre-activations"),
        (
            "diagnosis",
            (
                *of_model,
                "--repeats",
                "1",
                "--num-samples",
                "40",
                "--attack-samples",
                "2",
            ),
            "What S_A samples reach",
        ),
    ):
        study = run("study", name, *options)
        assert study.exit_code == 0, study.output
        assert words in study.stdout
        assert f"wrote {name}.nc and {name}.png" in study.stdout
        summary = run("summary", f"{name}.nc")
        assert summary.exit_code == 0, summary.output
        assert words in summary.stdout
        plot = run("plot", f"{name}.nc", "--output", "again.png", "--overwrite")
        assert plot.exit_code == 0, plot.output
        assert (tmp_path / "again.png").read_bytes() == (tmp_path / f"{name}.png").read_bytes()
    table = run("summary", "prediction-variance.nc").stdout
    assert "nan" not in table
    (row,) = [line.split() for line in table.splitlines() if "variance of prediction" in line]
    assert row[-1] == "-"  # of the margin there is none


@pytest.mark.slow
def test_inference_size_compares_in_pairs(run: Run, checkpoint_path: Path) -> None:
    study = run(
        "study", "inference-size", "--model", checkpoint_path, "--images", "20", "--repeats", "3",
        "--attack-samples", "3", "--inference-samples", "1,4", "--compact",
    )  # fmt: skip
    assert study.exit_code == 0, study.output
    assert "Difference to S_I = 4 on the same images, η = 0.6" in study.stdout
    assert "p, adversarial" in " ".join(study.stdout.split())
    assert "norm × cosine" in study.stdout
    summary = run("summary", "inference-size.nc")  # a compact file has no radius
    assert summary.exit_code == 0, summary.output


@pytest.mark.slow
def test_all_studies_run_in_one_command(
    run: Run,
    tmp_path: Path,
    checkpoint_path: Path,
    smoothed_path: Path,
    tiny_protocols: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With presets cut to a minimum; what the quick preset takes is measured, not tested."""
    from pyrosnn_studies import presets

    least = {
        "images": 6,
        "repeats": 1,
        "attack_samples": [2],
        "inference_samples": [1, 2],
        "num_samples": 2,
        "pairs": 10,
    }
    cut = dict(presets._tables())
    for study in STUDIES:
        quick = cut[study]["quick"]
        small = {name: least[name] for name in quick if name in least}
        if study == "ablation":
            small |= {"attack_samples": 2, "inference_samples": 2}
        if study == "diagnosis":
            small |= {"inference_samples": 2, "num_samples": 40}
        if study == "verification":
            small |= {"inference_samples": 2, "attacked": False}
        if study == "certificates":
            small |= {"num_samples": 6, "certificates": ["votes"], "attacked": False}
        cut[study] = {"quick": {**quick, **small}}
    monkeypatch.setattr(presets, "_tables", lambda: cut)
    models = ("--model", checkpoint_path, "--smoothed-model", smoothed_path)
    result = run("study", "all", *models, "--compact")
    assert result.exit_code == 0, result.output
    for study in STUDIES:
        assert open_results(tmp_path / "results" / f"{study}.nc").attrs["study"] == study
        assert (tmp_path / "results" / f"{study}.png").read_bytes().startswith(PNG)
    refused(run("study", "all", *models), f"results/{next(iter(STUDIES))}.nc exists")


@pytest.mark.slow
def test_a_memory_budget_changes_no_result(run: Run, tmp_path: Path, checkpoint_path: Path) -> None:
    found = []
    for number, budget in enumerate(("1GiB", "1B")):
        name = f"{number}.nc"
        result = run(
            "study", "sample-size", "--model", checkpoint_path, *SMALL, *SIZES, "--output", name,
            "--memory-budget", budget,
        )  # fmt: skip
        assert result.exit_code == 0, result.output
        found.append(open_results(tmp_path / name)[GROUP].to_dataset())
    assert_same_to_float32(*found)


@pytest.fixture
def one_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut the preset of trainings to one epoch."""
    from pyrosnn.settings.presets import load_presets

    monkeypatch.setitem(load_presets("pyrosnn.training")["quick"], "epochs", 1)


@pytest.mark.parametrize(
    "study", ["sample-size", pytest.param("conditions", marks=pytest.mark.slow)]
)
def test_a_study_without_a_model_says_how_to_make_one(
    study: str, run: Run, tmp_path: Path, one_epoch: None
) -> None:
    """The command is that of the message, and so are the options that follow from it."""
    command = ["study", study, "--images", "10", "--strengths", "0,0.1", *SIZES]
    result = run(*command)
    refused(result, f"study {study} needs a model: pyrosnn train bnn")
    assert not list(tmp_path.iterdir())
    found = re.search(r"pyrosnn (train .*) makes (\S+), then add (--model \S+)\n", result.stderr)
    assert found is not None
    trained = run(*found[1].split())
    assert trained.exit_code == 0, trained.output
    assert f"wrote {found[2]}" in trained.stdout
    again = run(*command, *found[3].split())
    assert again.exit_code == 0, again.output


def test_all_studies_without_models_say_how_to_make_them(run: Run, tmp_path: Path) -> None:
    plain = "pyrosnn train bnn makes bnn-digits.safetensors"
    smoothed = "bnn-digits-smoothed.safetensors"
    noisy = f"pyrosnn train bnn --smoothing-variance 0.1 --output {smoothed} makes {smoothed}"
    options = "--model bnn-digits.safetensors", f"--smoothed-model {smoothed}"
    refused(
        run("study", "all"),
        f"study all needs two models: {plain} and {noisy}, then add {' '.join(options)}",
    )
    refused(
        run("study", "all", "--model", "a.safetensors"),
        f"study all needs --smoothed-model, too: {noisy}, then add {options[1]}",
    )
    refused(
        run("study", "all", "--smoothed-model", "a.safetensors"),
        f"study all needs --model, too: {plain}, then add {options[0]}",
    )
    assert not list(tmp_path.iterdir())
