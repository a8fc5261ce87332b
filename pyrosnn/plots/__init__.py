"""Figures of a result, drawn on axes that the caller owns; no global matplotlib state."""

from pyrosnn.plots.sample_size import plot_accuracy, plot_cosines, sample_size_figure

__all__ = ["plot_accuracy", "plot_cosines", "sample_size_figure"]
