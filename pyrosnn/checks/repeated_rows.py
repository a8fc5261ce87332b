"""`repeated-rows`: rows of a batch that repeat an image differ by their noise, and by it alone."""

from dataclasses import replace

import torch
from torch import Tensor

from pyrosnn.attacks import loss_gradient
from pyrosnn.checks.finding import Finding
from pyrosnn.checks.trial import Trial
from pyrosnn.errors import NoGradientError
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.sampling import SampleSet, draw_sample_set, replay_logits
from pyrosnn.shapes import Images, Labels

NAME = "repeated-rows"
NUM_ROWS, NUM_SAMPLES = 4, 8
# Other batches give other rounding: 1e-7 in float32, more after many layers.
TOLERANCE = 1e-3
# Spread of logits over samples, relative to the largest: rounding stays below.
SMALLEST_SPREAD = 1e-5


def repeated_rows(trial: Trial) -> Finding:
    """Repeat an image in a batch, with one sample for all rows, and with samples of their own.

    With one sample, logits and gradients must be the same in all rows; with any, they must be those
    of the row alone. A site that is drawn for each image must make the rows differ where it makes
    samples differ: a model that uses one row's noise for the whole batch has fewer samples than it
    says.

    Args:
        trial: what to check; its first image.

    Returns:
        The finding; its value is the smallest ratio, over sites that are drawn for each image, of
        the spread over rows to that over samples, and 1 if all noise is shared. Where a row
        differs that must not, it is the relative difference.
    """
    classifier, image = trial.classifier, trial.x[:1]
    x = image.repeat(NUM_ROWS, *[1] * (image.ndim - 1))
    y = trial.y[:1].repeat(NUM_ROWS)
    samples = draw_sample_set(classifier, x, NUM_SAMPLES, seed=trial.seed, stream=NAME).load()
    of_first = samples.for_examples(torch.zeros_like(y))
    sharing = _sharing(classifier, x, samples, of_first)
    for set_, rows in ((of_first, slice(None)), (samples, slice(-1, None))):
        differences = _differences(classifier, x, y, set_, rows)
        kind, difference = max(differences, key=lambda pair: pair[1])
        if difference > TOLERANCE:
            text = f"{kind} of a row differ by {difference:.2g} of the largest from those alone"
            return Finding(name=NAME, status="fail", value=difference, message=text)
        if sharing.status == "fail":  # which makes a row differ from itself alone, too
            return sharing
    return sharing


def _sharing(
    classifier: StochasticClassifier, x: Images, samples: SampleSet, of_first: SampleSet
) -> Finding:
    """Return whether each site that is drawn for each image makes rows differ."""
    if classifier.per_example and not samples.per_image:
        text = "the classifier says that it has noise of each image (per_example), but no site has"
        return Finding(name=NAME, status="fail", value=0.0, message=text)
    ratios = {
        site: ratio
        for site in sorted(samples.per_image)
        if (ratio := _ratio(classifier, x, samples, of_first, site)) is not None
    }
    if not ratios:
        text = "equal rows have equal outputs; the images of a batch share all noise"
        return Finding(name=NAME, status="pass", value=1.0, message=text)
    site = min(ratios, key=lambda name: ratios[name])
    ratio = ratios[site]
    text = f"site '{site}' makes rows of one image differ {ratio:.2g} times as much as samples"
    if ratio > TOLERANCE:
        return Finding(name=NAME, status="pass", value=ratio, message=text)
    text += ": the batch shares noise that should be each image's own"
    return Finding(name=NAME, status="fail", value=ratio, message=text)


def _differences(
    classifier: StochasticClassifier, x: Images, y: Labels, samples: SampleSet, rows: slice
) -> list[tuple[str, float]]:
    """Return how much logits and gradients of some rows differ from those of the last alone."""
    last = samples.for_examples(torch.arange(NUM_ROWS - 1, NUM_ROWS, device=x.device))
    logits = replay_logits(classifier, x, samples)[:, rows]
    of_logits = ("logits", _relative(logits, replay_logits(classifier, x[-1:], last)))
    settings = {"loss": "margin", "gradient": "mean_prediction"}
    try:
        batch = loss_gradient(classifier, x, y, samples, **settings)
        alone = loss_gradient(classifier, x[-1:], y[-1:], last, **settings)
    except NoGradientError:
        return [of_logits]
    return [
        of_logits,
        ("gradients", _relative(batch.direction[rows], alone.direction)),
        ("gradients", _relative(batch.scale[rows], alone.scale)),
    ]


def _relative(values: Tensor, others: Tensor) -> float:
    """Return the largest difference by the largest value; 0 if all are 0."""
    scale = torch.maximum(values.abs().max(), others.abs().max())
    return float((values - others).abs().max() / scale.clamp(min=torch.finfo(scale.dtype).tiny))


def _ratio(
    classifier: StochasticClassifier, x: Images, samples: SampleSet, of_first: SampleSet, site: str
) -> float | None:
    """Return the spread over rows by that over samples of one site alone; None without any.

    Args:
        classifier: the classifier.
        x: the repeated image.
        samples: samples of each row.
        of_first: the same with the first row's values in all rows.
        site: the site that varies; all others have one value.
    """
    fixed = {name: value[:1].expand_as(value) for name, value in of_first.tensors.items()}
    varied = replace(samples, stored={**fixed, site: samples.tensors[site]})
    logits = replay_logits(classifier, x, varied).double()
    over_samples, over_rows = (float(logits.var(dim).mean().sqrt()) for dim in (0, 1))
    if over_samples <= SMALLEST_SPREAD * float(logits.abs().max()):
        return None
    return over_rows / over_samples
