"""Share of images that fulfil a condition (linear, smooth, interval), and the accuracy.

Figures 3 and 7 of the paper, and the interval condition: the best that margin
and slope allow. The model is averaged over Gaussian noise, with ten draws for
each sample. The variance is that of its training, or --smoothing-variance.
"""

from pyrosnn.plots import conditions_figure
from pyrosnn_studies.conditions_tables import conditions_tables
from pyrosnn_studies.grid_study import grid_study

STUDY = grid_study("conditions", tables=conditions_tables, figure=conditions_figure, smoothed=True)
