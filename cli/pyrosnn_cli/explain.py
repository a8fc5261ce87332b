"""`pyrosnn explain FIRST SECOND`: what a defence bought, by the factors of theorem 4.1."""

from pathlib import Path
from typing import Annotated

import typer

from pyrosnn.settings import parse_number
from pyrosnn.storage import check_writable, lock, write_whole
from pyrosnn_cli.options import TEXT, Format, OneTable, Overwrite, read_rendering


def explain(
    first: Annotated[Path, typer.Argument(help="A result (*.nc) of the model without a defence.")],
    second: Annotated[Path, typer.Argument(help="A result of the model with it, same study.")],
    strength: Annotated[
        str | None,
        typer.Option(metavar="NUMBER", help="Strength to explain.", show_default="all of both"),
    ] = None,
    confidence: Annotated[
        str, typer.Option(metavar="NUMBER", help="Confidence of the intervals.")
    ] = "0.95",
    output: Annotated[
        Path | None, typer.Option(help="Figure to write: .png, .pdf or .svg.")
    ] = None,
    overwrite: Overwrite = None,
    format: Format = None,
    table: OneTable = None,
) -> None:
    """Split what a defence bought into margin, gradient length and angle.

    An image withstands, by theorem 4.1, if its margin exceeds the length of the
    gradient times the length of the perturbation times the cosine. The three are
    exchanged between the models one by one, in every order, and the mean over
    orders is the part of each in the change of adversarial accuracy. What is
    "not linear" is the rest of the change.

    Results of diagnose also show what infinitely many attack samples leave, and
    results of evaluate what is left with the noise switched off, against an
    attacker who knows the samples, and in many queries.
    """
    eta = None if strength is None else parse_number(strength, "--strength")
    level = parse_number(confidence, "--confidence")
    rendering = read_rendering(format, table)

    from pyrosnn.plots.drawing import draw, figure_suffix

    suffix = None if output is None else figure_suffix(output)
    if output is not None:
        check_writable(output, overwrite=bool(overwrite))

    from pyrosnn import explain as explained_by
    from pyrosnn.plots.explanation import explanation_figure
    from pyrosnn.results import open_results
    from pyrosnn.summaries import missing_parts
    from pyrosnn.tables import Document
    from pyrosnn_cli.pair import COMMON, made_with, model_names, origins, settings
    from pyrosnn_cli.show import show
    from pyrosnn_studies.explanation import conclusions, explanation_tables, warnings_of
    from pyrosnn_studies.titles import titled

    results = [open_results(path) for path in (first, second)]
    found = explained_by(results[0], results[1], strength=eta, confidence=level)
    names = model_names(results)
    if output is not None and suffix is not None:
        content = draw(lambda: explanation_figure(found, names), suffix)
        with lock(output):
            write_whole(output, content, overwrite=bool(overwrite))
    common = settings(made_with(results[0]), COMMON)
    same = ["Both results are the same one."] if results[0].identical(results[1]) else []
    document = Document(
        heading=[
            *origins(results, (first, second), names),
            f"{found.attrs['images']:,} images; {common}",
            *same,
        ],
        tables=titled(explanation_tables(found, names), results[0]),
        closing=[
            *conclusions(found, names),
            *warnings_of(results[0], results[1], found),
            *missing_parts(results[0], results[1], found),
        ],
    )
    show(document, rendering)
    if output is not None:  # beside a table for elsewhere, not in it
        typer.echo(f"wrote {output}", err=rendering.format != TEXT)
