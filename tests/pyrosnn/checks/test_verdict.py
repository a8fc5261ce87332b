"""What findings come to: a sentence, its reasons, and JSON."""

import json

from pyrosnn.checks import CHECKS, Finding, verdict_on
from pyrosnn.checks.as_json import findings_as_json
from pyrosnn.checks.verdict import REASONS


def found(name: str, status: str, *, value: float | None = 0.5, reason: str = "") -> Finding:
    return Finding(name=name, status=status, value=value, message="it is so", reason=reason)


GOOD = found("replay", "pass")
SKIPPED = found("attack-samples", "skipped", value=None)


def test_failures_forbid_and_come_first() -> None:
    warned = found("attack-strength", "warn", reason="takes 3 steps only")
    verdict = verdict_on([warned, GOOD, found("judged-image", "fail"), SKIPPED])
    assert verdict.status == "fail"
    assert str(verdict) == (
        "Do not publish as robust accuracy: judges clipped images; takes 3 steps only."
    )
    assert verdict.reasons == [
        "judges clipped images (judged-image, fail): it is so",
        "takes 3 steps only (attack-strength, warn): it is so",
    ]


def test_warnings_loosen_the_bound() -> None:
    assert str(verdict_on([GOOD, found("attack-strength", "warn")])) == (
        "Publish only as a loose upper bound of robust accuracy: takes one step."
    )


def test_what_was_not_looked_at_is_named() -> None:
    whole = "Nothing speaks against publishing this as an upper bound of robust accuracy"
    assert str(verdict_on([GOOD])) == f"{whole}."
    assert str(verdict_on([GOOD, SKIPPED])) == f"{whole}; not looked at: attack-samples."
    certified = verdict_on([GOOD, found("sandwich", "pass")])
    assert str(certified) == "Nothing speaks against publishing this as a bound of robust accuracy."
    nothing = verdict_on([SKIPPED])
    assert nothing.status == verdict_on([]).status == "skipped"
    assert str(nothing).startswith("Nothing is known, as no check could be made")


def test_reasons_are_those_of_checks_and_others_have_their_name() -> None:
    assert set(REASONS) <= set(CHECKS)
    assert str(verdict_on([found("mine", "fail")])).endswith("does not pass mine.")


def test_json_has_every_finding_and_no_number_that_json_lacks() -> None:
    odd = found("own-cosine", "warn", value=float("nan"))
    text = findings_as_json({"a.nc": [GOOD, odd], "b.nc": []})
    assert "NaN" not in text
    read = json.loads(text)
    assert read["version"] == 1
    first, second = read["results"]
    assert (first["file"], first["status"]) == ("a.nc", "warn")
    assert first["findings"][0] == {
        "check": "replay",
        "status": "pass",
        "value": 0.5,
        "message": "it is so",
    }
    assert first["findings"][1]["value"] is None
    assert first["reasons"] == [
        {
            "check": "own-cosine",
            "status": "warn",
            "reason": "differentiates another quantity than it judges",
        }
    ]
    assert (second["findings"], second["status"]) == ([], "skipped")


def test_a_zero_of_rounding_is_a_zero() -> None:
    """Means of 0.1, 0.2 and 0.3 differ by 2.8e-17 from those of 0.3, 0.2 and 0.1."""
    found = Finding(name="more-steps", status="pass", value=-2.22e-17, message="")
    assert str(found.value) == "0.0"
    assert Finding(name="replay", status="pass", value=-1e-6, message="").value == -1e-6
