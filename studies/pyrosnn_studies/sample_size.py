"""Adversarial accuracy and cosine against the number of attack samples.

Figures 4 and 5 of the paper. Figures 8 to 14 have other norms, other losses
and PGD.
"""

from pyrosnn.plots import sample_size_figure
from pyrosnn_studies.grid_study import grid_study
from pyrosnn_studies.tables import size_tables

STUDY = grid_study("sample-size", tables=size_tables, figure=sample_size_figure)
