"""Tables that studies and the command line show, as text cells."""

import math

import xarray as xr

from pyrosnn.reports import Table as Table
from pyrosnn.results import GROUP
from pyrosnn.summaries import accuracy_table, at_strength, cosine_table, robustness_table

NOTABLE = 0.1  # share of images without a gradient that a table speaks of


def or_dash(value: float, form: str) -> str:
    """Format a number; what is not defined is a dash.

    Example:
        >>> or_dash(0.25, ".3f"), or_dash(float("nan"), ".3f")
        ('0.250', '-')
    """
    return "-" if math.isnan(value) else format(value, form)


def percent(mean: float, sd: float) -> str:
    """Format a share as ``85.2 ± 0.3`` (percent); without sd for a single repeat, or a dash.

    Example:
        >>> percent(0.852, 0.003), percent(0.852, float("nan")), percent(float("nan"), 0.1)
        ('85.2 ± 0.3', '85.2', '-')
    """
    if math.isnan(mean):
        return "-"
    return f"{100 * mean:.1f}" if math.isnan(sd) else f"{100 * mean:.1f} ± {100 * sd:.1f}"


def mean_and_sd(values: xr.DataArray) -> tuple[float, float]:
    """Return mean and standard deviation over repeats; NaN for the latter of a single repeat."""
    sd = float(values.std("repeat", ddof=1)) if values.sizes["repeat"] > 1 else math.nan
    return float(values.mean("repeat")), sd


def number(mean: float, sd: float) -> str:
    """Format a mean with three digits beside its standard deviation.

    Example:
        >>> number(0.6, 0.0031), number(0.8521, float("nan"))
        ('0.600 ± 0.003', '0.852')
    """
    text = or_dash(mean, "#.3g").rstrip(".")
    return text if math.isnan(sd) else f"{text} ± {sd:.1g}"


def accuracy_by_size(result: xr.DataTree) -> Table:
    """Return the raw adversarial accuracy at the largest S_I, by strength and S_A."""
    table = accuracy_table(result)
    largest = max(table.index.get_level_values("inference_samples"))
    table = table[table.index.get_level_values("inference_samples") == largest]
    table = table.droplevel("inference_samples")
    sizes = list(dict.fromkeys(table.index.get_level_values("attack_samples")))
    strengths = list(dict.fromkeys(table.index.get_level_values("strength")))
    rows = []
    for strength in strengths:
        cells = [table.loc[(strength, size)] for size in sizes]
        rows.append(
            [f"{strength:g}", *[percent(c["adversarial"], c["adversarial_sd"]) for c in cells]]
        )
    return Table(
        title=(
            f"Adversarial accuracy in % for S_I = {largest:,}, "
            "mean ± standard deviation over repeats"
        ),
        header=["strength", *[f"S_A = {size:,}" for size in sizes]],
        rows=rows,
    )


def size_tables(result: xr.DataTree) -> list[Table]:
    """Return the tables of the study sample-size."""
    return [accuracy_by_size(result), cosines(result)]


def all_accuracies(result: xr.DataTree) -> Table:
    """Return every accuracy: a row for each strength, S_A and S_I."""
    names = {
        "clean": "clean",
        "adversarial": "adversarial",
        "adversarial_given_clean": "given clean-correct",
        "linear_condition": "linear condition",
    }
    table = accuracy_table(result).reset_index()
    rows = [
        [
            f"{row['strength']:g}",
            f"{row['attack_samples']:,.0f}",
            f"{row['inference_samples']:,.0f}",
            *[percent(row[name], row[f"{name}_sd"]) for name in names],
        ]
        for _, row in table.iterrows()
    ]
    return Table(
        title="Accuracies in %, mean ± standard deviation over repeats",
        header=["strength", "S_A", "S_I", *names.values()],
        rows=rows,
    )


def cosines(result: xr.DataTree, strength: float | None = None, hdi_prob: float = 0.94) -> Table:
    """Return the summary of the cosines: a row for each S_A and S_I.

    Args:
        result: a result.
        strength: a strength of the result; None takes the largest.
        hdi_prob: mass of the highest density interval.
    """
    table = cosine_table(result, strength, hdi_prob)
    statistics = [str(name) for name in table.columns if name != "undefined"]
    rows = [
        [
            f"{row['attack_samples']:,.0f}",
            f"{row['inference_samples']:,.0f}",
            *[or_dash(row[name], ".3f") for name in statistics],
            f"{row['undefined']:.0f}",
        ]
        for _, row in table.reset_index().iterrows()
    ]
    title = "Cosine of the angle between attack and inference gradient, over images and repeats"
    count = result[GROUP].sizes["example"] * result[GROUP].sizes["repeat"]
    missing = int(table["undefined"].max())
    if result[GROUP]["gradient_norm"].isnull().all():
        title += "\nundefined: the classifier has no gradients"
    elif missing > NOTABLE * count:
        title += (
            f"\n{missing} of {count} have no gradient: an attack that does not move them says "
            "nothing of their robustness; see pyrosnn check"
        )
    return Table(
        title=title,
        header=["S_A", "S_I", *statistics, "undefined"],
        rows=rows,
    )


def robustness(result: xr.DataTree, strength: float | None = None) -> Table:
    """Return P(robust) of the data set at one strength: a row for each S_A and S_I.

    Args:
        result: a result of at least two repeats.
        strength: a strength of the result; None takes the largest.
    """
    events = {"linear_condition": "linear condition holds", "adversarial_correct": "attack fails"}
    chosen = at_strength(result, "adversarial_correct", strength, drop=False)
    eta = float(chosen["strength"])
    table = robustness_table(result).xs(eta, level="strength")
    events = {name: words for name, words in events.items() if name in table}
    rows = []
    for _, row in table.reset_index().iterrows():
        cells = [f"{row['attack_samples']:,.0f}", f"{row['inference_samples']:,.0f}"]
        for name in events:
            mean, low, high = (100 * row[f"{name}{end}"] for end in ("", "_low", "_high"))
            known = not math.isnan(low)
            cells.append(f"{mean:.1f} [{low:.1f}, {high:.1f}]" if known else f"{mean:.1f}")
        rows.append(cells)
    return Table(
        title=(
            f"P(robust) in % (equation 4) at η = {eta:g}: probability over fresh A and I, "
            f"mean over images [95 % interval over {result[GROUP].sizes['repeat']} repeats]"
        ),
        header=["S_A", "S_I", *events.values()],
        rows=rows,
    )
