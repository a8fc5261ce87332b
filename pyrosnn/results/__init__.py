"""Results: labelled arrays and the netCDF files that hold them."""

from pyrosnn.results.dataset import combine, combine_repeats, make_dataset
from pyrosnn.results.files import (
    make_result,
    open_results,
    read_provenance,
    read_spec,
    save_results,
)
from pyrosnn.results.provenance import TIME_KEYS, make_provenance
from pyrosnn.results.schema import DIMS, GROUP, SCHEMA_VERSION, VARIABLES

__all__ = [
    "DIMS",
    "GROUP",
    "SCHEMA_VERSION",
    "TIME_KEYS",
    "VARIABLES",
    "combine",
    "combine_repeats",
    "make_dataset",
    "make_provenance",
    "make_result",
    "open_results",
    "read_provenance",
    "read_spec",
    "save_results",
]
