"""The tables and the figure of a benchmark: printed, and written into the page.

``python -m benchmarks.report results/bench.json docs/performance.md``
"""

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from pyrosnn.plots.style import curve_style
from pyrosnn.storage import atomic_path
from reproduction.page import MARKED

Bench = dict[str, Any]
Rows = list[list[str]]
FIGURE = "images/scaling.png"  # beside the page


# Which groups of benchmarks a table needs; a run of some of them leaves the other tables.
GROUPS = {
    "machine": {"training"},
    "dense": {"record"},
    "conv": {"record"},
    "convolutions": {"convolutions"},
    "pgd": {"pgd"},
    "training": {"training"},
    "precision": {"direction"},
    "keeping": {"keeping"},
    "diagnosis": {"diagnosis"},
    "scaling": {"scaling"},
    "device": {"device"},
}


def seconds(bench: Bench) -> float:
    """Return the shortest of the rounds: what other programs on the machine did not lengthen."""
    return float(bench["stats"]["min"])


def info(bench: Bench) -> Any:
    return bench["extra_info"]


class Report:
    """The benchmarks of one run, by group."""

    def __init__(self, path: Path):
        run = json.loads(path.read_text("utf-8"))
        self.machine = run["machine_info"]
        self.benches: list[Bench] = run["benchmarks"]

    def group(self, name: str) -> list[Bench]:
        return [bench for bench in self.benches if bench["group"] == name]

    def against(self, benches: list[Bench]) -> Rows:
        """Return name, time, and how many times as long as pyrosnn each takes."""
        ours = next(seconds(bench) for bench in benches if info(bench)["way"] == "pyrosnn")
        return [
            [info(bench)["way"], f"{seconds(bench):.2f}", f"{seconds(bench) / ours:.2f}"]
            for bench in benches
        ]

    def of_machine(self) -> Rows:
        return [
            ["", ""],
            ["cores, threads", str(self.machine["cores"])],
            ["torch.mm, 1,000 × 784 × 128, float32", f"{self.machine['gflop_per_second']:.0f} G"],
            ["torch", self.machine["torch"]],
            ["images of the training", info(self.group("training")[0])["data"]],
        ]

    def record(self, case: str) -> Rows:
        benches = [bench for bench in self.group("record") if info(bench)["case"] == case]
        rows = self.against(benches)
        for row, bench in zip(rows, benches, strict=True):
            right = info(bench).get("right")
            row.append("" if right is None else f"{100 * right:.1f}")
        return [["", "seconds", "times pyrosnn", "right directions, %"], *rows]

    def convolutions(self) -> Rows:
        """Return seconds and milliseconds for each image of each network."""
        rows = [["", "images", "seconds", "an image, ms"]]
        for bench in self.group("convolutions"):
            images, taken = info(bench)["images"], seconds(bench)
            each = f"{1000 * taken / images:.1f}"
            rows.append([info(bench)["case"], str(images), f"{taken:.2f}", each])
        return rows

    def pgd(self) -> Rows:
        return [["", "seconds", "times pyrosnn"], *self.against(self.group("pgd"))]

    def training(self) -> Rows:
        benches = self.group("training")
        rows = self.against(benches)
        for row, bench in zip(rows, benches, strict=True):
            row[1] = f"{seconds(bench) / info(bench)['share']:.1f}"
        return [["", "seconds an epoch", "times pyrosnn"], *rows]

    def precision(self) -> Rows:
        full, half = self.group("direction")
        accuracies, halves = (100 * np.array(info(b)["accuracies"]) for b in (full, half))
        cosines, half_cosines = (np.array(info(b)["cosines"]) for b in (full, half))
        # the strength whose accuracy changes most, and over repeats the spread of the means
        changes = np.abs(halves.mean(0) - accuracies.mean(0))
        worst = int(changes.argmax())
        error = accuracies.std(0, ddof=1)[worst] / len(accuracies) ** 0.5
        cosine_change = abs(half_cosines.mean() - cosines.mean())
        cosine_error = cosines.std(ddof=1) / len(cosines) ** 0.5
        return [
            ["", "full", "bf16", "difference", "Monte Carlo error"],
            ["seconds", f"{seconds(full):.3f}", f"{seconds(half):.3f}", "", ""],
            [
                "adversarial accuracy, %, where it differs most",
                f"{accuracies.mean(0)[worst]:.2f}",
                f"{halves.mean(0)[worst]:.2f}",
                f"{changes[worst]:.2f}",
                f"{error:.2f}",
            ],
            [
                "mean cosine",
                f"{cosines.mean():.4f}",
                f"{half_cosines.mean():.4f}",
                f"{cosine_change:.4f}",
                f"{cosine_error:.4f}",
            ],
        ]

    def keeping(self) -> Rows:
        rows = [["", "seconds", "keeping it", "share, %"]]
        for bench in self.group("keeping"):
            way, work, kept = (info(bench)[name] for name in ("way", "work", "kept"))
            rows.append([way, f"{work:.3f}", f"{kept:.4f}", f"{100 * kept / work:.1f}"])
        return rows

    def diagnosis(self) -> Rows:
        rows = [["", "single samples", "evaluation, s", "diagnosis, s", "ratio"]]
        for bench in self.group("diagnosis"):
            model, samples, once, taken = (
                info(bench)[name] for name in ("model", "samples", "evaluation", "diagnosis")
            )
            ratio = f"{taken / once:.1f}"
            rows.append([model, f"{samples:,}", f"{once:.2f}", f"{taken:.2f}", ratio])
        return rows

    def device(self) -> Rows:
        """Return the medians of each work on the CPU, on the GPU, and in a loop there."""
        medians: dict[str, dict[str, float]] = {}
        for bench in self.group("device"):
            taken = float(bench["stats"]["median"]) * info(bench)["times"]
            medians.setdefault(info(bench)["work"], {})[info(bench)["way"]] = taken
        rows = [["seconds", "CPU", "GPU", "CPU / GPU", "loop on the GPU", "loop / pyrosnn"]]
        for work, ways in medians.items():
            ours = ways["GPU"]
            row = [work]
            for way in ("CPU", "loop on the GPU"):
                known = way in ways
                row += [f"{ways[way]:.3g}", f"{ways[way] / ours:.1f}"] if known else ["", ""]
            rows.append([*row[:2], f"{ours:.3g}", *row[2:]])
        return rows

    def scaling(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Return sizes and seconds of each quantity that was varied."""
        found: dict[str, list[tuple[int, float]]] = {}
        for bench in self.group("scaling"):
            point = (info(bench)["value"], seconds(bench))
            found.setdefault(info(bench)["varied"], []).append(point)
        return {name: tuple(np.array(points).T) for name, points in found.items()}

    def slopes(self) -> Rows:
        """Return how many times as long twice the size takes, as a power: the last two points."""
        rows = [["", "from", "to", "seconds", "slope"]]
        for name, (sizes, times) in self.scaling().items():
            slope = np.log(times[-1] / times[-2]) / np.log(sizes[-1] / sizes[-2])
            steps = f"{times[-2]:.2f} → {times[-1]:.2f}"
            rows.append([name, f"{sizes[-2]:,.0f}", f"{sizes[-1]:,.0f}", steps, f"{slope:.2f}"])
        return rows

    @property
    def tables(self) -> dict[str, Callable[[], Rows]]:
        return {
            "machine": self.of_machine,
            "dense": lambda: self.record("FashionMNIST network"),
            "conv": lambda: self.record("small convolutional network"),
            "convolutions": self.convolutions,
            "pgd": self.pgd,
            "training": self.training,
            "precision": self.precision,
            "keeping": self.keeping,
            "diagnosis": self.diagnosis,
            "scaling": self.slopes,
            "device": self.device,
        }

    def draw(self, path: Path) -> None:
        """Draw time against each size, on logarithmic axes."""
        figure = Figure(figsize=(11, 3), layout="constrained")
        axes = figure.subplots(1, len(self.scaling()), sharey=True)
        for axis, (name, (sizes, times)) in zip(axes, self.scaling().items(), strict=True):
            axis.loglog(sizes, times, **curve_style(0, 2), label="pyrosnn")
            axis.loglog(sizes, times[-1] * sizes / sizes[-1], color="0.6", label="slope 1")
            axis.set_xlabel(name)
            axis.grid(alpha=0.3)
        axes[0].set_ylabel("seconds")
        axes[0].legend()
        with atomic_path(path, overwrite=True) as temporary:
            figure.savefig(temporary, format="png", dpi=150)


def markdown(rows: Rows) -> str:
    """Return rows, the first of them the header, as a table."""
    lines = [rows[0], ["---"] * len(rows[0]), *rows[1:]]
    return "".join("| " + " | ".join(cells) + " |\n" for cells in lines)


def main(results: Path, page: Path) -> None:
    """Print the tables and write them, and the figure, into the page."""
    report = Report(results)
    made = {bench["group"] for bench in report.benches}
    tables = {
        name: markdown(make()) for name, make in report.tables.items() if GROUPS[name] <= made
    }
    for name, table in tables.items():
        print(f"{name}\n{table}")

    def filled(match: re.Match[str]) -> str:
        found = tables.get(match["name"])
        return match[0] if found is None else match["begin"] + found + match["end"]

    text = MARKED.sub(filled, page.read_text("utf-8"))
    with atomic_path(page, overwrite=True) as temporary:
        temporary.write_text(text, encoding="utf-8")
    if "scaling" in made:
        report.draw(page.parent / FIGURE)
    print(f"wrote {', '.join(tables)} into {page}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
