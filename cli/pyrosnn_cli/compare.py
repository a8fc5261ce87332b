"""`pyrosnn compare FIRST SECOND`: two models under the same attack, on the same images."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pyrosnn_cli.options import parse_numbers

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from pyrosnn.summaries import Comparison
    from pyrosnn_studies.tables import Table

# an error of the law, in units of the reachable cosine, that makes its shares rough
ROUGH = 0.05


def compare(
    first: Annotated[Path, typer.Argument(help="A result (*.nc) of the first model.")],
    second: Annotated[Path, typer.Argument(help="A result of the second, same data and attack.")],
    strength: Annotated[
        float | None,
        typer.Option(help="Strength to compare at.", show_default="the largest of both"),
    ] = None,
    shares: Annotated[
        str, typer.Option(help="Shares of the reachable cosine; the largest of both is added.")
    ] = "0.8,0.9,0.95",
    confidence: Annotated[float, typer.Option(help="Confidence of the intervals.")] = 0.95,
) -> None:
    """Compare two models on the same images, at equal S_A and at equal reach.

    Equal S_A is a weaker attack on the noisier model. The fair comparison attacks both with the S_A
    that gives the attack the same share of the cosine that more samples could reach:
    S_A = B share² / (1 - share²), with the noise scale B fitted to each result's cosines.

    Two intervals of the difference: for these images under fresh sample sets A and I, and for
    fresh images, too.
    """
    wanted = parse_numbers(shares, "--shares")

    from pyrosnn.results import open_results, read_provenance, read_spec
    from pyrosnn.summaries import compare_results
    from pyrosnn_cli.show import show_tables

    results = [open_results(path) for path in (first, second)]
    found = compare_results(results[0], results[1], strength=strength)
    by_size = found.at_equal_size(confidence=confidence)
    by_reach = found.at_equal_reach(wanted, confidence=confidence)
    made = [{**read_provenance(result), **read_spec(result)} for result in results]
    names = [f"{place} {each.get('model', 'model')}" for place, each in enumerate(made, start=1)]
    for name, path, each in zip(names, (first, second), made, strict=True):
        typer.echo(f"{name}: {path} ({_settings(each, ('loss', 'gradient', 'repeats', 'seed'))})")
    common = _settings(made[0], ("dataset", "attack", "norm", "labels", "clip", "clip_judged"))
    typer.echo(
        f"{found.first.sizes['example']:,} images; {common}; "
        f"η = {found.strength:g}, S_I = {found.inference_samples:,}\n"
    )
    level = f"{100 * confidence:g} %"
    show_tables(
        [_fits(found, names), _sizes(by_size, names, level), _shares(by_reach, found, names, level)]
    )
    typer.echo(_conclusion(by_reach, names))
    for name, fit in zip(names, (found.first_fit, found.second_fit), strict=True):
        if fit["error"] > ROUGH * fit["limit"]:
            error = float(fit["error"])
            typer.echo(f"The law misses a mean cosine of {name} by {error:.3f}: its shares are rough.")
    if min(found.first.sizes["repeat"], found.second.sizes["repeat"]) == 1:
        typer.echo("One repeat: no interval for fresh A, I; that for images is for these A, I only.")


def _settings(made: "Mapping[str, Any]", names: tuple[str, ...]) -> str:
    return ", ".join(f"{name} {made[name]}" for name in names if name in made)


def _fits(found: "Comparison", names: list[str]) -> "Table":
    """Return the cosines of both models by S_A, and the law that they follow."""
    from pyrosnn_studies.tables import Table

    fits = (found.first_fit, found.second_fit)
    sizes = sorted({int(size) for fit in fits for size in fit["attack_samples"].values})
    rows = []
    for name, fit in zip(names, fits, strict=True):
        cells = []
        for size in sizes:
            has = size in fit["attack_samples"].values
            at = fit.sel(attack_samples=size) if has else None
            cells.append("" if at is None else f"{at['cosine']:.3f} ({at['reach']:.2f})")
        scalars = [float(fit[key]) for key in ("noise_scale", "limit", "error")]
        rows.append([name, *cells, *_or_dash(scalars, ("{:.3g}", "{:.3f}", "{:.3f}"))])
    return Table(
        title="Mean cosine (share of the reachable); law cos = reachable / √(1 + B / S_A), fitted",
        header=["model", *[f"S_A = {size:,}" for size in sizes], "B", "reachable", "largest error"],
        rows=rows,
    )


def _or_dash(values: list[float], formats: tuple[str, ...]) -> list[str]:
    """Format numbers; NaN is a dash."""
    pairs = zip(values, formats, strict=True)
    return ["-" if math.isnan(value) else form.format(value) for value, form in pairs]


def _sizes(table: "pd.DataFrame", names: list[str], level: str) -> "Table":
    """Return the comparison at each S_A that both have."""
    from pyrosnn_studies.tables import Table

    return Table(
        title="At equal S_A: adversarial accuracy in %, difference 1 - 2 in points",
        header=["S_A", *names, *_differences(level)],
        rows=[[f"{size:,}", *_cells(row)] for size, row in table.iterrows()],
    )


def _shares(table: "pd.DataFrame", found: "Comparison", names: list[str], level: str) -> "Table":
    """Return the comparison at equal shares of the reachable cosine, with the S_A it takes."""
    from pyrosnn_studies.tables import Table

    grids = [each["attack_samples"].values for each in (found.first, found.second)]
    rows = []
    for share, row in table.iterrows():
        needed = [
            _needed(row[f"{which}_samples"], grid, reached=not math.isnan(row[which]))
            for which, grid in zip(("first", "second"), grids, strict=True)
        ]
        rows.append([f"{share:.3g}", *needed, *_cells(row)])
    return Table(
        title=(
            "At an equal share of the reachable cosine (the fair comparison): the S_A that it "
            "takes, accuracies between the S_A above"
        ),
        header=["share", *[f"S_A of {name}" for name in names], *names, *_differences(level)],
        rows=rows,
    )


def _needed(samples: float, grid: Any, *, reached: bool) -> str:
    """Say which S_A a share takes, and what the result has where that is not within it."""
    if math.isnan(samples):
        return "no fit"
    text = f"{samples:.3g}" if samples < 100 else f"{samples:,.0f}"
    return text if reached else f"{text} (has {grid[0]:,} to {grid[-1]:,})"


def _differences(level: str) -> list[str]:
    return ["1 - 2", f"{level}: fresh A, I", f"{level}: fresh images, too"]


def _cells(row: Any) -> list[str]:
    """Format accuracies, their difference and its two intervals."""
    cells = _or_dash([100 * row["first"], 100 * row["second"]], ("{:.1f}", "{:.1f}"))
    cells += _or_dash([100 * row["difference"]], ("{:+.1f}",))
    for kind in ("samples", "images"):
        low, high = 100 * row[f"{kind}_low"], 100 * row[f"{kind}_high"]
        cells.append("-" if math.isnan(low) else f"[{low:+.1f}, {high:+.1f}]")
    return cells


def _conclusion(table: "pd.DataFrame", names: list[str]) -> str:
    """Say in one sentence what the largest common share shows."""
    shown = table.dropna(subset=["difference"])
    if shown.empty:
        return "No share of the reachable cosine is within both results: no fair comparison."
    share, row = shown.index[-1], shown.iloc[-1]
    if row["images_low"] > 0 or row["images_high"] < 0:
        better = names[0] if row["difference"] > 0 else names[1]
        verdict = f"{better} is more robust, for fresh images, too"
    elif row["samples_low"] > 0 or row["samples_high"] < 0:
        better = names[0] if row["difference"] > 0 else names[1]
        verdict = f"{better} is more robust on these images; fresh ones may differ"
    else:
        verdict = "no difference beyond the intervals"
    return f"At the largest common share, {share:.3g}: {verdict}."
