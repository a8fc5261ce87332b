"""The figure of the defences: what each withstands, from the weakest judgement to the strongest."""

from matplotlib.figure import Figure

from reproduction.claims import Results
from reproduction.defences import DEFENCES, shares

# Column of the table, marker, whether it is filled.
MARKS = {
    "clean": ("|", True),
    "FGM, S_A = 1": ("o", False),
    "all attacks": ("o", True),
    "robust@100": ("x", True),
    "verified": (">", True),
}
COLOURS = {
    "clean": "0.55",
    "FGM, S_A = 1": "C0",
    "all attacks": "C3",
    "robust@100": "0",
    "verified": "C2",
}


def defence_figure(results: Results) -> Figure:
    """Draw the shares of images, a line for each defence, the most robust at the top.

    A long line between the open and the filled circle is robustness that more attack samples and
    better attacks take away.
    """
    found = {name: shares(results, name) for name in DEFENCES if name in results}
    names = sorted(found, key=lambda name: found[name]["all attacks"].value)
    figure = Figure(figsize=(7.5, 1.2 + 0.27 * len(names)), layout="constrained")
    axis = figure.subplots()
    for column, (marker, filled) in MARKS.items():
        at = [(found[n][column], height) for height, n in enumerate(names) if column in found[n]]
        axis.plot(
            [share.value for share, _ in at],
            [height for _, height in at],
            marker,
            color=COLOURS[column],
            markerfacecolor=COLOURS[column] if filled else "white",
            label=column,
            zorder=3,
        )
    for height, name in enumerate(names):
        strong, weak = found[name]["all attacks"], found[name].get("FGM, S_A = 1")
        axis.plot([strong.low, strong.high], [height, height], color="C3", alpha=0.25, linewidth=5)
        if weak is not None:
            axis.plot([strong.value, weak.value], [height, height], color="C0", zorder=2)
    axis.set_yticks(range(len(names)), [DEFENCES[name][0] for name in names])
    axis.set_xlabel("images that are right, in %; bars: 95 % interval of all attacks")
    axis.grid(axis="x", alpha=0.3)
    axis.set_axisbelow(True)
    figure.legend(loc="outside upper center", ncols=len(MARKS), frameon=False)
    return figure
