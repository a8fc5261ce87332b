"""The attacks of a protocol in turn, with one archive for all of them."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pyrosnn.attacks import ATTACKS, Attack
from pyrosnn.attacks.archive import Archive
from pyrosnn.errors import NoGradientError, NoNoiseFreeError, PyrosnnWarning
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.outputs import discriminants_of
from pyrosnn.outputs.algebra import weighted
from pyrosnn.outputs.mean import MeanPrediction
from pyrosnn.sampling import AfterTrunk, SampleSet, predict, replay
from pyrosnn.shapes import Flags, Images, Labels, PerImage

# An image is clearly misclassified if V's margin is this many of its standard errors below 0: a
# normal draw of I is then right once in 30,000 times.
CLEARLY = 4.0


@dataclass(frozen=True, kw_only=True)
class Step:
    """What one attack reached.

    Attributes:
        delta: its own δ, shape (example, *image); 0 where it was not run.
        margin: the margin on V at x + δ, float64; that of x where it was not run.
        run: whether it was run on the image.
        num_gradients, num_queries: gradients of single samples, and losses without one, mean over
            the images that it was run on.
    """

    delta: Images
    margin: PerImage
    run: Flags
    num_gradients: int
    num_queries: int


@dataclass(frozen=True, kw_only=True)
class Archived:
    """What the attacks of a protocol reached together, judged by V alone.

    Attributes:
        delta: of each image the δ that V finds worst, shape (example, *image).
        margin: its margin on V, float64, shape (example,).
        winner: index of the attack that found it; -1 where none was worse than the image itself.
        clean_margin: the margin on V of the image itself.
        steps: what each attack reached alone.
    """

    delta: Images
    margin: PerImage
    winner: Labels
    clean_margin: PerImage
    steps: tuple[Step, ...]


def attack_in_turn(
    classifier: StochasticClassifier,
    x: Images,
    y: Labels,
    attacks: Sequence[tuple[Attack, bool]],
    samples: SampleSet,
    selection: SampleSet,
) -> Archived:
    """Run attacks one after the other, and keep of each image the δ that V finds worst.

    Args:
        classifier: the classifier.
        x: images, shape (example, *image).
        y: labels, shape (example,).
        attacks: attacks of one norm and strength, and whether each runs only on images that V does
            not find clearly misclassified yet.
        samples: A, whose stream all attacks draw from.
        selection: V, the same for all decisions of all attacks.

    Warns:
        PyrosnnWarning: for an attack that was left out, because the classifier lacks what it needs:
            gradients, or a noise-free network.
    """
    archive = Archive(x)
    clean = predict(classifier, x, selection).margin(y)
    archive.offer(torch.zeros_like(x), clean)
    winner = torch.full_like(y, -1)
    steps = []
    for index, (attack, remaining) in enumerate(attacks):
        rows: Tensor | slice = slice(None)
        if remaining:
            rows = torch.nonzero(~_clearly_wrong(classifier, x, y, archive, selection))[:, 0]
        step, better = _step(classifier, x, y, attack, rows, samples, selection, archive, clean)
        winner[better] = index
        steps.append(step)
    return Archived(
        delta=archive.delta,
        margin=archive.margin,
        winner=winner,
        clean_margin=clean,
        steps=tuple(steps),
    )


def _step(
    classifier: StochasticClassifier,
    x: Images,
    y: Labels,
    attack: Attack,
    rows: Tensor | slice,
    samples: SampleSet,
    selection: SampleSet,
    archive: Archive,
    clean: PerImage,
) -> tuple[Step, Flags]:
    """Run one attack on some images and offer what it found to the archive."""
    delta, margin = torch.zeros_like(x), clean.clone()
    run, better = torch.zeros_like(y, dtype=torch.bool), torch.zeros_like(y, dtype=torch.bool)
    gradients, queries = 0, 0
    number = len(x) if isinstance(rows, slice) else len(rows)
    if number > 0:
        own, chosen = _for(samples, rows), _for(selection, rows)
        try:
            result = attack(classifier, x[rows], y[rows], own, selection=chosen)
        except (NoGradientError, NoNoiseFreeError) as error:
            names = (name for name, kind in ATTACKS.items() if kind is type(attack))
            text = f"left out {next(names, attack.kind)}: {error}"
            warnings.warn(text, PyrosnnWarning, stacklevel=5)
        else:
            run[rows], delta[rows] = True, result.perturbation
            mean = predict(classifier, x[rows] + delta[rows], chosen, moved=True)
            margin[rows] = mean.margin(y[rows])
            better[rows] = archive.offer(delta[rows], margin[rows], rows)
            gradients, queries = result.num_gradients, result.num_queries
    step = Step(delta=delta, margin=margin, run=run, num_gradients=gradients, num_queries=queries)
    return step, better


def _for(samples: SampleSet, rows: Tensor | slice) -> SampleSet:
    return samples if isinstance(rows, slice) else samples.for_examples(rows)


def _clearly_wrong(
    classifier: StochasticClassifier, x: Images, y: Labels, archive: Archive, selection: SampleSet
) -> Flags:
    """Return whether V finds an image misclassified by far more than its samples vary."""
    moved = x + archive.delta
    mean = predict(classifier, moved, selection, moved=True)
    spread = _spread(classifier, moved, y, mean, selection)
    error = spread * (2 / len(selection)) ** 0.5  # of the difference to a draw of as many samples
    clearly: Flags = archive.margin < -CLEARLY * error
    return clearly


def _spread(
    classifier: StochasticClassifier,
    x: Images,
    y: Labels,
    mean: MeanPrediction,
    samples: SampleSet,
) -> PerImage:
    """Return the standard deviation of single samples' f_y - f_j, with j of the mean prediction."""
    f, other = discriminants_of(classifier.output), mean.runner_up(y)
    values = AfterTrunk(classifier, x, samples.memory_budget).values
    squares = torch.zeros(len(x), dtype=torch.float64, device=x.device)
    centre = mean.margin(y)
    for chunk in replay(classifier, len(x), samples):
        single = f.values(chunk.logits(values))
        index = torch.stack([y, other], -1).expand(len(single), -1, -1)
        first, second = single.gather(-1, index).unbind(-1)
        squares += weighted((first - second - centre).square(), chunk.weights).sum(0)
    return (squares / max(1.0, samples.total - 1)).sqrt()
