"""`pyrosnn summary FILE`: the tables of a result."""

from pathlib import Path
from typing import Annotated

import typer


def summary(
    file: Annotated[Path, typer.Argument(help="A result (*.nc) that a study wrote.")],
    strength: Annotated[
        float | None,
        typer.Option(help="Strength of the cosines.", show_default="the largest"),
    ] = None,
    hdi_prob: Annotated[float, typer.Option(help="Mass of the highest density interval.")] = 0.94,
) -> None:
    """Summarise a result: ArviZ's table of the cosines, and the accuracies.

    Cosines: mean, sd and highest density interval over images and repeats. Accuracies: mean
    over images, then mean and standard deviation (…_sd) over repeats.
    """
    from pyrosnn.results import open_results, read_provenance, read_spec
    from pyrosnn.summaries import accuracy_table, cosine_table

    result = open_results(file)
    spec, provenance = read_spec(result), read_provenance(result)
    cosines = cosine_table(result, strength, hdi_prob)
    typer.echo(
        f"{result.attrs['study']}: {provenance['model']} on {provenance['dataset']}, "
        f"{spec['attack']} ({spec['norm']}, {spec['loss']}, {spec['gradient']}), "
        f"seed {spec['seed']}\n"
    )
    typer.echo("cosine of the angle between attack and inference gradient")
    typer.echo(cosines.to_string(float_format="{:.3f}".format))
    typer.echo("\naccuracies")
    typer.echo(accuracy_table(result).to_string(float_format="{:.3f}".format))
