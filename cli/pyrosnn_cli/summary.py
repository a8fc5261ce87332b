"""`pyrosnn summary FILE`: the tables of a result."""

from pathlib import Path
from typing import Annotated

import typer

from pyrosnn.settings import parse_number
from pyrosnn_cli.options import Format, OneTable, read_rendering


def summary(
    file: Annotated[Path, typer.Argument(help="A result (*.nc) that a study wrote.")],
    strength: Annotated[
        str | None,
        typer.Option(
            metavar="NUMBER", help="Strength of cosines and P(robust).", show_default="the largest"
        ),
    ] = None,
    hdi_prob: Annotated[
        str, typer.Option(metavar="NUMBER", help="Mass of the highest density interval.")
    ] = "0.94",
    settings: Annotated[
        bool,
        typer.Option(
            "--settings", help="Show settings, date, versions, digests and machine instead."
        ),
    ] = False,
    format: Format = None,
    table: OneTable = None,
) -> None:
    """Show the tables of a result: accuracies, cosines and P(robust).

    Accuracies have a row a strength and a column for each S_A, with a 95 %
    interval for fresh samples and fresh images. With one repeat it holds for the
    samples of the result. Cosines have a mean, a standard deviation and a highest
    density interval (as ArviZ's), over images and repeats. "undefined" counts the
    cosines without a gradient. P(robust) needs two repeats; it has what was
    measured beside what linear theory says. A result without cosines
    (prediction-variance, gaussian-angles, ablation) shows the tables of its study.
    """
    eta = None if strength is None else parse_number(strength, "--strength")
    rendering = read_rendering(format, table)
    mass = parse_number(hdi_prob, "--hdi-prob")

    from pyrosnn.results import GROUP, open_results, read_provenance, read_spec
    from pyrosnn.tables import Document
    from pyrosnn_cli.show import show, smoothing, whole
    from pyrosnn_studies.report_record import settings_tables
    from pyrosnn_studies.shown import shown_of
    from pyrosnn_studies.tables import all_accuracies, cosines, robustness
    from pyrosnn_studies.titles import titled

    result = open_results(file)
    made = {**read_provenance(result), **read_spec(result)}
    attack = ("attack", "norm", "loss", "gradient", "labels", "precision", "clip", "clip_judged")
    shown = ("model", "dataset", *attack, "images", "repeats", "seed")
    with whole(file):
        if settings:
            tables = settings_tables(result)
        elif list(result.children) == [GROUP]:
            tables = [*all_accuracies(result), cosines(result, eta, mass)]
            if result[GROUP].sizes["repeat"] > 1:
                tables.append(robustness(result, eta))
            tables = titled(tables, result)
        else:
            tables = shown_of(result).tables(result)
    known = ", ".join(f"{key} {made[key]}" for key in shown if key in made)
    heading = [f"{result.attrs['study']}: {known}{smoothing(made)}"]
    show(Document(heading=heading, tables=tables), rendering)
