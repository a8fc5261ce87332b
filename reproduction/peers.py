"""`python -m reproduction.peers`: other libraries' attacks on the samples of an evaluation."""

import argparse
import csv
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

import foolbox
import torch
import torchattacks
import xarray as xr
from foolbox.models.pytorch import PyTorchModel
from torch import Tensor

from pyrosnn.attacks import APGD, FGM, PGD, Attack, ExternalAttack
from pyrosnn.data import load_dataset
from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import FileError, PyrosnnError
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.results import open_results, read_spec
from pyrosnn.sampling import draw_sample_set, predict
from pyrosnn.storage import atomic_path
from pyrosnn.training import load_checkpoint
from reproduction.cells import Table
from reproduction.page import with_tables

FOLDER = Path("reproduction/standard")  # of checkpoints and results
COUNTS, PAGE = Path("reproduction/peers.csv"), Path("docs/evaluate.md")
STEPS, QUERIES = 100, 1000
ARCHIVE = "archive of the standard evaluation"
# The norm's name and the projected gradient descent in the other libraries.
TORCHATTACKS = {"linf": "Linf", "l2": "L2"}
FOOLBOX = {"linf": foolbox.attacks.LinfPGD, "l2": foolbox.attacks.L2PGD}
NORMS = {"linf": "ℓ∞", "l2": "ℓ2"}
TITLES = {
    "bnn": "digits, BNN",
    "im": "digits, IM",
    "sin": "digits, SIN",
    "dropout": "digits, CNN with MC dropout",
    "fashion-mnist-bnn": "FashionMNIST, BNN",
    "fashion-mnist-im": "FashionMNIST, IM",
}


@dataclass(frozen=True, kw_only=True)
class Reached:
    """What an attack leaves of a model's accuracy.

    Attributes:
        model: the model's name in ``reproduction/standard.toml``.
        norm: norm of the perturbations.
        strength: their size η.
        images: number of images.
        attack: the attack.
        withstand: number of images that I has right at x + δ.
    """

    model: str
    norm: str
    strength: float
    images: int
    attack: str
    withstand: int


def peers(norm: str, clip: tuple[float, float]) -> dict[str, Attack]:
    """Return attacks at unit strength: ours, and those of other libraries on the same A.

    Args:
        norm: ``linf`` or ``l2``.
        clip: bounds of the pixels.
    """
    name = TORCHATTACKS[norm]

    def apgd(loss: str) -> Callable[..., Tensor]:
        def attacked(module: torch.nn.Module, x: Tensor, y: Tensor, strength: float) -> Tensor:
            attack = torchattacks.APGD(module, norm=name, eps=strength, steps=STEPS, loss=loss)
            found: Tensor = attack.perturb(x, y, best_loss=True)[1]
            return found

        return attacked

    def square(module: torch.nn.Module, x: Tensor, y: Tensor, strength: float) -> Tensor:
        found: Tensor = torchattacks.Square(module, norm=name, eps=strength, n_queries=QUERIES)(
            x, y
        )
        return found

    def descent(module: torch.nn.Module, x: Tensor, y: Tensor, strength: float) -> Tensor:
        model = PyTorchModel(module, bounds=clip, device=x.device)
        found: Tensor = FOOLBOX[norm](steps=STEPS)(model, x, y, epsilons=strength)[1]
        return found

    threat: dict[str, Any] = {"norm": norm, "strength": 1.0, "clip": clip}

    def external(function: Callable[..., Tensor], *, fixed: bool) -> Attack:
        return ExternalAttack(function=function, fixed_samples=fixed, **threat)

    return {
        "FGM": FGM(**threat),
        "PGD, fresh samples": PGD(steps=STEPS, **threat),
        "APGD, fixed A": APGD(steps=STEPS, fixed_samples=True, **threat),
        "APGD, fresh samples": APGD(steps=STEPS, **threat),
        "torchattacks APGD, fixed A": external(apgd("ce"), fixed=True),
        "torchattacks APGD, fresh samples": external(apgd("ce"), fixed=False),
        "torchattacks APGD-DLR, fixed A": external(apgd("dlr"), fixed=True),
        "torchattacks Square, fixed A": external(square, fixed=True),
        "foolbox PGD, fixed A": external(descent, fixed=True),
        "foolbox PGD, fresh samples": external(descent, fixed=False),
    }


def measured(
    model: str, result: xr.DataTree, classifier: StochasticClassifier, dataset: Dataset
) -> Iterator[Reached]:
    """Attack the images of an evaluation with its A, and judge them with its I.

    Args:
        model: the model's name.
        result: its standard evaluation.
        classifier: the model.
        dataset: the data set of the evaluation.
    """
    spec = read_spec(result)
    values = result["standard"].to_dataset().isel(repeat=0, drop=True)
    for number, norm in enumerate(map(str, values["threat_norm"].values)):
        at = values.isel(threat=number)
        strength, images = float(at["threat_strength"]), int(spec["images"])
        found = partial(Reached, model=model, norm=norm, strength=strength, images=images)
        yield found(attack=ARCHIVE, withstand=int(at["archive_correct"].sum()))
        for name, attack in peers(norm, dataset.bounds).items():
            left = _withstand(attack, strength, spec, classifier, dataset)
            yield found(attack=name, withstand=left)


def _withstand(
    attack: Attack,
    strength: float,
    spec: Mapping[str, Any],
    classifier: StochasticClassifier,
    dataset: Dataset,
) -> int:
    """Return how many images of an evaluation withstand an attack, judged as it judges."""
    x, y = dataset.test_images(spec["images"])
    size, correct = spec["block_size"], 0
    for block, (images, labels) in enumerate(zip(x.split(size), y.split(size), strict=True)):
        draw = partial(
            draw_sample_set, classifier, images, seed=spec["seed"], repeat=0, block=block
        )
        a = draw(spec["attack_samples"], stream="attack")
        delta = attack.sweep(classifier, images, labels, a, [strength])[0].perturbation
        judge = draw(spec["inference_samples"], stream="inference")
        correct += int((predict(classifier, images + delta, judge).predicted == labels).sum())
    return correct


def table(rows: Sequence[Reached], norm: str) -> Table:
    """Return the shares of images that withstand each attack in a norm, a column for each model.

    The smallest of a column is bold.

    Raises:
        FileError: if there is none in this norm.
    """
    rows = [row for row in rows if row.norm == norm]
    if not rows:
        raise FileError(f"nothing was measured in {norm}; run python -m reproduction.peers")
    shares = {(row.attack, row.model): 100 * row.withstand / row.images for row in rows}
    attacks, models = (list(dict.fromkeys(names)) for names in zip(*shares, strict=True))
    least = {m: min(share for (_, of), share in shares.items() if of == m) for m in models}
    strengths = {row.model: row.strength for row in rows}

    def cell(attack: str, model: str) -> str:
        if (
            attack,
            model,
        ) not in shares:  # of a model that was measured before the attack was added
            return "-"
        share = shares[attack, model]
        return f"**{share:.1f}**" if share == least[model] else f"{share:.1f}"

    header = [f"{TITLES[model]}, {NORMS[norm]} {strengths[model]:g}" for model in models]
    return ["attack", *header], [[one, *(cell(one, m) for m in models)] for one in attacks]


def filled(text: str, rows: Sequence[Reached]) -> str:
    """Return a page with the tables ``peers-linf`` and ``peers-l2`` between its markers."""
    return with_tables(text, lambda name: table(rows, name.removeprefix("peers-")))


def read(path: Path) -> list[Reached]:
    """Return the rows of a file that :func:`write` wrote; none if there is no file."""
    if not path.exists():
        return []
    kinds: dict[str, Any] = {one.name: one.type for one in fields(Reached)}
    with path.open(encoding="utf-8", newline="") as file:
        return [
            Reached(**{name: kinds[name](text) for name, text in row.items()})
            for row in csv.DictReader(file)
        ]


def write(path: Path, rows: Sequence[Reached]) -> None:
    """Write rows as CSV."""
    with (
        atomic_path(path, overwrite=True) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.DictWriter(file, [one.name for one in fields(Reached)])
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)


def main(models: Sequence[str], root: str | None) -> None:
    """Measure models, put their rows into the file, and fill the page."""
    for model in models:
        result, checkpoint = FOLDER / f"{model}.nc", FOLDER / f"{model}.safetensors"
        for path in (result, checkpoint):
            if not path.exists():
                raise FileError(
                    f"there is no {path}; run pyrosnn study run reproduction/standard.toml first"
                )
        opened, loaded = open_results(result), load_checkpoint(checkpoint)
        dataset = load_dataset(loaded.dataset, root)
        rows = [row for row in read(COUNTS) if row.model != model]
        for row in measured(model, opened, loaded.classifier, dataset):
            print(f"{model}, {row.norm}, {row.attack}: {row.withstand}", flush=True)
            rows.append(row)
        order = list(TITLES)
        write(COUNTS, sorted(rows, key=lambda row: order.index(row.model)))
    text = filled(PAGE.read_text("utf-8"), read(COUNTS))
    with atomic_path(PAGE, overwrite=True) as temporary:
        temporary.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-root", help="folder that holds FashionMNIST/raw")
    parser.add_argument("models", nargs="*", default=list(TITLES), help="all unless given")
    given = parser.parse_args()
    try:
        main(given.models, given.data_root)
    except PyrosnnError as error:
        print(f"pyrosnn: {error}", file=sys.stderr)
        sys.exit(2)
