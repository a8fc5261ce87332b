"""`attack-strength`: the attack makes enough steps for its accuracy to be near the bound."""

from collections.abc import Mapping
from typing import Any

import xarray as xr

from pyrosnn.checks.finding import Finding, skipped
from pyrosnn.results import read_spec

NAME = "attack-strength"
# PGD is reported with 10 steps or more; below, accuracies of a bent network still fall by points.
FEW = 10
USUAL = 20  # steps that the advice names, of a length that reaches the strength twice
# Attacks of one step, and those that are weak however long they run, with the reason.
ONE_STEP = ("fgm",)
WEAK = {
    "random": ("is no attack but random noise", "random δ are a control of an attack"),
    "transfer": ("attacks another model", "δ was made for a model without noise"),
    "square": ("follows no gradient", "square searches at random"),
    "spsa": ("follows no gradient", "spsa estimates the gradient from a few differences"),
}


def attack_strength(result: xr.DataTree) -> Finding:
    """Warn where one step, or a few, were made, or where no gradient was followed.

    A step goes along the gradient at x, which is the wrong direction where the network bends: on
    digits FGM leaves 22 points more than PGD with fresh samples (see the documentation). Random δ
    fail.

    Args:
        result: a result with the group ``evaluation`` or ``standard``.

    Returns:
        The finding; its value is the number of steps, or 0 for an attack that is weak for another
        reason.
    """
    spec = read_spec(result)
    if "standard" in result.children:
        return _protocol(str(spec.get("protocol", "")))
    name = spec.get("attack")
    if name in WEAK:
        reason, text = WEAK[str(name)]
        status = "fail" if name == "random" else "warn"
        message = f"{text}: take pgd or apgd"
        return Finding(name=NAME, status=status, value=0.0, message=message, reason=reason)
    steps = num_steps(spec)
    if steps is None:
        return skipped(NAME, f"needs the attack's number of steps, which {name} does not say")
    if steps >= FEW:
        text = f"{name} makes {steps} steps"
        return Finding(name=NAME, status="pass", value=float(steps), message=text)
    steps_made = "one step" if steps == 1 else f"{steps} steps"
    text = (
        f"{name} makes {steps_made}, and many may leave a lower accuracy: take --attack apgd, or "
        f"--attack pgd --steps {USUAL} --relative-step {2 / USUAL:g}"
    )
    reason = f"takes {steps_made}" if steps == 1 else f"takes {steps_made} only"
    return Finding(name=NAME, status="warn", value=float(steps), message=text, reason=reason)


def num_steps(spec: Mapping[str, Any]) -> int | None:
    """Return how many steps an attack makes; None where its settings do not say.

    Args:
        spec: the settings of a result.

    Example:
        >>> num_steps({"attack": "fgm"}), num_steps({"attack_options": {"steps": 40}})
        (1, 40)
    """
    if spec.get("attack") in ONE_STEP:
        return 1
    steps = (spec.get("attack_options") or {}).get("steps")
    return steps if isinstance(steps, int) else None


def _protocol(name: str) -> Finding:
    """Return the finding on a result of the standard evaluation."""
    if not name:
        return skipped(NAME, "needs the setting 'protocol', which this result does not have")
    if name.startswith("quick"):
        return Finding(
            name=NAME,
            status="warn",
            value=0.0,
            message=f"the protocol {name} has few images and steps: take standard-1",
            reason="has few images and steps",
        )
    text = f"the protocol {name} has attacks of many steps"
    return Finding(name=NAME, status="pass", value=1.0, message=text)
