"""The variables of a result: their dimensions, types, names and units, in one table."""

from dataclasses import dataclass

SCHEMA_VERSION = 1

DIMS = (
    "repeat",
    "example",
    "gradient",
    "direction",
    "subset",
    "fold",
    "strength",
    "attack_samples",
    "inference_samples",
    "smoothness",
    "variant",
    "mean_scale",
    "variance_scale",
    "threat",
    "entry",
    "perturbation",
    "check",
    "shown",
    "axis",
    "pixel",
    "certificate",
    "distance",
)

# What a provenance says that another run of the same study does not repeat.
TIME_KEYS = ("created", "wall_time_s")

# The group of what ``evaluate`` gives; ``GROUPS`` below has all.
GROUP = "evaluation"


@dataclass(frozen=True)
class Variable:
    """The stored form of a variable.

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
PER_GRADIENT = ("example", "gradient")
PER_DIRECTION = ("example", "direction")
PER_VARIANT = ("repeat", "variant")
ANGLES = ("mean_scale", "variance_scale")
PER_THREAT = ("example", "threat")
PER_STRENGTH = ("example", "strength")
PER_ENTRY = ("example", "threat", "entry")
PER_CERTIFICATE = ("example", "certificate")

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
    "predicted_class": Variable(ATTACKED, "int32", "class that I predicts for the attacked image"),
    "linear_condition": Variable(ATTACKED, "bool", "linear robustness condition (theorem 4.1)"),
    "smooth_condition": Variable(
        (*ATTACKED, "smoothness"), "bool", "smooth robustness condition (theorem 4.2)"
    ),
    "interval_condition": Variable(ATTACKED, "bool", "interval condition (theorem 4.2 made tight)"),
    "interval_radius": Variable(
        ATTACKED,
        "float64",
        "length along δ up to which the interval condition holds",
        "pixel value",
    ),
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
    # of attacks in another norm than ℓ2: margins and gradients are along an ℓ2 length
    "perturbation_length": Variable(
        ("example", "strength", "attack_samples"), "float32", "length ‖δ‖₂ of δ", "pixel value"
    ),
    "zero_gradient": Variable(
        ("example", "strength", "attack_samples"),
        "bool",
        "loss gradient is zero in every step of the attack",
    ),
    "num_gradients": Variable(
        ("strength", "attack_samples"),
        "int64",
        "gradients of single samples that the attack computed for each image",
    ),
    "test_accuracy": Variable(
        ("inference_samples",), "float64", "share of all test images classified correctly by I"
    ),
    "prediction_mean": Variable(("example",), "float64", "mean of single predictions f_y", "f"),
    "prediction_std": Variable(
        ("example",), "float64", "standard deviation of single predictions f_y", "f"
    ),
    "runner_up": Variable(("example",), "int16", "runner-up class c of the mean prediction"),
    "plugin_length": Variable(
        PER_GRADIENT, "float64", "length of the mean gradient, plug-in", "f / pixel value"
    ),
    "gradient_square": Variable(
        PER_GRADIENT,
        "float64",
        "squared length of the expected gradient, unbiased",
        "f^2 / pixel value^2",
    ),
    "gradient_trace": Variable(
        PER_GRADIENT,
        "float64",
        "trace of the covariance of a single sample's gradient",
        "f^2 / pixel value^2",
    ),
    "gradient_entry_std": Variable(
        PER_GRADIENT,
        "float64",
        "standard deviation of a single sample's gradient, mean over pixels",
        "f / pixel value",
    ),
    "alignment": Variable(
        ("example",),
        "float64",
        "inner product of the expected gradients of f_y and of f_y - f_c, unbiased",
        "f^2 / pixel value^2",
    ),
    "nearest": Variable(
        ("example",), "int16", "class whose boundary an attack with all samples meets first"
    ),
    **{
        f"{name}{suffix}": Variable(
            (*dims, *folds), "float64", f"{long_name}{without}", "f^2 / pixel value^2"
        )
        for name, dims, long_name in (
            ("direction_square", PER_DIRECTION, "squared length of the mean gradient, unbiased"),
            ("direction_trace", PER_DIRECTION, "trace of the covariance of a sample's gradient"),
            ("direction_product", ("example",), "inner product of the mean gradients, unbiased"),
        )
        for suffix, folds, without in (
            ("", (), ""),
            ("_without", ("fold",), ", without a group of samples"),
        )
    },
    **{
        f"{name}{suffix}": Variable((*dims, *folds), "float64", f"{long_name}{without}", units)
        for name, dims, long_name, units in (
            ("resampled_cosine", ("example", "subset"), "mean cosine of resampled A and I", "1"),
            (
                "unit_product",
                ("example",),
                "inner product of the attack's mean gradient and resampled directions of I",
                "f / pixel value",
            ),
        )
        for suffix, folds, without in (
            ("", (), ""),
            ("_without", ("fold",), ", without a group of samples"),
        )
    },
    "divided_correct": Variable(
        ("example", "attack_samples"), "bool", "image classified correctly at an equal budget"
    ),
    "divided_cosine": Variable(
        ("example", "attack_samples"),
        "float32",
        "cosine of the angle between δ and -∇(f_y - f_j) at an equal budget",
    ),
    "divided_steps": Variable(("attack_samples",), "int64", "steps of the attack"),
    "trace_of_square": Variable(
        PER_DIRECTION, "float64", "tr Σ² of a sample's gradient, unbiased", "f^4 / pixel value^4"
    ),
    "quadratic": Variable(PER_DIRECTION, "float64", "μᵀΣμ, unbiased", "f^4 / pixel value^4"),
    "cross_quadratic": Variable(
        PER_DIRECTION, "float64", "μᵀΣμ' with μ of the other direction", "f^4 / pixel value^4"
    ),
    "mean_clean": Variable(PER_VARIANT, "float64", "share of images classified correctly by I"),
    "mean_adversarial": Variable(
        PER_VARIANT, "float64", "share of attacked images classified correctly by I (raw)"
    ),
    "mean_cosine": Variable(PER_VARIANT, "float64", "mean cosine over images"),
    "mean_norm": Variable(PER_VARIANT, "float64", "mean norm of δ over images", "pixel value"),
    "share_zero": Variable(PER_VARIANT, "float64", "share of images with a zero gradient"),
    "share_short": Variable(
        PER_VARIANT, "float64", "share of other images whose δ is shorter than η"
    ),
    "angle": Variable(ANGLES, "float64", "mean angle of two Gaussian vectors", "degree"),
    "angle_error": Variable(ANGLES, "float64", "standard error of the mean angle", "degree"),
    "cosine_first_order": Variable(ANGLES, "float64", "expected cosine, first order"),
    "cosine_second_order": Variable(ANGLES, "float64", "expected cosine, second order"),
    "certified_radius": Variable(
        PER_CERTIFICATE,
        "float64",
        "radius in ℓ2 that is certified for the chosen class, NaN where the certificate abstains",
        "pixel value",
    ),
    "certified_class": Variable(
        PER_CERTIFICATE, "int32", "class that the selection set chose to certify"
    ),
    "vote_bound": Variable(
        ("example",),
        "float64",
        "lower bound of the probability that a single draw is right, 0 for a wrong choice",
    ),
    "own_correct": Variable(
        ("example",), "bool", "image classified correctly by a single draw of its own"
    ),
    "inference_bound": Variable(
        ("example", "distance"),
        "float64",
        "lower bound of the probability that the mean of S_I draws is right under any δ",
    ),
    "attacked_correct": Variable(
        ("example", "distance"),
        "bool",
        "image classified correctly by the mean of S_I draws under an attack of that length",
    ),
    "interval_held": Variable(
        ("example", "distance"), "bool", "interval condition for that attack, of the same draws"
    ),
    "noise_scale": Variable(
        (), "float64", "standard deviation of the noise on the image", "pixel value"
    ),
    "minimal_norm": Variable(
        ("example",),
        "float64",
        "norm of the shortest δ that I misclassifies, in the attack's norm",
        "pixel value",
    ),
    "found_norm": Variable(
        ("example",), "float64", "norm of the shortest δ that V misclassifies", "pixel value"
    ),
    "unattacked_correct": Variable(("example",), "bool", "image classified correctly by I"),
    "unattacked_selected": Variable(("example",), "bool", "image classified correctly by V"),
    "archive_correct": Variable(
        PER_THREAT, "bool", "image at the archive's δ classified correctly by I"
    ),
    "archive_selected": Variable(
        PER_THREAT, "bool", "image at the archive's δ classified correctly by V"
    ),
    "archive_class": Variable(PER_THREAT, "int32", "class that I predicts at the archive's δ"),
    "archive_entry": Variable(
        PER_THREAT, "int16", "attack that found the archive's δ: index of the entry, -1 for none"
    ),
    "archive_norm": Variable(
        PER_THREAT, "float32", "norm of the archive's δ, in the threat's norm", "pixel value"
    ),
    "archive_length": Variable(
        PER_THREAT, "float32", "length ‖δ‖₂ of the archive's δ", "pixel value"
    ),
    "archive_margin": Variable(
        PER_THREAT, "float32", "margin f_y - f_j of the image, to the class nearest along δ", "f"
    ),
    "archive_gradient_norm": Variable(
        PER_THREAT, "float64", "gradient norm ‖∇(f_y - f_j)‖₂ of the image", "f / pixel value"
    ),
    "archive_cosine": Variable(
        PER_THREAT, "float32", "cosine of the angle between the archive's δ and -∇(f_y - f_j)"
    ),
    "entry_correct": Variable(
        PER_ENTRY, "bool", "image at this attack's own δ classified correctly by I"
    ),
    "entry_selected": Variable(
        PER_ENTRY, "bool", "image at this attack's own δ classified correctly by V"
    ),
    "entry_run": Variable(PER_ENTRY, "bool", "this attack was run on the image"),
    "entry_gradients": Variable(
        PER_ENTRY, "float32", "gradients of single samples that it computed, mean over its images"
    ),
    "entry_queries": Variable(
        PER_ENTRY, "float32", "losses of single samples without gradient, mean over its images"
    ),
    "queries_correct": Variable(
        ("example", "threat", "perturbation"),
        "int32",
        "queries with fresh samples that classify the image correctly at a frozen δ",
    ),
    "random_correct": Variable(
        PER_THREAT, "bool", "image at the worst of random δ classified correctly by I"
    ),
    "random_selected": Variable(
        PER_THREAT, "bool", "image at the worst of random δ classified correctly by V"
    ),
    "known_correct": Variable(
        PER_THREAT, "bool", "image classified correctly by I under an attack that knows I"
    ),
    "noise_free_correct": Variable(
        PER_THREAT, "bool", "image at the archive's δ classified correctly without noise"
    ),
    "noise_free_unattacked": Variable(
        ("example",), "bool", "image classified correctly without noise"
    ),
    "verified": Variable(
        PER_STRENGTH, "bool", "mean prediction of the samples certified for all δ"
    ),
    "verified_margin": Variable(
        PER_STRENGTH, "float64", "lower bound of the mean prediction's margin over all δ", "f"
    ),
    "expectation_verified": Variable(
        PER_STRENGTH, "bool", "expectation over Θ certified for all δ, with confidence"
    ),
    "expectation_margin": Variable(
        PER_STRENGTH, "float64", "lower bound of the expectation's margin over all δ", "f"
    ),
    "verified_share": Variable(
        PER_STRENGTH, "float64", "share of samples that are right for all δ, verified"
    ),
    "unbroken": Variable(
        PER_STRENGTH, "bool", "mean prediction of the samples right under an attack that knows them"
    ),
    "unbroken_share": Variable(
        PER_STRENGTH, "float64", "share of samples that an attack on the sample leaves right"
    ),
    "robust_low": Variable(
        PER_STRENGTH, "float64", "lower end of P(Θ is right for all δ), with confidence"
    ),
    "robust_high": Variable(
        PER_STRENGTH, "float64", "upper end of P(Θ is right for all δ), with confidence"
    ),
    "check_status": Variable(("check",), "str", "status of the check"),
    "check_value": Variable(("check",), "float64", "number behind the status"),
    "check_message": Variable(("check",), "str", "finding of the check, a sentence"),
    "shown_example": Variable(("shown",), "int64", "index of the image in the test split"),
    "shown_threat": Variable(("shown",), "int16", "index of the threat"),
    "shown_shape": Variable(("axis",), "int64", "shape of an image, whose pixels are in C order"),
    "shown_image": Variable(("shown", "pixel"), "float32", "image", "pixel value"),
    "shown_attacked": Variable(
        ("shown", "pixel"), "float32", "image at the archive's δ", "pixel value"
    ),
}

# Files of older versions lack the resampled cosines.
MOMENTS = {
    "direction_square",
    "direction_trace",
    "direction_product",
    "direction_square_without",
    "direction_trace_without",
    "direction_product_without",
    "trace_of_square",
    "quadratic",
    "cross_quadratic",
    "nearest",
}

# What a file of each kind must have; all else is optional: the smooth condition needs a
# constant L, the interval condition noise on the image, a compact file leaves out the radius,
# which follows from other variables, and files of older versions have no predicted class.
GROUPS = {
    "evaluation": {
        "clean_correct",
        "attack_correct",
        "adversarial_correct",
        "linear_condition",
        "cosine",
        "margin",
        "gradient_norm",
        "nearest_class",
        "perturbation_norm",
        "zero_gradient",
    },
    "variation": {
        "prediction_mean",
        "prediction_std",
        "runner_up",
        "plugin_length",
        "gradient_square",
        "gradient_trace",
        "gradient_entry_std",
        "alignment",
    },
    "moments": MOMENTS,
    "first_step": MOMENTS,
    "divisions": {"divided_correct", "divided_cosine", "divided_steps"},
    "ablation": {
        "mean_clean",
        "mean_adversarial",
        "mean_cosine",
        "mean_norm",
        "share_zero",
        "share_short",
    },
    "angles": {"angle", "angle_error", "cosine_first_order", "cosine_second_order"},
    # without derivatives there is no margin, angle or gradient; some models have no noise-free form
    "standard": {
        "unattacked_correct",
        "unattacked_selected",
        "archive_correct",
        "archive_selected",
        "archive_class",
        "archive_entry",
        "archive_norm",
        "entry_correct",
        "entry_selected",
        "entry_run",
        "entry_gradients",
        "entry_queries",
        "queries_correct",
        "random_correct",
        "random_selected",
    },
    "certificates": {
        "certified_radius",
        "certified_class",
        "vote_bound",
        "own_correct",
        "noise_scale",
    },
    # logits have no bounded range, and without an attack there is no upper bound but 1
    "verification": {
        "verified",
        "verified_margin",
        "verified_share",
        "robust_low",
        "robust_high",
    },
    "checks": {"check_status", "check_value", "check_message"},
    # a few images for a reader to see: one row for an image under one threat
    "shown": {"shown_example", "shown_threat", "shown_shape", "shown_image", "shown_attacked"},
}

# The side to which a compact file rounds: bounds stay bounds.
BOUNDS = {
    "certified_radius": -1,
    "vote_bound": -1,
    "inference_bound": -1,
    "verified_margin": -1,
    "expectation_margin": -1,
    "robust_low": -1,
    "robust_high": 1,
}

# What the evaluation of a classifier without gradients lacks: all of these, or none.
OF_GRADIENTS = {"linear_condition", "nearest_class"}

COORDINATES = {
    "repeat": ("repetition with fresh sample sets", "1"),
    "example": ("index of the image in the test split", "1"),
    "strength": ("perturbation strength η", "pixel value"),
    "attack_samples": ("samples in the attack set, S_A", "1"),
    "inference_samples": ("samples in the inference set, S_I", "1"),
    "smoothness": ("constant L of the differences f_y - f_c", "f / squared pixel value"),
    "gradient": ("of the label's discriminant, or of the margin to the runner-up", "1"),
    "direction": ("gradient of the attack's loss, or of the condition's -(f_y - f_j)", "1"),
    "subset": ("samples in a resampled A", "1"),
    "resampled_inference": ("samples in a resampled I", "1"),
    "fold": ("group of samples that is left out", "1"),
    "variant": ("reading of the evaluation", "1"),
    "mean_scale": ("t of the means, uniform on [0, t]", "1"),
    "variance_scale": ("t of the variances, uniform on [0, t]", "1"),
    "label": ("true class of the image", "1"),
    "threat": ("norm and strength that δ may have", "1"),
    "threat_norm": ("norm that bounds δ", "1"),
    "threat_strength": ("perturbation strength η", "pixel value"),
    "entry": ("attack of the protocol", "1"),
    "perturbation": ("frozen δ: none, the worst of random ones, or the archive's", "1"),
    "check": ("name of the check", "1"),
    "shown": ("image that is kept to be seen", "1"),
    "certificate": ("kind of certificate", "1"),
    "distance": ("length of δ in ℓ2", "pixel value"),
}

# Coordinates along another dimension than their own.
ALONG = {"label": "example", "threat_norm": "threat", "threat_strength": "threat"}
