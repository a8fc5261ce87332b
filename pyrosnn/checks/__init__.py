"""Sanity checks of an evaluation: one file and one line in a table each.

The tables hold import paths, so that reading a result file loads no torch.
"""

from pyrosnn.checks.finding import STATUSES, Finding
from pyrosnn.checks.verdict import Verdict, verdict_on

# what a result file holds enough for: functions of the result
RESULT_CHECKS = {
    "attacked-labels": "pyrosnn.checks.attacked_labels:attacked_labels",
    "judged-image": "pyrosnn.checks.judged_image:judged_image",
    "attack-strength": "pyrosnn.checks.attack_strength:attack_strength",
    "strength-range": "pyrosnn.checks.strength_range:strength_range",
    "image-classes": "pyrosnn.checks.image_classes:image_classes",
    "few-images": "pyrosnn.checks.few_images:few_images",
    "perturbation-norm": "pyrosnn.checks.perturbation_norm:perturbation_norm",
    "zero-gradients": "pyrosnn.checks.zero_gradients:zero_gradients",
    "attack-samples": "pyrosnn.checks.attack_samples:attack_samples",
    "attack-sizes": "pyrosnn.checks.attack_sizes:attack_sizes",
    "attack-effect": "pyrosnn.checks.attack_effect:attack_effect",
    "attack-direction": "pyrosnn.checks.attack_direction:attack_direction",
    "accuracy-falls": "pyrosnn.checks.accuracy_falls:accuracy_falls",
    "own-samples": "pyrosnn.checks.own_samples:own_samples",
    "unmoved-images": "pyrosnn.checks.unmoved:unmoved_images",
}

# what a result of the standard protocol holds enough for: functions of the result
STANDARD_CHECKS = {
    "attack-strength": "pyrosnn.checks.attack_strength:attack_strength",
    "strength-range": "pyrosnn.checks.strength_range:strength_range",
    "image-classes": "pyrosnn.checks.image_classes:image_classes",
    "few-images": "pyrosnn.checks.few_images:few_images",
    "selection-gap": "pyrosnn.checks.selection_gap:selection_gap",
    "null-control": "pyrosnn.checks.null_control:null_control",
}

# what a result with certificates holds enough for: functions of the result
CERTIFICATE_CHECKS = {"sandwich": "pyrosnn.checks.sandwich:sandwich"}

# what a result with verified samples holds enough for: functions of the result
VERIFICATION_CHECKS = {"proof": "pyrosnn.checks.proof:proof"}

# what needs the model: functions of a trial
MODEL_CHECKS = {
    "logits": "pyrosnn.checks.outputs:logits_are_logits",
    "random-outputs": "pyrosnn.checks.outputs:random_outputs",
    "replay": "pyrosnn.checks.replayed:replays",
    "disjoint-samples": "pyrosnn.checks.sample_sets:disjoint_samples",
    "distinct-samples": "pyrosnn.checks.distinct_samples:distinct_samples",
    "random-attack": "pyrosnn.checks.sample_sets:random_attack",
    "own-cosine": "pyrosnn.checks.own_cosine:own_cosine",
    "large-strength": "pyrosnn.checks.large_strength:large_strength",
    "more-steps": "pyrosnn.checks.more_steps:more_steps",
    "gradient-free": "pyrosnn.checks.gradient_free:gradient_free",
    "gradient-definitions": "pyrosnn.checks.gradient_definitions:gradient_definitions",
    "planted-vulnerability": "pyrosnn.checks.planted_vulnerability:planted_vulnerability",
    "repeated-rows": "pyrosnn.checks.repeated_rows:repeated_rows",
    "equal-budget": "pyrosnn.checks.equal_budget:equal_budget",
}

CHECKS = {
    **RESULT_CHECKS,
    **STANDARD_CHECKS,
    **CERTIFICATE_CHECKS,
    **VERIFICATION_CHECKS,
    **MODEL_CHECKS,
}

__all__ = [
    "CERTIFICATE_CHECKS",
    "CHECKS",
    "MODEL_CHECKS",
    "RESULT_CHECKS",
    "STANDARD_CHECKS",
    "STATUSES",
    "VERIFICATION_CHECKS",
    "Finding",
    "Verdict",
    "verdict_on",
]
