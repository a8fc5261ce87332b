"""Adversarial accuracy and cosine against the number of attack samples.

Figures 4 and 5 of the paper. Figures 8 to 14 have other norms, other losses
and PGD.
"""

import xarray as xr

from pyrosnn.plots import sample_size_figure
from pyrosnn.tables import Table
from pyrosnn_studies.grid_study import grid_study
from pyrosnn_studies.tables import accuracy_by_size, cosines


def _tables(result: xr.DataTree) -> list[Table]:
    return [accuracy_by_size(result), cosines(result)]


STUDY = grid_study("sample-size", tables=_tables, figure=sample_size_figure)
