"""`pyrosnn compare FIRST SECOND`: two models under the same attack, on the same images."""

from pathlib import Path
from typing import Annotated

import typer

from pyrosnn.errors import require
from pyrosnn.settings import kind_of, parse, parse_number
from pyrosnn_cli.options import Format, OneTable, read_rendering


def compare(
    first: Annotated[Path, typer.Argument(help="A result (*.nc) of the first model.")],
    second: Annotated[Path, typer.Argument(help="A result of the second, same data and attack.")],
    strength: Annotated[
        str | None,
        typer.Option(
            metavar="NUMBER",
            help="Strength to compare S_A and shares at.",
            show_default="the largest of both",
        ),
    ] = None,
    shares: Annotated[
        str, typer.Option(help="Shares of the reachable cosine; the largest of both is added.")
    ] = "0.8,0.9,0.95",
    confidence: Annotated[
        str, typer.Option(metavar="NUMBER", help="Confidence of the intervals.")
    ] = "0.95",
    format: Format = None,
    table: OneTable = None,
) -> None:
    """Compare two models on the same images, at every strength and at equal reach.

    The first table has the clean accuracies, and those under attack at every
    strength with the largest S_A of both. At equal S_A, the attack on the
    noisier model is weaker. For a fair comparison of single steps in l2 (fgm),
    each gets the S_A at which it reaches the same share of the cosine that more
    samples could reach: S_A = B share² / (1 - share²), with the noise scale B
    fitted to the result's cosines. Other attacks follow no such law, and the
    largest S_A of both decides.

    Two results of evaluate are compared under each threat, and two with
    certificates at each radius: what attacks leave, and what is certified.

    Each difference has two intervals: one for these images under fresh sample
    sets A and I, and one for fresh images as well.
    """
    wanted = parse(shares, kind_of(tuple[float, ...]), "--shares")
    eta = None if strength is None else parse_number(strength, "--strength")
    level = parse_number(confidence, "--confidence")
    rendering = read_rendering(format, table)

    from pyrosnn.results import open_results
    from pyrosnn.summaries import compare_results
    from pyrosnn.tables import Document
    from pyrosnn_cli.pair import COMMON, made_with, model_names, origins, settings
    from pyrosnn_cli.show import show
    from pyrosnn_studies.bounds_comparison import bounds_tables, have_bounds
    from pyrosnn_studies.comparison import comparison_tables, conclusions, warnings_of
    from pyrosnn_studies.titles import titled

    results = [open_results(path) for path in (first, second)]
    bounded = have_bounds(results)
    compared = None if bounded else compare_results(results[0], results[1], strength=eta)
    names = model_names(results)
    heading = origins(results, (first, second), names)
    same = ["Both results are the same one."] if results[0].identical(results[1]) else []
    if compared is None:
        require(
            eta is None,
            "--strength chooses among the strengths of a sweep; these results are compared at all "
            "that both have, leave it out",
        )
        tables, said = bounds_tables(results, names, level)
        common = settings(made_with(results[0]), ("dataset", "protocol", "alpha", "clip"))
        document = Document(
            heading=[*heading, common, *same], tables=titled(tables, results[0]), closing=said
        )
        show(document, rendering)
        return
    by_size = compared.at_equal_size(confidence=level)
    by_reach = compared.at_equal_reach(wanted, confidence=level)
    common = settings(made_with(results[0]), COMMON)
    heading.append(
        f"{compared.first.sizes['example']:,} images; {common}; "
        f"η = {compared.shown(compared.strength)}, S_I = {compared.inference_samples:,}"
    )
    tables = comparison_tables(compared, by_size, by_reach, names, level)
    document = Document(
        heading=[*heading, *same],
        tables=titled(tables, results[0]),
        closing=[*conclusions(by_size, by_reach, compared, names), *warnings_of(compared, names)],
    )
    show(document, rendering)
