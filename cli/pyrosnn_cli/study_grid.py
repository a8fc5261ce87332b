"""`pyrosnn study sample-size | inference-size | conditions`: one set of options for all three."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

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
    SmoothingVariance,
    Subject,
    parse_integers,
    parse_numbers,
)
from pyrosnn_cli.run import run_study


def grid_command(name: str, help_text: str) -> Callable[..., None]:
    """Return the command of a study that is a grid of evaluations.

    Args:
        name: name of the study.
        help_text: its help.
    """

    def command(
        subject: Subject,
        preset: Preset = "quick",
        images: Images = None,
        attack_samples: Annotated[
            str | None,
            typer.Option(help="Sizes S_A of the attack set, as 1,10.", show_default="preset's"),
        ] = None,
        inference_samples: Annotated[
            str | None,
            typer.Option(help="Sizes S_I of the inference set.", show_default="preset's"),
        ] = None,
        strengths: Annotated[
            str | None,
            typer.Option(help="Strengths, as 0,0.5,1 or 0:1:0.5.", show_default="preset's"),
        ] = None,
        attack: Annotated[
            str, typer.Option(help="fgm: one step; pgd: many; spsa: one, gradient-free.")
        ] = "fgm",
        steps: Annotated[
            int | None, typer.Option(help="pgd: number of steps.", show_default="100")
        ] = None,
        relative_step: Annotated[
            float | None,
            typer.Option(help="pgd: step as a share of the strength.", show_default="0.02"),
        ] = None,
        fixed_samples: Annotated[
            bool,
            typer.Option("--fixed-samples", help="pgd: same A in every step, not a fresh one."),
        ] = False,
        restarts: Annotated[
            int | None,
            typer.Option(help="pgd: further starts, drawn in the ball.", show_default="0"),
        ] = None,
        directions: Annotated[
            int | None,
            typer.Option(help="spsa: differences of losses, two each.", show_default="64"),
        ] = None,
        radius: Annotated[
            float | None,
            typer.Option(help="spsa: half their distance, in pixels.", show_default="0.01"),
        ] = None,
        norm: Annotated[str, typer.Option(help="Norm of the attack: l2, linf.")] = "l2",
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
        precision: Annotated[
            str,
            typer.Option(help="Of the attacker's networks: full, or bf16 (faster, coarser)."),
        ] = "full",
        labels: Annotated[
            str | None,
            typer.Option(
                help="Labels attacked: true, or predicted by A (CleverHans' default).",
                show_default="preset's",
            ),
        ] = None,
        clip: Annotated[
            bool,
            typer.Option("--clip", help="Let the attack clip x + δ to the data's bounds."),
        ] = False,
        test_accuracy: Annotated[
            bool | None,
            typer.Option(
                "--test-accuracy/--no-test-accuracy",
                help="Clean accuracy on all test images, too; for large networks the longest part.",
                show_default="preset's",
            ),
        ] = None,
        clip_judged: Annotated[
            bool | None,
            typer.Option(
                "--clip-judged/--no-clip-judged",
                help="Judge x + δ clipped to the data's bounds; δ stays whole.",
                show_default="preset's",
            ),
        ] = None,
        smoothing_variance: SmoothingVariance = None,
        repeats: Repeats = None,
        block_size: BlockSize = None,
        first_image: FirstImage = None,
        first_repeat: FirstRepeat = None,
        seed: Seed = 0,
        output: Annotated[
            Path, typer.Option(help="Result to write; the figure goes beside it as .png.")
        ] = Path(f"{name}.nc"),
        *,
        running: Running,
    ) -> None:
        options: dict[str, Any] = {
            "steps": steps,
            "relative_step": relative_step,
            "fixed_samples": True if fixed_samples else None,
            "restarts": restarts,
            "directions": directions,
            "radius": radius,
        }
        given = {key: value for key, value in options.items() if value is not None}
        sets = (attack_samples, inference_samples)
        sizes = [
            None if text is None else parse_integers(text, option)
            for text, option in zip(sets, ("--attack-samples", "--inference-samples"), strict=True)
        ]
        changes: dict[str, Any] = {
            "images": images,
            "attack_samples": sizes[0],
            "inference_samples": sizes[1],
            "strengths": None if strengths is None else parse_numbers(strengths, "--strengths"),
            "attack": attack,
            "attack_options": given,
            "norm": norm,
            "loss": loss,
            "gradient": gradient,
            "labels": labels,
            "precision": precision,
            "clip": clip,
            "clip_judged": clip_judged,
            "test_accuracy": test_accuracy,
            "smoothing_variance": smoothing_variance,
            "repeats": repeats,
            "block_size": block_size,
            "first_image": first_image,
            "first_repeat": first_repeat,
            "seed": seed,
        }
        run_study(
            name,
            preset=preset,
            output=output,
            subject=subject,
            running=running,
            changes=changes,
        )

    command.__doc__ = help_text
    return takes(subject=Subject, running=Running)(command)


sample_size = grid_command(
    "sample-size",
    """Adversarial accuracy and cosine against the number of attack samples.

    Figures 4 and 5 of the paper, with other norms, losses and PGD figures 8 to 14.
    """,
)
inference_size = grid_command(
    "inference-size",
    """Accuracy, cosine, gradient norm and margin against the number of inference samples.

    Table 2 and figures 6, 15 to 17 of the paper. The sizes are compared in pairs, on the same
    images under the same attack.
    """,
)
conditions = grid_command(
    "conditions",
    """Share of images within the linear and the smooth condition, against accuracy.

    Figures 3 and 7 of the paper. The model is averaged over noise, 10 noises for each sample:
    as much as it was trained with, or --smoothing-variance.
    """,
)
