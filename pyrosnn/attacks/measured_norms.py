"""The norms in which a function's perturbations are measured: more than our attacks bound."""

from typing import NoReturn

from pyrosnn.attacks.norms import NORMS, Norm
from pyrosnn.errors import ArgumentError
from pyrosnn.shapes import Images, PerImage


def total(v: Images) -> PerImage:
    """Return the sum of each image's absolute entries."""
    return v.flatten(1).abs().sum(1)


def count(v: Images) -> PerImage:
    """Return the number of each image's entries that are not zero."""
    return (v.flatten(1) != 0).sum(1).to(v.dtype)


def _only_measured(*_: object) -> NoReturn:
    raise ArgumentError(
        f"attacks of pyrosnn bound δ in {' or '.join(NORMS)}; perturbations of other norms come "
        "from functions, and are only measured: ExternalAttack(function=…, norm=…)"
    )


MEASURED_NORMS = {
    **NORMS,
    **{
        name: Norm(
            measure=measure,
            steepest=_only_measured,
            project=_only_measured,
            draw=_only_measured,
        )
        for name, measure in (("l1", total), ("l0", count))
    },
}
