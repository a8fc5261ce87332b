"""All checks that need only a result file."""

import xarray as xr

from pyrosnn.checks import (
    CERTIFICATE_CHECKS,
    RESULT_CHECKS,
    STANDARD_CHECKS,
    VERIFICATION_CHECKS,
)
from pyrosnn.checks.finding import Finding
from pyrosnn.checks.stored import STORED, stored_findings
from pyrosnn.errors import resolve
from pyrosnn.results import GROUP, make_result
from pyrosnn.settings import checked_arguments
from pyrosnn.summaries.evaluated import Evaluated, evaluation_of

# The checks of each kind of values.
TABLES = {
    GROUP: RESULT_CHECKS,
    "standard": STANDARD_CHECKS,
    "certificates": CERTIFICATE_CHECKS,
    "verification": VERIFICATION_CHECKS,
}
# The groups of a result that has findings.
CHECKED = frozenset({*TABLES, STORED})


@checked_arguments
def check_result(result: Evaluated) -> list[Finding]:
    """Check an evaluation from its result alone.

    Args:
        result: what ``open_results``, a study, ``make_result`` or ``evaluate`` returned. What
            ``evaluate`` returned has no settings, and some checks need them.

    Returns:
        A finding for each name in ``RESULT_CHECKS`` if the result has the group ``evaluation``, and
        for each in ``STANDARD_CHECKS`` if it has ``standard``, in ``CERTIFICATE_CHECKS`` if it has
        ``certificates``, in ``VERIFICATION_CHECKS`` if it has ``verification``. The findings that
        it holds in the group ``checks``, such as those of its model, follow.

    Raises:
        ArgumentError: for a result without any of these groups, naming what it has.

    Example:
        >>> import pyrosnn
        >>> digits = pyrosnn.load_dataset("digits")
        >>> bnn = pyrosnn.train(pyrosnn.preset("bnn", epochs=5), digits)
        >>> x, y = digits.test_images(50)
        >>> A, I = pyrosnn.disjoint_sample_sets(bnn, x, attack=10, inference=50, seed=0)
        >>> sets = {"attack_samples": A, "inference_samples": I}
        >>> values = pyrosnn.evaluate(bnn, x, y, attack=pyrosnn.FGM(strength=0.5), **sets)
        >>> result = pyrosnn.make_result(values, study="mine", spec={}, provenance={})
        >>> found = {finding.name: finding.status for finding in check_result(result)}
        >>> found["perturbation-norm"]
        'pass'
    """
    known = isinstance(result, xr.DataTree) and bool(CHECKED & {*result.children})
    if not (isinstance(result, xr.DataTree) and known and "spec" in result.attrs):
        # what ``evaluate`` returned, or an error that says what is missing
        values = evaluation_of(result)
        result = make_result(values, study="", spec={}, provenance={})
    findings = [
        resolve(table, name, "check")(result)
        for group, table in TABLES.items()
        if group in result.children
        for name in table
    ]
    names = {finding.name for finding in findings}
    return findings + [stored for stored in stored_findings(result) if stored.name not in names]
