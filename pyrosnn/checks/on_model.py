"""All checks that need the model."""

from collections.abc import Iterator

from pyrosnn.attacks import Attack
from pyrosnn.checks import MODEL_CHECKS
from pyrosnn.checks.finding import Finding
from pyrosnn.checks.on_result import check_result
from pyrosnn.checks.trial import Trial
from pyrosnn.errors import require, resolve
from pyrosnn.models.batch import batch_for
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.settings import checked_arguments
from pyrosnn.shapes import ImagesLike, LabelsLike

MIN_IMAGES = 10


@checked_arguments
def check_model(
    classifier: StochasticClassifier,
    x: ImagesLike,
    y: LabelsLike,
    *,
    attack: Attack,
    attack_samples: int = 10,
    inference_samples: int = 100,
    seed: int = 0,
) -> list[Finding]:
    """Check a classifier and an attack on some images; a hundred take a few seconds.

    First what :func:`check_result` finds in an evaluation of five repeats, then what needs the
    model itself. Every repeat draws fresh A and I. The checks of the standard protocol need its
    result.

    Args:
        classifier: the classifier.
        x: images, shape (example, *image), at least 10; 50 to 200 are a good number.
        y: labels, shape (example,).
        attack: the attack that the evaluation is to use, at a strength that breaks many images.
        attack_samples: S_A.
        inference_samples: S_I.
        seed: root seed of all samples.

    Returns:
        A finding for each name in ``RESULT_CHECKS`` and ``MODEL_CHECKS``.

    Raises:
        ArgumentError: for bad images or labels, fewer than 10 images, sizes below 1, or a strength
            of 0.

    Example:
        >>> import pyrosnn
        >>> digits = pyrosnn.load_dataset("digits")
        >>> bnn = pyrosnn.train(pyrosnn.preset("bnn", epochs=5, options={"hidden": (16,)}), digits)
        >>> x, y = digits.test_images(40)
        >>> found = check_model(bnn, x, y, attack=pyrosnn.FGM(strength=0.5), inference_samples=20)
        >>> any(finding.status == "fail" for finding in found)
        False
    """
    x, y = batch_for(classifier, x, y, move=True)
    require(
        len(x) >= MIN_IMAGES,
        f"checks need at least {MIN_IMAGES} images, got {len(x)}; 50 to 200 are a good number",
    )
    require(attack.strength > 0, "the attack's strength must be > 0 to be checked, got 0")
    trial = Trial(
        classifier=classifier,
        x=x,
        y=y,
        attack=attack,
        attack_samples=attack_samples,
        inference_samples=inference_samples,
        seed=seed,
    )
    return [*check_result(trial.result), *model_findings(trial)]


def model_findings(trial: Trial) -> Iterator[Finding]:
    """Yield what the checks that need the model itself find, one by one.

    Args:
        trial: what to check.
    """
    for name in MODEL_CHECKS:
        yield resolve(MODEL_CHECKS, name, "check")(trial)
