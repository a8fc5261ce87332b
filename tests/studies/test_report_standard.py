"""What a report says of a standard evaluation is true of the model that it is of."""

import pytest
from support.standard_result import standard_result

from pyrosnn.reports import Text
from pyrosnn_studies.report_standard import standard_results


@pytest.mark.parametrize(
    ("findings", "says"),
    [
        (("pass", 0.0, "0%"), "on the inference set I, whose samples the attacker has not seen. "),
        (
            ("pass", 0.62, "62%"),
            "on the inference set I, which is drawn apart from the attacker's sets. The model has "
            "few values: both may draw the same, and 62% of A's samples are in I, too, where this "
            "was checked. ",
        ),
        (
            ("pass", 0.003, "0.3%"),
            "on the inference set I, which is drawn apart from the attacker's sets. The model has "
            "few values: both may draw the same, and 0.3% of A's samples are in I, too, where this "
            "was checked. ",
        ),
        (
            ("fail", 1.0, "100%"),
            "on the inference set I, which is not independent of the attacker's set A: the check "
            "disjoint-samples failed, as 100% of A's samples are in I, too, more than chance "
            "allows. The accuracies under attack cannot be trusted. ",
        ),
        (None, "on the inference set I, which is drawn apart from the attacker's sets. "),
    ],
    ids=["many", "few", "a few shared", "shared", "unknown"],
)
def test_the_reading_says_what_the_attacker_has_of_i(
    findings: tuple[str, float, str] | None, says: str
) -> None:
    name = "replay" if findings is None else "disjoint-samples"
    found = {name: findings or ("pass", 0.0, "the same")}
    (text,) = standard_results(standard_result(20, findings=found))
    assert isinstance(text, Text)
    (reading,) = text.paragraphs
    assert f"judged once {says}The random δ are the control" in reading
