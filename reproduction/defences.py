"""Tables of the defences: what each withstands on FashionMNIST, and what it bought."""

import math
from collections.abc import Callable, Mapping

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from pyrosnn.results import read_spec
from pyrosnn.statistics import change_interval, robust_at, student_quantile
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
    "gal-light": ("ensemble with GAL, weight 1/6", "ensemble"),
    "gal": ("ensemble with GAL, weight 1", "ensemble"),
}
# TRS and GAL are about attacks that transfer from another network.
ENSEMBLES = ("ensemble", "drt", "trs", "gal-light", "gal")
SEEDS = ("", "-seed1")
ONE = ("strength", "attack_samples", "inference_samples")  # of each the study has one
SHARES = (
    "clean",
    "FGM, S_A = 1",
    "APGD alone",
    "all attacks",
    "noise off",
    "clean@100",
    "robust@100",
    "verified",
)
# Files of the few that were trained on CIFAR-10, and what the quick protocol tells of them.
CIFAR10 = "cifar10-"
ON_CIFAR10 = ("clean", "APGD alone", "all attacks", "noise off", "clean@10", "robust@10")
FACTORS = ("margin", "gradient_norm", "cosine")
FIRST = "apgd-ce"  # the attack of the protocol that is projected gradient ascent on the loss


def defences(results: Results) -> Table:
    """Return what each defence withstands, from the weakest judgement to the strongest.

    All is of the first training. Shares of images have 95 % intervals for fresh images. "APGD
    alone" has the S_A that a diagnosis advises, in the last column; B is the median over images of
    the loss gradient's noise scale.
    """
    header = ["defence", *SHARES, "certified", "B", "S_A"]
    found = [(name, title) for name, (title, _) in DEFENCES.items() if name in results]
    return header, [_row(title, results, name) for name, title in found]


def transferred(results: Results) -> Table:
    """Return what ensembles withstand of PGD on the network without a defence, and of all.

    A change is that of the first column against the ensemble that is trained without a term, in
    the first training and in another.
    """
    header = ["defence", "from the plain network", "change, points", "again", "all attacks"]
    rows = []
    for name in ENSEMBLES:
        if {name, f"{name}-transfer"} <= set(results):
            left = _short(_percent(_transferred(results[f"{name}-transfer"])))
            of_all = _short(shares(results, name)["all attacks"])
            rows.append([DEFENCES[name][0], left, *_transfer_changes(results, name), of_all])
    return header, rows


def _transfer_changes(results: Results, name: str) -> list[str]:
    """Format the change of what transfers, for each training."""
    cells = []
    for seed in SEEDS:
        files = [f"{one}{seed}-transfer" for one in (ENSEMBLES[0], name)]
        if name == ENSEMBLES[0] or not set(files) <= set(results):
            cells.append("")
            continue
        first, second = (_transferred(results[file]).values.astype(float) for file in files)
        low, high = change_interval((second - first)[None])
        cells.append(_interval(float((second - first).mean()), low, high))
    return cells


def _transferred(result: xr.DataTree) -> xr.DataArray:
    """Return whether images withstand, dimensions (repeat, example)."""
    correct = result["evaluation"].dataset["adversarial_correct"]
    return correct.squeeze(ONE, drop=True)


def on_cifar10(results: Results) -> Table:
    """Return what a few of them withstand on CIFAR-10, under the quick protocol."""
    header = ["defence", *ON_CIFAR10]
    rows = []
    for name, (title, _) in DEFENCES.items():
        if (file := f"{CIFAR10}{name}") in results:
            found = shares(results, file)
            rows.append([title, *(_short(found[c]) if c in found else "" for c in ON_CIFAR10)])
    return header, rows


def bought(results: Results) -> Table:
    """Return the change against the model without the defence, split by theorem 4.1."""
    header = ["defence", "against", "change, points", "margin", "gradient", "angle", "rest"]
    header += ["noise off", "robust@100"]
    rows = []
    for name, (title, baseline) in DEFENCES.items():
        if not {baseline, name} <= set(results):  # the plain row is against no other
            continue
        found = explain(results[baseline], results[name]).isel(threat=0)
        parts = [_points(found, "part", factor=factor) for factor in FACTORS]
        others = [_judged(found, judge) for judge in ("noise_free", "robust_at_100")]
        against = DEFENCES[baseline][0]
        rows.append(
            [title, against, _points(found, "change"), *parts, _points(found, "remainder"), *others]
        )
    return header, rows


def again(results: Results) -> Table:
    """Return both trainings of each defence under all attacks, and the change of each.

    A change is against the same training of the model without the defence. The last row has the
    standard deviation of a training, pooled over the rows: of two it is |difference| / √2. The
    interval over trainings is Student's for the mean of both changes, on these images, where all
    rows have that standard deviation and no two trainings depend on each other.
    """
    header = ["defence", "all attacks", "again", "against", "change, points", "again"]
    header += ["over trainings"]
    left = {
        name: [_archive(results[f"{name}{seed}"]) for seed in SEEDS]
        for name in DEFENCES
        if {f"{name}{seed}" for seed in SEEDS} <= set(results)
    }
    changes = {
        name: np.subtract(both, left[DEFENCES[name][1]])
        for name, both in left.items()
        if DEFENCES[name][1] in left
    }
    deviation = _pooled(left)
    reach = student_quantile(0.95, len(left)) * deviation  # of the mean of two differences
    rows = []
    for name, both in left.items():
        title, baseline = DEFENCES[name]
        row = [title, *(f"{share:.1f}" for share in both)]
        if name in changes:
            row.append(DEFENCES[baseline][0])
            row += [_change(results, f"{baseline}{seed}", f"{name}{seed}") for seed in SEEDS]
            row.append(f"{changes[name].mean():+.1f} ± {reach:.1f}")
        rows.append(row + [""] * (len(header) - len(row)))
    return header, [*rows, ["standard deviation, pooled", f"{deviation:.1f}", *[""] * 5]]


def _pooled(twice: Mapping[str, ArrayLike]) -> float:
    """Return the standard deviation of a training, given values of two trainings by name."""
    differences = [np.diff(values).item() for values in twice.values()]
    return math.sqrt(np.mean(np.square(differences)) / 2)


def _archive(result: xr.DataTree) -> float:
    """Return what all attacks leave, in %."""
    return 100 * float(standard_of(result)["archive_correct"].isel(threat=0).mean())


def _change(results: Results, first: str, second: str) -> str:
    """Format the change of what all attacks leave, with its interval."""
    return _points(explain(results[first], results[second]).isel(threat=0), "change")


def _row(title: str, results: Results, name: str) -> Row:
    found = shares(results, name)
    cells = [_short(found[column]) if column in found else "" for column in SHARES]
    size = str(read_spec(results[name])["attack_samples"])
    return [title, *cells, _certified(results, name), _scale(results[name]), size]


def shares(results: Results, name: str) -> dict[str, Number]:
    """Return the shares of images that a defence has right, in %, by the table's columns.

    Args:
        results: the results by file name.
        name: a file of results: a name in ``DEFENCES``, or one on CIFAR-10.
    """
    number = num_queries(results[name])
    most = max(k for k in QUERIES if k <= number)
    values = standard_of(results[name]).isel(threat=0, drop=True)
    counts = values["queries_correct"]
    answered = counts.copy(data=robust_at(counts.values, number, most))
    run = values["entry_run"].sel(entry=FIRST)
    columns = {
        "clean": values["unattacked_correct"],
        "APGD alone": values["entry_correct"].sel(entry=FIRST, drop=True).where(run),
        "all attacks": values["archive_correct"],
        f"clean@{most}": answered.sel(perturbation="none", drop=True),
        f"robust@{most}": answered.sel(perturbation="archive", drop=True),
    }
    if "noise_free_correct" in values:
        columns["noise off"] = values["noise_free_correct"]
    if f"{name}-fgm" in results:
        one_step = results[f"{name}-fgm"]["evaluation"].dataset["adversarial_correct"]
        columns["FGM, S_A = 1"] = one_step.squeeze(ONE, drop=True)
    if f"{name}-verified" in results:
        verified = results[f"{name}-verified"]["verification"].dataset["verified"]
        columns["verified"] = verified.isel(strength=-1).expand_dims("repeat")
    return {column: _percent(share) for column, share in columns.items()}


def _percent(share: xr.DataArray) -> Number:
    """Return the share of images for which something is true, in %, with its interval."""
    return percent(with_intervals({"share": share}, confidence=0.95), "share")


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


def _scale(result: xr.DataTree) -> str:
    """Format the noise scale B of the loss gradient, median over images."""
    if "moments" not in result.children:
        return ""
    scale = noise_scale(result["moments"].dataset).sel(direction="attack")
    return f"{float(scale.median('example')):.3g}"


def _points(found: xr.Dataset, name: str, **where: str) -> str:
    """Format a change with its interval, which no line break divides, in points."""
    return _interval(*(float(found[f"{name}{end}"].sel(where)) for end in ("", "_low", "_high")))


def _interval(change: float, low: float, high: float) -> str:
    return f"{100 * change:+.1f} [{100 * low:+.1f},\N{NO-BREAK SPACE}{100 * high:+.1f}]"


def _judged(found: xr.Dataset, judge: str) -> str:
    """Format the change as another judge sees it."""
    has = "judge" in found.dims and judge in found["judge"].values
    return _points(found, "judged_change", judge=judge) if has else ""


DEFENCE_TABLES: dict[str, Callable[[Results], Table]] = {
    "defences": defences,
    "bought": bought,
    "again": again,
    "transferred": transferred,
    "on-cifar10": on_cifar10,
}
