"""Table 1 of the paper: spread of single predictions and of their gradients."""

import numpy as np
import pandas as pd
import xarray as xr

from pyrosnn.summaries.evaluated import group_of
from pyrosnn.summaries.reading import of_result


@of_result
def variation_table(result: xr.DataTree) -> pd.DataFrame:
    r"""Return the variation between single samples, as means over images.

    Args:
        result: a result of ``prediction-variance``.

    Returns:
        One row a quantity, with a column for the label's discriminant $f_y$, as in the paper,
        and one for the margin: standard deviation and variance of the prediction, length of the
        mean gradient (plug-in, and as the root of the unbiased square, 0 where that is
        negative), standard deviation of the gradient's entries, and the noise scale
        $\operatorname{tr} \Sigma / \|\mu\|^2$ of the means over images.
    """
    values = group_of(result, "variation")
    means = values.mean("example")
    columns = {}
    for gradient in values["gradient"].values:
        of = means.sel(gradient=gradient)
        square = of["gradient_square"]
        squares = values["gradient_square"].sel(gradient=gradient)
        label = gradient == "label"
        columns[str(gradient)] = {
            "std of prediction": float(means["prediction_std"]) if label else np.nan,
            "variance of prediction": (
                float((values["prediction_std"] ** 2).mean()) if label else np.nan
            ),
            "gradient length, plug-in": float(of["plugin_length"]),
            "from the unbiased square": float(np.sqrt(squares.clip(min=0)).mean()),
            "std of gradient entries": float(of["gradient_entry_std"]),
            "noise scale": float((of["gradient_trace"] / square).where(square > 0)),
        }
    return pd.DataFrame(columns).rename(columns={"label": "of f_y", "margin": "of the margin"})
