"""The tensors that the library works on, by the field's names, with their axes.

Sizes of axes with one name agree within a call; the tests check it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int
from torch import Tensor

Images = Float[Tensor, "example *image"]
"""Images x, or what has their shape: perturbations, directions, gradients. (example, *image)."""

Labels = Int[Tensor, " example"]
"""A class for each image: its label y, or the class c that it is compared with. (example,)."""

ImagesLike = Images | np.ndarray | Sequence[Any]
"""Images as users have them: a tensor, or an array or nested list that becomes one."""

LabelsLike = Labels | np.ndarray | Sequence[Any]
"""Labels as users have them: a tensor, or an array or list that becomes one."""

Logits = Float[Tensor, "sample example class_"]
"""Logits z(x, θ_s) of each sample, or cotangents of them. (sample, example, class)."""

PerClass = Float[Tensor, "example class_"]
"""A number for each image and class, such as a mean prediction. (example, class)."""

PerImage = Float[Tensor, " example"]
"""A number for each image: a loss, a norm, a margin. (example,)."""

Flags = Bool[Tensor, " example"]
"""A yes or no for each image, such as whether it is correct. (example,)."""

Sites = Mapping[str, Tensor]
"""Values of sample sites by name, each (sample, example, *event); one example if shared by all."""
