"""Accuracy, cosine, gradient norm and margin against the number of inference samples.

Table 2 and figures 6 and 15 to 17 of the paper. Sizes are compared in
pairs, on the same images under the same attack.
"""

from pyrosnn.plots import inference_size_figure
from pyrosnn_studies.grid_study import grid_study
from pyrosnn_studies.inference_size_tables import inference_size_tables

STUDY = grid_study("inference-size", tables=inference_size_tables, figure=inference_size_figure)
