"""The variables of a result: their dimensions, types, names and units, in one table."""

from dataclasses import dataclass

SCHEMA_VERSION = 1

DIMS = ("repeat", "example", "strength", "attack_samples", "inference_samples")

GROUP = "evaluation"


@dataclass(frozen=True)
class Variable:
    """How a variable is stored.

    Attributes:
        dims: its dimensions, in the order of ``DIMS``, without ``repeat``.
        dtype: numpy type.
        long_name: what it is, in a figure's words.
        units: its unit; ``1`` for pure numbers.
    """

    dims: tuple[str, ...]
    dtype: str
    long_name: str
    units: str = "1"


ATTACKED = ("example", "strength", "attack_samples", "inference_samples")

VARIABLES = {
    "clean_correct": Variable(
        ("example", "inference_samples"), "bool", "image classified correctly by I"
    ),
    "attack_correct": Variable(
        ("example", "attack_samples"), "bool", "image classified correctly by A"
    ),
    "adversarial_correct": Variable(
        ATTACKED, "bool", "attacked image classified correctly by I (raw)"
    ),
    "linear_condition": Variable(ATTACKED, "bool", "linear robustness condition (theorem 4.1)"),
    "smooth_condition": Variable(ATTACKED, "bool", "smooth robustness condition (theorem 4.2)"),
    "cosine": Variable(ATTACKED, "float32", "cosine of the angle between δ and -∇(f_y - f_j)"),
    # float64: a saturated softmax makes gradients too small, and radii too large, for float32
    "radius": Variable(
        ATTACKED, "float64", "smallest linear radius min_c r̃_c along δ", "pixel value"
    ),
    "margin": Variable(ATTACKED, "float32", "margin f_y - f_j to the nearest class", "f"),
    "gradient_norm": Variable(
        ATTACKED, "float64", "gradient norm ‖∇(f_y - f_j)‖₂", "f / pixel value"
    ),
    "nearest_class": Variable(ATTACKED, "int16", "nearest class j = argmin_c r̃_c"),
    "perturbation_norm": Variable(
        ("example", "strength", "attack_samples"),
        "float32",
        "true norm of δ, in the attack's norm",
        "pixel value",
    ),
    "zero_gradient": Variable(
        ("example", "attack_samples"), "bool", "loss gradient is zero, so δ = 0"
    ),
}

# what every result has; the smooth condition needs a constant L
REQUIRED = set(VARIABLES) - {"smooth_condition"}

COORDINATES = {
    "repeat": ("repetition with fresh sample sets", "1"),
    "example": ("index of the image in the test split", "1"),
    "strength": ("perturbation strength η", "pixel value"),
    "attack_samples": ("samples in the attack set, S_A", "1"),
    "inference_samples": ("samples in the inference set, S_I", "1"),
    "label": ("true class of the image", "1"),
}
