"""Results: labelled arrays and the netCDF files that hold them.

Reading a result needs neither torch nor Pyro; ``pyrosnn.results.provenance``, which does, is
for those who make one.
"""

from pyrosnn.results.compact import compact_result
from pyrosnn.results.dataset import combine, combine_repeats, make_dataset
from pyrosnn.results.digest import result_digest
from pyrosnn.results.files import (
    make_result,
    open_results,
    read_provenance,
    read_spec,
    save_results,
)
from pyrosnn.results.merge import merge_results
from pyrosnn.results.schema import DIMS, GROUP, GROUPS, SCHEMA_VERSION, TIME_KEYS, VARIABLES

__all__ = [
    "DIMS",
    "GROUP",
    "GROUPS",
    "SCHEMA_VERSION",
    "TIME_KEYS",
    "VARIABLES",
    "combine",
    "combine_repeats",
    "compact_result",
    "make_dataset",
    "make_result",
    "merge_results",
    "open_results",
    "read_provenance",
    "read_spec",
    "result_digest",
    "save_results",
]
