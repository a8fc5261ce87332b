"""`few-images`: an accuracy of a few images says little of others."""

import pytest
from support.small_result import SIZES, small_result

from pyrosnn.checks import verdict_on
from pyrosnn.checks.few_images import FEW, few_images, widest


@pytest.mark.parametrize(
    ("images", "status", "words"),
    [
        (1, "warn", "of 1 image is up to 98 points wide: take 100 or more"),
        (FEW - 1, "warn", f"of {FEW - 1} images is up to"),
        (FEW, "pass", "of 20 images is up to 46 points wide"),
    ],
)
def test_few_images_are_named_with_the_width_of_their_interval(
    images: int, status: str, words: str
) -> None:
    found = few_images(small_result({**SIZES, "example": images}))
    assert (found.status, found.value) == (status, images)
    assert words in found.message
    assert ("has 1 image" in str(verdict_on([found]))) == (images == 1)


def test_the_interval_of_one_image_is_the_exact_one() -> None:
    """Beta(1, 1)'s quantile 0.975, as no success in one trial leaves up to that."""
    assert widest(1) == pytest.approx(97.5)
