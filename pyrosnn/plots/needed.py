"""What a figure needs of a result beside its values, asked for all at once."""

from collections.abc import Sequence

import xarray as xr

from pyrosnn.errors import require
from pyrosnn.results import GROUP, read_provenance, read_spec


def require_entries(
    result: xr.DataTree,
    *,
    provenance: Sequence[str] = (),
    spec: Sequence[str] = (),
    variables: Sequence[str] = (),
    group: str = GROUP,
) -> None:
    """Refuse a result that lacks what its figure shows.

    Args:
        result: what a study returned, or a result of the library.
        provenance: names that its provenance must have.
        spec: names that its spec must have.
        variables: variables that its values must have.
        group: the group of these variables.

    Raises:
        ArgumentError: naming all that is missing, and where it belongs.
    """
    values = result[group].dataset if group in result.children else xr.Dataset()
    held = {
        "provenance": (provenance, read_provenance(result)),
        "spec": (spec, read_spec(result)),
        f"group {group}": (variables, values.variables),
    }
    missing = {
        place: [f"'{name}'" for name in names if name not in has]
        for place, (names, has) in held.items()
    }
    lacking = [f"{', '.join(names)} in its {place}" for place, names in missing.items() if names]
    require(
        not lacking,
        f"the figure needs {' and '.join(lacking)}, which the result lacks; give them to "
        "make_result(values, study=…, spec={…}, provenance={…})",
    )
