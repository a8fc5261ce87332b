"""The values of an evaluation: of a result, or as ``evaluate`` returned them."""

import xarray as xr

from pyrosnn.errors import ArgumentError, require
from pyrosnn.results import GROUP, GROUPS
from pyrosnn.results.dataset import with_repeat
from pyrosnn.results.schema import OF_GRADIENTS
from pyrosnn.settings import check_argument

Evaluated = xr.DataTree | xr.Dataset


def group_of(result: xr.DataTree, group: str) -> xr.Dataset:
    """Return the values of one kind from a result.

    Args:
        result: what ``open_results``, a study or ``make_result`` returned.
        group: kind of the values, a name in ``GROUPS``.

    Raises:
        ArgumentError: for a path or anything else, and for a result of another kind.
    """
    check_argument("result", result, xr.DataTree)
    if group not in result.children:
        raise ArgumentError(
            f"the result of '{result.attrs.get('study', 'unknown')}' has no group '{group}' but "
            f"{', '.join(map(str, result.children)) or 'none'}; give one of a study that "
            f"{_STUDIES[group]}"
        )
    return result[group].dataset


# What the studies of a kind of values do.
_STUDIES = {
    GROUP: "attacks images",
    "ablation": "reads the paper's evaluation in several ways (ablation)",
    "angles": "simulates angles (gaussian-angles)",
    "variation": "measures single predictions (prediction-variance)",
    "moments": "measures moments (diagnosis)",
    "standard": "runs the standard evaluation (pyrosnn evaluate)",
    "certificates": "certifies images (pyrosnn certify)",
    "verification": "verifies stored samples (pyrosnn verify)",
}


def evaluation_of(result: Evaluated) -> xr.Dataset:
    """Return the values of attacked images, with the dimension ``repeat``.

    Args:
        result: what ``open_results``, a study or ``make_result`` returned, or what ``evaluate`` or
            ``combine_repeats`` did.

    Raises:
        ArgumentError: for a path or anything else, and for a result without such values.
    """
    if isinstance(result, xr.Dataset):
        missing = sorted(GROUPS[GROUP] - OF_GRADIENTS - set(result.data_vars))
        require(
            not missing,
            f"the dataset has no {', '.join(missing)}; give what evaluate or combine_repeats "
            "returned",
        )
        return with_repeat(result, 0)
    return group_of(result, GROUP)
