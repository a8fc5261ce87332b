"""The standard evaluation of a block of images, as labelled arrays."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from pyrosnn.attacks import APGD, NORMS, Attack, RandomNoise
from pyrosnn.attacks.norms import length
from pyrosnn.errors import require
from pyrosnn.evaluation.standard.archived import attack_in_turn
from pyrosnn.evaluation.standard.arrays import by_perturbation, reached, shown, stacked
from pyrosnn.evaluation.standard.frozen import ask, attack_knowing, judge, without_noise
from pyrosnn.evaluation.standard.protocol import Protocol, find_protocol
from pyrosnn.evaluation.standard.threat import Threat
from pyrosnn.evaluation.strengths import warn_of_strengths
from pyrosnn.models.batch import batch_for
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.neutral import neutral
from pyrosnn.results import make_dataset
from pyrosnn.sampling import MEMORY_BUDGET, SampleSet, draw_sample_set
from pyrosnn.settings import checked_arguments
from pyrosnn.shapes import ImagesLike, LabelsLike


@checked_arguments
@neutral
def standard_evaluation(
    classifier: StochasticClassifier,
    x: ImagesLike,
    y: LabelsLike,
    *,
    threats: Mapping[str, float],
    protocol: str | Protocol = "standard-1",
    attack_samples: int = 100,
    clip: tuple[float, float] | None = (0.0, 1.0),
    seed: int = 0,
    repeat: int = 0,
    block: int = 0,
    first_example: int = 0,
    show: int = 0,
    memory_budget: int = MEMORY_BUDGET,
) -> xr.Dataset:
    """Run a protocol's attacks on images and judge what they found, once.

    Every attack follows gradients of fresh samples of A and decides with the same selection set V.
    Of all δ of an image, the one that V finds worst is frozen. Then I judges it, and further
    predictions with fresh samples (queries) say how often an attacker who tries again succeeds.

    Args:
        classifier: the classifier.
        x: images, shape (example, *image): a tensor, an array or nested lists.
        y: labels, shape (example,), likewise.
        threats: strengths η by norm, such as ``{"linf": 8 / 255, "l2": 0.5}``.
        protocol: name in ``protocols.toml``, or a protocol of one's own.
        attack_samples: S_A, samples in each step of an attack.
        clip: smallest and largest pixel of x + δ, or None for no clipping.
        seed: root seed.
        repeat: counter of the repetition.
        block: counter of the block of images.
        first_example: index of the first image in its data set, for the coordinate.
        show: images under each threat to keep with their δ, of those that withstood and of those
            that fell.
        memory_budget: bytes that samples and their evaluation may take.

    Returns:
        A dataset with the variables of the group ``standard``; with ``show`` also those of the
        group ``shown``.

    Raises:
        ArgumentError: for bad images or labels, no threats, or pixels out of the bounds.
        NotFiniteError: for outputs or gradients that are NaN or infinite.

    Example:
        >>> import pyrosnn
        >>> digits = pyrosnn.load_dataset("digits")
        >>> bnn = pyrosnn.train(pyrosnn.preset("bnn", epochs=5, options={"hidden": (16,)}), digits)
        >>> x, y = digits.test_images(10)
        >>> found = standard_evaluation(
        ...     bnn, x, y, threats={"l2": 0.5}, protocol="quick-1", attack_samples=5
        ... )
        >>> found["archive_correct"].dims
        ('example', 'threat')
    """
    x, y = batch_for(classifier, x, y, move=True)
    require(len(threats) >= 1, "got no threats; give strengths by norm, such as {'linf': 8 / 255}")
    facing = [Threat(norm=norm, strength=strength) for norm, strength in threats.items()]
    plan = find_protocol(protocol) if isinstance(protocol, str) else protocol

    def draw(stream: str, number: int) -> SampleSet:
        return draw_sample_set(
            classifier,
            x,
            number,
            seed=seed,
            stream=stream,
            repeat=repeat,
            block=block,
            memory_budget=memory_budget,
        )

    for threat in facing:
        warn_of_strengths(x, [threat.strength], APGD(**threat.bound(clip)))
    a = draw("attack", attack_samples)
    v = draw("selection", plan.selection_samples)
    i = draw("inference", plan.inference_samples)
    entries = [entry for entry in plan.entries if classifier.num_classes >= entry.classes]
    found, random = [], []
    for threat in facing:
        attacks = [(entry.against(threat, clip), entry.remaining) for entry in entries]
        found.append(attack_in_turn(classifier, x, y, attacks, a, v))
        control = RandomNoise(**threat.bound(clip), draws=plan.random_draws)
        random.append(attack_in_turn(classifier, x, y, [(control, False)], a, v))
    judged = judge(classifier, x, y, found, random, a, i)
    first = draw("query", plan.inference_samples)
    frozen = [one.delta for pair in zip(random, found, strict=True) for one in pair]
    counts = ask(classifier, x, y, frozen, first, plan.queries)
    known = [
        attack_knowing(classifier, x, y, one.delta, knowing(plan, threat, clip, classifier), i)
        for one, threat in zip(found, facing, strict=True)
    ]
    measured = [one for one in known if one is not None]
    values = {
        **judged,
        **reached(found, random),
        **without_noise(classifier, x, y, found),
        "archive_norm": stacked(
            [
                NORMS[threat.norm].measure(one.delta)
                for one, threat in zip(found, facing, strict=True)
            ]
        ),
        "archive_length": stacked([length(one.delta) for one in found]),
        **({"known_correct": stacked(measured)} if len(measured) == len(known) else {}),
        "queries_correct": by_perturbation(counts),
    }
    coords: dict[str, Any] = {
        "example": np.arange(first_example, first_example + len(x)),
        "label": y.cpu().numpy(),
        "threat": [threat.label for threat in facing],
        "threat_norm": [threat.norm for threat in facing],
        "threat_strength": [threat.strength for threat in facing],
        "entry": [entry.name for entry in entries],
        "perturbation": ["none", "random", "archive"],
    }
    if show:
        kept = shown(x, y, found, values["archive_correct"], show)
        values |= {**kept, "shown_example": kept["shown_example"] + first_example}
        coords["shown"] = np.arange(len(kept["shown_example"]))
    return make_dataset(values, coords)


def knowing(
    plan: Protocol,
    threat: Threat,
    clip: tuple[float, float] | None,
    classifier: StochasticClassifier,
) -> list[Attack]:
    """Return the attacks of the run whose attacker knows I."""
    losses = ["cross-entropy", *(["dlr"] if classifier.num_classes >= 3 else [])]
    return [
        APGD(**threat.bound(clip), loss=loss, steps=plan.known_steps, fixed_samples=True)
        for loss in losses
    ]
