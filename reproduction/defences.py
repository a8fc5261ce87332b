"""Tables of the defences: what each withstands on FashionMNIST, and what it bought."""

from collections.abc import Callable, Sequence

import numpy as np
import xarray as xr

from pyrosnn.results import read_spec
from pyrosnn.statistics import robust_at
from pyrosnn.summaries import explain
from pyrosnn.summaries.accuracy import with_intervals
from pyrosnn.summaries.angle import noise_scale
from pyrosnn.summaries.certificates import certified_accuracy, headline
from pyrosnn.summaries.standard import QUERIES, num_queries, standard_of
from pyrosnn.tables import Number
from pyrosnn_studies.tables import percent
from reproduction.cells import Row, Table
from reproduction.claims import Results

# By name: what it is, and the model that it is compared with. All have the same dense network, and
# probabilities as scores, so that margins and gradients have one unit.
PLAIN = "plain"
DEFENCES: dict[str, tuple[str, str]] = {
    PLAIN: ("none: next to no noise", ""),
    "adversarial": ("adversarial training", PLAIN),
    "trades": ("TRADES", PLAIN),
    "input-gradient": ("input-gradient penalty", PLAIN),
    "image-noise": ("noise on the image", PLAIN),
    "pinot": ("noise after the first layer (Pinot)", PLAIN),
    "rse": ("RSE", PLAIN),
    "wca": ("WCA-Net", PLAIN),
    "se-snn": ("SE-SNN", PLAIN),
    "l2p": ("Learn2Perturb", "adversarial"),
    "flss": ("FLSS", "adversarial"),
    "bnn": ("BNN", PLAIN),
    "im": ("IM", "bnn"),
    "adv-bnn": ("Adv-BNN", "adversarial"),
    "grad-div": ("BNN with GradDiv", "bnn"),
    "diverse-directions": ("BNN with diverse directions", "bnn"),
    "pni": ("PNI", "adversarial"),
    "resize-pad": ("random resize and pad", PLAIN),
    "bart-lite": ("BaRT-lite", PLAIN),
    "ensemble": ("ensemble of three", PLAIN),
    "drt": ("ensemble with DRT", "ensemble"),
    "trs": ("ensemble with TRS", "ensemble"),
    "gal": ("ensemble with GAL", "ensemble"),
}
SEEDS = ("", "-seed1")
ONE = ("strength", "attack_samples", "inference_samples")  # of each the study has one
SHARES = (
    *("clean", "FGM, S_A = 1", "APGD alone", "all attacks", "robust@100", "noise off"),
    "verified",
)
FACTORS = ("margin", "gradient_norm", "cosine")
FIRST = "apgd-ce"  # the attack of the protocol that is projected gradient ascent on the loss


def defences(results: Results) -> Table:
    """Return what each defence withstands, from the weakest judgement to the strongest.

    Shares of images have 95 % intervals for fresh images, and for fresh trainings where there are
    several. "APGD alone" has the S_A that a diagnosis advises, in the last column; B is the median
    over images of the loss gradient's noise scale.
    """
    header = ["defence", *SHARES, "certified", "B", "S_A"]
    rows = []
    for name, (title, _) in DEFENCES.items():
        trained = trainings(results, name)
        if trained:
            rows.append(_row(title, trained, results, name))
    return header, rows


def bought(results: Results) -> Table:
    """Return the change against the model without the defence, split by theorem 4.1."""
    header = ["defence", "against", "change, points", "margin", "gradient", "angle", "rest"]
    header += ["noise off", "robust@100"]
    rows = []
    for name, (title, baseline) in DEFENCES.items():
        pair = [trainings(results, one) for one in (baseline, name) if one]
        if len(pair) < 2 or not all(pair):
            continue
        found = explain(pair[0][0], pair[1][0]).isel(threat=0)
        parts = [_points(found, "part", factor=factor) for factor in FACTORS]
        others = [_judged(found, judge) for judge in ("noise_free", "robust_at_100")]
        against = DEFENCES[baseline][0]
        rows.append(
            [title, against, _points(found, "change"), *parts, _points(found, "remainder"), *others]
        )
    return header, rows


def trainings(results: Results, name: str) -> list[xr.DataTree]:
    """Return the standard evaluations of all trainings of a defence."""
    return [results[f"{name}{seed}"] for seed in SEEDS if f"{name}{seed}" in results]


def _row(title: str, trained: Sequence[xr.DataTree], results: Results, name: str) -> Row:
    found = shares(results, name)
    cells = [_short(found[column]) if column in found else "" for column in SHARES]
    sizes = sorted({int(read_spec(one)["attack_samples"]) for one in trained})
    own = [_certified(results, name), _scale(trained), ", ".join(map(str, sizes))]
    return [title, *cells, *own]


def shares(results: Results, name: str) -> dict[str, Number]:
    """Return the shares of images that a defence has right, in %, by the table's columns.

    Args:
        results: the results by file name.
        name: a name in ``DEFENCES`` that has results.
    """
    trained = trainings(results, name)
    number = num_queries(trained[0])
    values = xr.concat(
        [standard_of(one).isel(threat=0, drop=True) for one in trained],
        "repeat",
        join="override",
        combine_attrs="override",
    )
    counts = values["queries_correct"].sel(perturbation="archive", drop=True)
    run = values["entry_run"].sel(entry=FIRST)
    columns = {
        "clean": values["unattacked_correct"],
        "APGD alone": values["entry_correct"].sel(entry=FIRST, drop=True).where(run),
        "all attacks": values["archive_correct"],
        "robust@100": counts.copy(data=robust_at(counts.values, number, max(QUERIES))),
    }
    if "noise_free_correct" in values:
        columns["noise off"] = values["noise_free_correct"]
    one_step = [results[f"{name}{seed}-fgm"] for seed in SEEDS if f"{name}{seed}-fgm" in results]
    if one_step:
        correct = [one["evaluation"].dataset["adversarial_correct"] for one in one_step]
        columns["FGM, S_A = 1"] = xr.concat(correct, "repeat").squeeze(ONE, drop=True)
    verified = results.get(f"{name}-verified")
    if verified is not None:
        columns["verified"] = verified["verification"].dataset["verified"].isel(strength=-1)
        columns["verified"] = columns["verified"].expand_dims("repeat")
    return {
        column: percent(with_intervals({"share": share}, confidence=0.95), "share")
        for column, share in columns.items()
    }


def _short(share: Number) -> str:
    """Format a share with an interval in whole points, which no line break divides."""
    return f"{share.value:.1f} [{share.low:.0f},\N{NO-BREAK SPACE}{share.high:.0f}]"


def _certified(results: Results, name: str) -> str:
    """Format the share of images that is certified beyond the first radius above 0, in ℓ2."""
    file = f"{name}-certificates"
    if file not in results:
        return ""
    at = certified_accuracy(results[file]).sel(certificate=headline(results[file])).isel(distance=1)
    return f"{100 * float(at):.1f} (ℓ2 {float(at['distance']):.2g})"


def _scale(trained: Sequence[xr.DataTree]) -> str:
    """Format the noise scale B of the loss gradient: median over images, mean over trainings."""
    medians = [
        float(noise_scale(one["moments"].dataset).sel(direction="attack").median("example"))
        for one in trained
        if "moments" in one.children
    ]
    return f"{np.mean(medians):.3g}" if medians else ""


def _points(found: xr.Dataset, name: str, **where: str) -> str:
    """Format a change with its interval, in points."""
    at = [100 * float(found[f"{name}{end}"].sel(where)) for end in ("", "_low", "_high")]
    return f"{at[0]:+.1f} [{at[1]:+.1f}, {at[2]:+.1f}]"


def _judged(found: xr.Dataset, judge: str) -> str:
    """Format the change as another judge sees it."""
    has = "judge" in found.dims and judge in found["judge"].values
    return _points(found, "judged_change", judge=judge) if has else ""


DEFENCE_TABLES: dict[str, Callable[[Results], Table]] = {"defences": defences, "bought": bought}
