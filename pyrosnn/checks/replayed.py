"""`replay`: a stored sample is a fixed function of one image: no batch norm in training mode."""

import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from pyrosnn.checks.finding import Finding
from pyrosnn.checks.trial import Trial
from pyrosnn.sampling import replay_logits

NAME = "replay"
# Other batches give other rounding: 1e-7 in float32, more after many layers.
TOLERANCE = 1e-3


def replays(trial: Trial) -> Finding:
    """Replay the same samples twice, and on half of the images; look for batch norm in training.

    Args:
        trial: what to check.

    Returns:
        The finding; its value is the largest change of a logit, relative to the largest logit.
    """
    classifier, x = trial.classifier, trial.x
    training = [
        name
        for name, module in classifier.named_modules()
        if isinstance(module, _BatchNorm) and module.training
    ]
    samples = trial.sets()[1]
    logits = replay_logits(classifier, x, samples)
    again = _change(logits, replay_logits(classifier, x, samples))
    # another order of the images, and fewer of them
    rows = torch.arange(0, len(x), 2, device=x.device).flip(0)
    part = replay_logits(classifier, x[rows], samples.for_examples(rows))
    batch = _change(logits[:, rows], part)
    worst = max(again, batch)
    if again > TOLERANCE:
        text = f"logits change by {again:.2g} of the largest between two replays of a sample"
    elif batch > TOLERANCE:
        text = f"logits change by {batch:.2g} of the largest with the other images of the batch"
    else:
        text = f"logits of a replayed sample change by at most {worst:.1g} of the largest"
    if training:
        text += f"; batch norm is in training mode: {', '.join(training)}"
    bad = worst > TOLERANCE or bool(training)
    return Finding(name=NAME, status="fail" if bad else "pass", value=worst, message=text)


def _change(logits: Tensor, others: Tensor) -> float:
    scale = logits.abs().max().clamp(min=torch.finfo(logits.dtype).tiny)
    return float((logits - others).abs().max() / scale)
