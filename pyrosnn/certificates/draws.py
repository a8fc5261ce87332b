"""Independent joint draws (θ, ε) of a classifier, and the class that they are to certify."""

import torch

from pyrosnn.certificates.tally import Tally
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.models.smoothed import Smoothed
from pyrosnn.sampling import AfterTrunk, SampleSet, predict, replay
from pyrosnn.sampling.replay import require_finite
from pyrosnn.shapes import Images, Labels

# Streams of their own: no attack, decision or judgement sees these samples.
SELECTION, CERTIFICATION = "certificate-selection", "certificate"


def joint_draws(classifier: StochasticClassifier) -> StochasticClassifier:
    """Return the classifier with one noise for each sample, so that samples are independent draws.

    K noises that share one θ are one draw of their mean, not K draws. With a single noise the
    expectation is the same, and every sample is a draw of votes and scores.

    Args:
        classifier: the classifier.

    Example:
        >>> from pyrosnn.models import build_model
        >>> bnn = build_model("bnn", image_shape=(1, 8, 8), num_classes=10)
        >>> joint_draws(Smoothed(bnn, variance=0.1, num_noise=10)).num_noise
        1
    """
    if not isinstance(classifier, Smoothed):
        return classifier
    return Smoothed(joint_draws(classifier.base), variance=classifier.variance, num_noise=1)


def tally_of(
    classifier: StochasticClassifier, x: Images, chosen: Labels, samples: SampleSet
) -> Tally:
    """Count votes, scores and margins of a sample set, a chunk of samples at a time.

    Args:
        classifier: the classifier, whose samples are joint draws.
        x: images.
        chosen: the class to certify, for each image; the samples took no part in the choice.
        samples: the sample set.

    Raises:
        NotFiniteError: for logits that are NaN or infinite.
    """
    tally = Tally(chosen, classifier.num_classes, classifier.output)
    values = AfterTrunk(classifier, x, samples.memory_budget).values
    for chunk in replay(classifier, len(x), samples):
        logits = chunk.logits(values)
        require_finite(logits.transpose(0, 1))
        tally.add(logits)
    return tally


def choose_classes(
    classifier: StochasticClassifier, x: Images, samples: SampleSet
) -> tuple[Labels, Labels]:
    """Return the classes with the most votes, and those with the largest mean scores.

    Args:
        classifier: the classifier, whose samples are joint draws.
        x: images.
        samples: the selection set.
    """
    by_mean = predict(classifier, x, samples).predicted
    votes = tally_of(classifier, x, by_mean, samples).votes
    return torch.from_numpy(votes).argmax(-1).to(by_mean.device), by_mean
