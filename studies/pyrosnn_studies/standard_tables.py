"""What a standard evaluation says: a verdict, and the tables behind it."""

import math

import numpy as np
import pandas as pd
import xarray as xr

from pyrosnn.plots.standard import threat_names
from pyrosnn.plots.style import count
from pyrosnn.results import read_provenance, read_spec
from pyrosnn.summaries import entry_table, mean_reach, standard_table
from pyrosnn.summaries.certificates import GROUP, NORM, STANDARD, headline
from pyrosnn.summaries.standard import QUERIES, num_queries, standard_of
from pyrosnn.summaries.words import interval_words
from pyrosnn.tables import Cell, Number, Table
from pyrosnn_studies.findings import checks_in_words
from pyrosnn_studies.needs import needs


@needs(STANDARD)
def standard_verdict(result: xr.DataTree) -> list[str]:
    """Return the verdict in sentences: one for each threat, one for the samples and the checks."""
    table = standard_table(result)
    images = count(standard_of(result).sizes["example"], "image")
    verb = "withstands" if images.startswith("1 ") else "withstand"
    sentences = []
    for name, (_, row) in zip(threat_names(result), table.iterrows(), strict=True):
        withstand, sides = f"{_with_interval(row, 'archive')} of {images} {verb} {name}", ""
        if not math.isnan(row.get("certified", math.nan)):
            withstand = f"Between {_with_interval(row, 'certified')} and {withstand}"
            sure = 100 * (1 - read_spec(result)["alpha"])
            sides = (
                f": a certificate from below ({sure:.4g} % sure for each image), the strongest "
                "attack from above"
            )
        sentence = f"{withstand}{sides}; without attack {100 * row['clean']:.1f} % are right"
        largest = max((k for k in QUERIES[1:] if f"robust_at_{k}" in row), default=None)
        if largest is not None:
            sentence += (
                f"; an attacker with {largest:,} queries leaves "
                f"{100 * row[f'robust_at_{largest}']:.1f} % (without attack "
                f"{100 * row[f'clean_at_{largest}']:.1f} %)"
            )
        sentences.append(f"{sentence}.")
    return [
        *sentences,
        *_one_sided(result),
        *_reach(result),
        *_left_out(result),
        *checks_in_words(result),
    ]


def _one_sided(result: xr.DataTree) -> list[str]:
    """Return why there is no bound from below, and what gives one; nothing where there is one."""
    if GROUP in result.children:
        return []
    norms = standard_of(result)["threat_norm"].values
    if read_spec(result).get("certificate") is False:
        needs = "none was asked for (--no-certificate)"
    elif NORM not in norms:
        needs = "certificates are in ℓ2: give --l2, of a model that is averaged over noise"
    elif read_provenance(result).get("output") == "logits":
        needs = (
            "a certificate of the mean takes scores in [0, 1], and these are logits; pyrosnn "
            "certify has certificates of votes"
        )
    else:
        needs = "a certificate takes Gaussian noise on the image (--smoothing-variance 0.1)"
    return [f"No bound from below: {needs}; pyrosnn verify bounds stored samples of any noise."]


def _left_out(result: xr.DataTree) -> list[str]:
    """Return which attacks of the protocol were run on no image, because they could not be."""
    values = standard_of(result)
    could = values["entry_run"].any(("repeat", "example", "threat")).values
    remaining = [" on remaining images" in line for line in read_spec(result).get("entries", [])]
    asked = dict(zip(_entry_names(result), remaining, strict=False))
    names = [
        str(name)
        for name, ran in zip(values["entry"].values, could, strict=True)
        if not ran and not asked.get(str(name), False)
    ]
    names += [name for name in asked if name not in values["entry"].values]
    if not names:
        return []
    return [f"Left out, as the classifier lacks what they need: {', '.join(names)}."]


def _entry_names(result: xr.DataTree) -> list[str]:
    """Return the names of all attacks of the protocol."""
    return [line.partition(": ")[0] for line in read_spec(result).get("entries", [])]


def _reach(result: xr.DataTree) -> list[str]:
    """Return which share of the reachable cosine the attack samples reach, if it is known."""
    spec = read_spec(result)
    size_a, size_i = spec.get("attack_samples"), spec.get("inference_samples")
    if "moments" not in result.children:
        return []
    if not isinstance(size_a, int) or not isinstance(size_i, int):
        return []
    share = mean_reach(result["moments"].dataset, [size_a], size_i).item()
    if math.isnan(share):
        return []
    return [f"{count(size_a, 'attack sample')} reach {share:.0%} of what more could reach."]


def _with_interval(row: "pd.Series[float]", column: str) -> str:
    """Return a share in percent with its interval, ``62.1 % [60.9, 63.3]``."""
    value, low, high = (100 * row[f"{column}{end}"] for end in ("", "_low", "_high"))
    return f"{value:.1f} % [{low:.1f}, {high:.1f}]"


def _cell(row: "pd.Series[float]", column: str, form: str = ".1f") -> Number:
    """Return a share or a difference in percent, with its interval where it has one."""
    value, low, high = (100 * row.get(f"{column}{end}", math.nan) for end in ("", "_low", "_high"))
    return Number(value=float(value), form=form, low=float(low), high=float(high))


def _interval(result: xr.DataTree) -> str:
    sizes = standard_of(result).sizes
    return f"[{interval_words(sizes['example'], sizes['repeat'])}]"


# What the main table shows, by the columns of standard_table.
MAIN = {
    "clean": "no attack",
    "random": "random δ of that norm (control)",
    "archive": "all attacks",
    "archive_selected": "all attacks, on V (where δ was chosen)",
    "certified": "any attack, by certificate",
    "selection_gap": "selection gap, V minus I (points)",
    "known": "attacker who knows I",
    "known_gap": "what knowing I gains (points)",
    "hidden_share": "share of the robustness due to hidden randomness",
    "noise_free": "all attacks, noise switched off",
    "noise_free_clean": "no attack, noise switched off",
}


def _accuracies(result: xr.DataTree) -> Table:
    table = standard_table(result)
    samples = read_spec(result).get("inference_samples")
    judged = "" if samples is None else f" of {samples:,} samples"
    forms = {"selection_gap": "+.1f", "known_gap": "+.1f"}
    return Table(
        title=(f"Images that are right in %, judged once on I{judged}\n{_interval(result)}"),
        columns=["", *threat_names(result)],
        main=[*MAIN].index("archive"),
        rows=[
            [words, *[_cell(row, name, forms.get(name, ".1f")) for _, row in table.iterrows()]]
            for name, words in MAIN.items()
            if name in table
        ],
        notes=["Intervals of gaps are paired.", *_about_certificate(result)],
    )


def _about_certificate(result: xr.DataTree) -> list[str]:
    """Return what the certificate is about and what it costs; nothing where there is none."""
    if GROUP not in result.children:
        return []
    spec, values = read_spec(result), result[GROUP].dataset
    abstain = 100 * float(values["certified_radius"].isnull().mean())
    return [
        f"The certificate ({headline(result)}) is about the mean over all draws of noise, σ = "
        f"{float(values['noise_scale']):.3g}: a radius in ℓ2 that is too large with probability "
        f"{spec['alpha']:g} at most. It takes {spec['certificate_samples']:,} single samples of "
        f"each image, and {spec['selection_samples']:,} before that choose the class. It abstains "
        f"for {abstain:.1f} %."
    ]


QUERIED = ("clean", "random", "robust")


def _queries(result: xr.DataTree) -> Table:
    table = standard_table(result)
    return Table(
        title=(
            "Images whose k independent queries are all right in %, from "
            f"{num_queries(result):,} queries at a frozen δ\n{_interval(result)}"
        ),
        columns=["threat", "k", "no attack", "random δ", "all attacks"],
        rows=[
            [
                name,
                Number(value=k, form=","),
                *[_cell(row, f"{of}_at_{k}") for of in QUERIED],
            ]
            for name, (_, row) in zip(threat_names(result), table.iterrows(), strict=True)
            for k in QUERIES
            if f"robust_at_{k}" in table
        ],
    )


def _attacks(result: xr.DataTree) -> Table:
    names = dict(zip(standard_of(result)["threat"].values, threat_names(result), strict=True))
    return Table(
        title=(
            "Each attack alone, in % of the images that it was run on; its cost in gradients and "
            f"queries of single samples, mean over these images\n{_interval(result)}"
        ),
        columns=["threat", "attack", "run on", "on I", "on V", "won", "gradients", "queries"],
        rows=[
            [
                names[str(row["threat"])],
                str(row["entry"]),
                _cell(row, "run"),
                _cell(row, "correct"),
                _cell(row, "selected"),
                _cell(row, "won"),
                Number(value=float(row["gradients"]), form=",.0f"),
                Number(value=float(row["queries"]), form=",.0f"),
            ]
            for _, row in entry_table(result).reset_index().iterrows()
        ],
    )


@needs(STANDARD)
def standard_tables(result: xr.DataTree) -> list[Table]:
    """Return the tables of a standard evaluation: accuracies, queries, attacks."""
    return [_accuracies(result), _queries(result), _attacks(result)]


@needs(STANDARD)
def why_table(result: xr.DataTree) -> Table | None:
    """Return margin, gradient and angle of images that withstood and that fell, medians.

    None for a classifier without derivatives.
    """
    values = standard_of(result)
    factors = ("archive_margin", "archive_gradient_norm", "archive_cosine")
    if any(name not in values for name in factors):
        return None
    rows: list[list[Cell]] = []
    for threat, name in enumerate(threat_names(result)):
        of = values.isel(threat=threat)
        for words, which in (
            ("withstood", of["archive_correct"].values),
            ("fell", ~of["archive_correct"].values & of["unattacked_correct"].values),
        ):
            medians = [_median(of[factor].values[which]) for factor in factors]
            count_of = Number(value=float(which.sum() / values.sizes["repeat"]), form=",.0f")
            cells: list[Cell] = [Number(value=median, form=".3g") for median in medians]
            rows.append([name, words, count_of, *cells])
    return Table(
        title="Medians over images that were right without attack, at the worst δ of each",
        columns=["threat", "images that", "number", "margin", "gradient norm", "cosine"],
        rows=rows,
    )


def _median(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else math.nan
