"""Two attacks on the same A and I: the first must not leave a higher accuracy."""

import numpy as np

from pyrosnn.checks.differences import significantly_positive, status_of
from pyrosnn.checks.finding import Finding
from pyrosnn.checks.trial import Trial

Named = tuple[str, np.ndarray]


def compare(name: str, trial: Trial, weaker: Named, stronger: Named) -> Finding:
    """Compare accuracies in pairs, repeat by repeat.

    Args:
        name: the check's name.
        trial: what was attacked.
        weaker: name and accuracies, shape (repeat,), of the attack that must not be the weaker one.
        stronger: those of the attack that it is compared with.

    Returns:
        The finding; it fails where the first accuracy is higher by more than 0.02, significantly,
        and warns where it is higher by less. Its value is the mean difference.
    """
    rise = weaker[1] - stronger[1]
    # a nearly deterministic classifier has the same image more in each of five draws: one is no
    # finding, and two are
    significant = bool(significantly_positive(rise, grain=2 / len(trial.x)))
    mean = float(rise.mean())
    text = f"accuracy {weaker[1].mean():.3f} {weaker[0]}, {stronger[1].mean():.3f} {stronger[0]}"
    return Finding(name=name, status=status_of(mean, significant), value=mean, message=text)
