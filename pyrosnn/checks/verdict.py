"""The verdict of all checks of a result: whether its numbers can be published."""

from collections.abc import Sequence
from dataclasses import dataclass

from pyrosnn.checks.finding import Finding
from pyrosnn.settings import RightlyCalled

# What speaks against an evaluation, where the finding does not say it in words of its own.
REASONS = {
    "attacked-labels": "attacks predicted labels",
    "judged-image": "judges clipped images",
    "attack-strength": "takes one step",
    "strength-range": "has strengths in another unit than the pixels",
    "image-classes": "has images of some classes only",
    "few-images": "has few images",
    "attack-effect": "breaks no image",
    "attack-direction": "moves images the wrong way",
    "attack-sizes": "has the same samples again in larger attack sets",
    "perturbation-norm": "has perturbations that are not as long as η",
    "zero-gradients": "leaves images without a gradient",
    "attack-samples": "has too few attack samples",
    "accuracy-falls": "has an accuracy that rises under a stronger attack",
    "own-samples": "judges the attack on its own samples",
    "unmoved-images": "leaves images unmoved",
    "selection-gap": "has a gap between the samples that choose and those that judge",
    "null-control": "breaks little more than noise does",
    "sandwich": "has certificates that an attack breaks",
    "proof": "has proofs that an attack breaks",
    "logits": "takes probabilities for logits",
    "random-outputs": "has outputs that are not random",
    "replay": "has outputs that change when they are replayed",
    "disjoint-samples": "attacks with samples that judge it",
    "distinct-samples": "draws samples more than once",
    "random-attack": "attacks a network without its noise",
    "own-cosine": "differentiates another quantity than it judges",
    "large-strength": "leaves images right at every strength",
    "more-steps": "depends on the number of steps",
    "gradient-free": "is weaker than an attack without gradients",
    "gradient-definitions": "depends on the definition of the gradient",
    "planted-vulnerability": "misses adversarial examples that are known to exist",
    "repeated-rows": "shares noise among images",
    "equal-budget": "is weaker than PGD at the same cost",
}

# Checks of certificates, which bound robust accuracy from below.
CERTIFYING = ("sandwich", "proof")
# The beginning of the sentence, by the worst status.
VERDICTS = {
    "fail": "Do not publish as robust accuracy",
    "warn": "Publish only as a loose upper bound of robust accuracy",
    "pass": "Nothing speaks against publishing this as {bound} of robust accuracy",
    "skipped": "Nothing is known, as no check could be made",
}


@dataclass(frozen=True, kw_only=True)
class Verdict(metaclass=RightlyCalled):
    """What the findings of a result come to.

    Attributes:
        status: the worst status of them.
        against: the findings that speak against the result, failures first.
        unknown: names of the checks that could not be made.
        certified: whether certificates were checked: the numbers are not upper bounds alone.
    """

    status: str
    against: tuple[Finding, ...]
    unknown: tuple[str, ...]
    certified: bool = False

    def __str__(self) -> str:
        """Return the verdict as one sentence."""
        bound = "a bound" if self.certified else "an upper bound"
        sentence = VERDICTS[self.status].format(bound=bound)
        if self.against:
            return f"{sentence}: {'; '.join(map(reason, self.against))}."
        if self.unknown:
            sentence += f"; not looked at: {', '.join(self.unknown)}"
        return f"{sentence}."

    @property
    def reasons(self) -> list[str]:
        """A line for each finding against: its reason, and what was found."""
        return [f"{reason(one)} ({one.name}, {one.status}): {one.message}" for one in self.against]


def reason(finding: Finding) -> str:
    """Return in a few words what speaks against an evaluation, after its finding."""
    return finding.reason or REASONS.get(finding.name, f"does not pass {finding.name}")


def verdict_on(findings: Sequence[Finding]) -> Verdict:
    """Return the verdict of findings: a failure forbids to publish, a warning limits the claim.

    Any attack leaves an upper bound of robust accuracy. A warning says that the bound is loose; a
    failure, that the number is of something else.

    Args:
        findings: what :func:`check_result` or :func:`check_model` returned.

    Example:
        >>> found = Finding(name="judged-image", status="fail", value=1.0, message="x + δ, clipped")
        >>> str(verdict_on([found]))
        'Do not publish as robust accuracy: judges clipped images.'
    """
    by_status = {
        status: [finding for finding in findings if finding.status == status] for status in VERDICTS
    }
    return Verdict(
        status=next((status for status in VERDICTS if by_status[status]), "skipped"),
        against=tuple(by_status["fail"] + by_status["warn"]),
        unknown=tuple(finding.name for finding in by_status["skipped"]),
        certified=any(finding.name in CERTIFYING for finding in findings),
    )
