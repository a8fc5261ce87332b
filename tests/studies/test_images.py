"""The images of a study: chosen ones have the blocks, samples and values of the whole study."""

from dataclasses import replace

import pytest
from support.compare import assert_same_to_float32
from support.studies import run_study, smallest

from pyrosnn.checks.on_result import check_result
from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError, MergeError
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.results import GROUP, merge_results, read_spec
from pyrosnn.settings import kinds_of, parse
from pyrosnn_studies.images import ChosenImages, ImageSettings

KIND = kinds_of(ChosenImages)["indices"]


def test_blocks_are_those_of_the_test_split(digits: Dataset) -> None:
    images = ChosenImages(images=5, block_size=10, indices=(41, 3, 47, 9, 12))
    assert (images.indices, images.blocks) == ((3, 9, 12, 41, 47), [0, 1, 4])
    block = images.block(4, digits)
    assert (block.first, list(block.indices)) == (41, [41, 47])
    assert block.y.tolist() == digits.y_test[[41, 47]].tolist()
    part = ImageSettings(images=25, block_size=10, first_image=20)
    assert part.blocks == [2, 3, 4]
    assert list(part.block(4, digits).indices) == [40, 41, 42, 43, 44]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "chosen"),
    [("sample-size", (2, 4, 11)), ("prediction-variance", (5, 7)), ("diagnosis", (0, 6))],
)
def test_chosen_images_have_what_they_have_in_the_whole(
    name: str, chosen: tuple[int, ...], bnn: StochasticClassifier, digits: Dataset
) -> None:
    study, spec, subject = smallest(name, bnn, digits)
    part = replace(spec, images=len(chosen), indices=chosen)
    whole, some = study.run(spec, subject), study.run(part, subject)
    assert read_spec(some)["indices"] == list(chosen)
    assert "indices" not in read_spec(whole)
    for group in whole.children:
        found = some[group].dataset
        assert found["example"].values.tolist() == list(chosen)
        assert found["example"].attrs == whole[group].dataset["example"].attrs
        expected = whole[group].dataset.sel(example=list(chosen))
        assert_same_to_float32(found, expected)


@pytest.mark.slow
def test_parts_of_chosen_images_are_joined_and_checked(
    bnn: StochasticClassifier, digits: Dataset
) -> None:
    _, spec, _ = smallest("sample-size", bnn, digits)
    specs = [replace(spec, images=len(some), indices=some) for some in ((3, 11), (4, 30))]
    parts = [run_study("sample-size", one, bnn, digits) for one in specs]
    joined = merge_results(parts)
    both = replace(spec, images=4, indices=(3, 4, 11, 30))
    assert read_spec(joined)["indices"] == [3, 4, 11, 30]
    assert read_spec(joined)["images"] == 4
    whole = run_study("sample-size", both, bnn, digits)
    assert_same_to_float32(joined[GROUP].dataset, whole[GROUP].dataset)
    (falls,) = [one for one in check_result(joined) if one.name == "accuracy-falls"]
    assert falls.status == "pass", falls  # 3 blocks in each of 2 repeats are draws enough
    with pytest.raises(MergeError, match="has indices None, result 2 has"):
        merge_results([run_study("sample-size", spec, bnn, digits), parts[0]])


def test_indices_that_cannot_be(bnn: StochasticClassifier, digits: Dataset) -> None:
    study, _, subject = smallest("sample-size", bnn, digits)
    assert subject is not None
    made = study.make_spec("quick", digits, subject.training, indices=(499, 0))
    assert (made.images, made.indices) == (2, (0, 499))
    for changes, message in (
        ({"indices": (500,)}, "digits has 500 test images, and none at index 500; indices are 0 …"),
        ({"indices": (-1,)}, "indices must be >= 0, got -1"),
        ({"indices": (3, 3)}, "indices has 3 twice"),
        ({"indices": (3, 4), "images": 3}, "indices names 2 images, images is 3; leave images out"),
        ({"indices": ("a",)}, "indices must be an integer, got 'a'"),
        ({"indices": (50,), "first_image": 50}, "first_image begins with image 50, indices names"),
    ):
        with pytest.raises(ArgumentError, match=message.replace("(", r"\(")):
            study.make_spec("quick", digits, subject.training, **changes)
    like = {"attack": "fgm", "images": 2, "indices": [3, 4], "strengths": [0.5]}
    again = study.make_spec(
        {**like, "attack_samples": [1], "inference_samples": [1]},
        digits,
        subject.training,
        images=5,
    )
    assert (again.images, again.indices) == (5, ())


@pytest.mark.parametrize(
    ("text", "expected"),
    [("7", (7,)), ("3,17,20:23", (3, 17, 20, 21, 22)), ("0:10:4,1", (0, 4, 8, 1))],
)
def test_slices_are_those_of_python(text: str, expected: tuple[int, ...]) -> None:
    assert parse(text, KIND, "--indices") == expected


@pytest.mark.parametrize(
    "text", ["", "a", "3,", "5:5", "9:5", "0:5:0", "1:2:3:4", ":5", "0:9999999999"]
)
def test_what_is_no_slice(text: str) -> None:
    with pytest.raises(ArgumentError, match=r"--indices expects integers and slices separated by"):
        parse(text, KIND, "--indices")
