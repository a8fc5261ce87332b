"""All checks that need only a result file."""

import xarray as xr

from pyrosnn.checks import RESULT_CHECKS
from pyrosnn.checks.finding import Finding
from pyrosnn.errors import resolve
from pyrosnn.results import make_result
from pyrosnn.summaries.evaluated import Evaluated, evaluation_of


def check_result(result: Evaluated) -> list[Finding]:
    """Check an evaluation from its result alone.

    Args:
        result: what ``open_results``, a study, ``make_result`` or ``evaluate`` returned. What
            ``evaluate`` returned has no settings, and some checks need them.

    Returns:
        A finding for each name in ``RESULT_CHECKS``.

    Raises:
        ArgumentError: for a result without the group ``evaluation``, naming what it has.

    Example:
        >>> import pyrosnn
        >>> digits = pyrosnn.load_dataset("digits")
        >>> bnn = pyrosnn.train(pyrosnn.preset("bnn", epochs=5), digits)
        >>> x, y = digits.test_images(50)
        >>> A, I = pyrosnn.disjoint_sample_sets(bnn, x, attack=10, inference=50, seed=0)
        >>> sets = {"attack_samples": A, "inference_samples": I}
        >>> values = pyrosnn.evaluate(bnn, x, y, attack=pyrosnn.FGM(strength=0.5), **sets)
        >>> result = pyrosnn.make_result(values, study="mine", spec={}, provenance={})
        >>> found = check_result(result)
        >>> found[0].name, found[0].status
        ('perturbation-norm', 'pass')
    """
    values = evaluation_of(result)
    if isinstance(result, xr.Dataset) or "spec" not in result.attrs:
        result = make_result(values, study="", spec={}, provenance={})
    return [resolve(RESULT_CHECKS, name, "check")(result) for name in RESULT_CHECKS]
