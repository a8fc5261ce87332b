"""`pyrosnn diagnose`: how many samples the attack on a model needs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pyrosnn_cli.check import show_findings
from pyrosnn_cli.groups import takes
from pyrosnn_cli.options import (
    BlockSize,
    FirstImage,
    FirstRepeat,
    Images,
    Preset,
    Repeats,
    Running,
    Seed,
    Subject,
    parse_integers,
)
from pyrosnn_cli.run import prepared, run_opened

if TYPE_CHECKING:
    import xarray as xr

    from pyrosnn_studies.subject import Subject as StudySubject

CHECKED = 50  # images that the checks of the model take


@takes(subject=Subject, running=Running)
def diagnose(
    subject: Subject,
    preset: Preset = "quick",
    images: Images = None,
    num_samples: Annotated[
        int | None,
        typer.Option(help="Single samples for the prediction, >= 40.", show_default="preset's"),
    ] = None,
    share: Annotated[
        float, typer.Option(help="Share of the reachable cosine that is enough.")
    ] = 0.95,
    strength: Annotated[
        float | None, typer.Option(help="Strength.", show_default="the data set's")
    ] = None,
    attack_samples: Annotated[
        str | None,
        typer.Option(help="Sizes S_A that are measured, too, as 1,10.", show_default="preset's"),
    ] = None,
    inference_samples: Annotated[
        int | None, typer.Option(help="Size S_I.", show_default="preset's")
    ] = None,
    loss: Annotated[
        str | None,
        typer.Option(
            help="What the attack maximises: cross-entropy, margin, cw.",
            show_default="cross-entropy; margin if f is a logit",
        ),
    ] = None,
    gradient: Annotated[
        str, typer.Option(help="What it averages: mean_prediction, mean_loss, mean_logits.")
    ] = "mean_prediction",
    labels: Annotated[
        str, typer.Option(help="Labels attacked: true, or predicted by the samples.")
    ] = "true",
    checks: Annotated[
        bool, typer.Option("--checks/--no-checks", help="Check the model and the attack, too.")
    ] = True,
    repeats: Repeats = None,
    block_size: BlockSize = None,
    first_image: FirstImage = None,
    first_repeat: FirstRepeat = None,
    seed: Seed = 0,
    output: Annotated[
        Path, typer.Option(help="Result to write; the figure goes beside it as .png.")
    ] = Path("diagnosis.nc"),
    *,
    running: Running,
) -> None:
    """How many samples the attack (FGM, l2) needs, and what more would bring.

    Predicted from the moments of single samples' gradients; measured beside it for a few sizes.
    Then the checks of the page "Checks" that need the model; exit status 1 if one failed.
    """
    sizes = None if attack_samples is None else parse_integers(attack_samples, "--attack-samples")
    changes = {
        "images": images,
        "num_samples": num_samples,
        "share": share,
        "strength": strength,
        "attack_samples": sizes,
        "inference_samples": inference_samples,
        "loss": loss,
        "gradient": gradient,
        "labels": labels,
        "repeats": repeats,
        "block_size": block_size,
        "first_image": first_image,
        "first_repeat": first_repeat,
        "seed": seed,
    }
    with prepared("diagnosis", output, subject, running) as opened:
        result = run_opened(
            "diagnosis", opened, preset=preset, output=output, running=running, changes=changes
        )
    assert opened is not None  # the study needs a model
    if checks and not _healthy(result, opened):
        raise typer.Exit(1)


def _healthy(result: "xr.DataTree", subject: "StudySubject") -> bool:
    """Show the checks of the model; return whether none failed."""
    from pyrosnn.attacks import FGM
    from pyrosnn.checks import MODEL_CHECKS
    from pyrosnn.checks.on_model import check_model
    from pyrosnn.checks.on_result import check_result
    from pyrosnn.results import read_spec

    spec = read_spec(result)
    x, y = subject.dataset.test_images(min(CHECKED, len(subject.dataset.x_test)))
    attack = FGM(**{name: spec[name] for name in ("strength", "loss", "gradient", "labels")})
    of_model = check_model(
        subject.classifier,
        x,
        y,
        attack=attack,
        attack_samples=max(spec["attack_samples"]),
        inference_samples=spec["inference_samples"],
        seed=spec["seed"],
    )
    # what the file itself tells, moments included, is about more images
    of_file = check_result(result)
    findings = of_file + [finding for finding in of_model if finding.name in MODEL_CHECKS]
    show_findings(f"checks (of the model: {len(x)} images)", findings)
    return all(finding.status != "fail" for finding in findings)
