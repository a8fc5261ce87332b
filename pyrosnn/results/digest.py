"""A digest of a whole result: equal if two runs gave the same values."""

import hashlib
import json

import numpy as np
import xarray as xr

from pyrosnn.results.schema import TIME_KEYS


def result_digest(result: xr.DataTree) -> str:
    """Return the SHA-256 of a result, without its times.

    Values, types, dimensions, coordinates and attributes of every array, the spec, and the
    provenance without ``created`` and ``wall_time_s``.

    Args:
        result: what a study or ``open_results`` returned.

    Example:
        >>> import numpy as np
        >>> from pyrosnn.results import make_dataset, make_result
        >>> def made(seconds, cosine):
        ...     values = make_dataset({"angle": np.array([[cosine]])}, {})
        ...     spec, provenance = {"images": 1}, {"wall_time_s": seconds}
        ...     return make_result(
        ...         values, study="mine", spec=spec, provenance=provenance, group="angles"
        ...     )
        >>> result_digest(made(1.0, 0.5)) == result_digest(made(2.0, 0.5))
        True
        >>> result_digest(made(1.0, 0.5)) == result_digest(made(1.0, 0.6))
        False
    """
    sha = hashlib.sha256()
    attrs = dict(result.attrs)
    provenance = json.loads(attrs["provenance"])
    attrs["provenance"] = {k: v for k, v in provenance.items() if k not in TIME_KEYS}
    sha.update(_text({name: _plain(value) for name, value in attrs.items()}))
    for group in sorted(result.children):
        arrays = result[group].dataset
        for name in sorted(map(str, arrays.variables)):
            variable = arrays.variables[name]
            values = np.ascontiguousarray(variable.values)
            if values.dtype.kind in "OUT":  # texts, whose numpy type a file does not keep
                content, dtype = _text(values.tolist()), "text"
            else:
                content, dtype = values.tobytes(), values.dtype.str
            attributes = {key: _plain(value) for key, value in variable.attrs.items()}
            sha.update(_text([group, name, variable.dims, values.shape, dtype, attributes]))
            sha.update(content)
    return sha.hexdigest()


def _plain(value: object) -> object:
    return value.item() if isinstance(value, np.generic) else value


def _text(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, ensure_ascii=False).encode()
