"""The standard evaluation as a study: threats of the data, advised samples, resuming, its words."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
from support.counting import Counting

from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.results import merge_results, open_results, read_spec, result_digest, save_results
from pyrosnn.summaries import advise, standard_table
from pyrosnn.testing.toy_models import NoisyLinear
from pyrosnn.training import preset
from pyrosnn_studies.evaluation import STUDY, EvaluationSpec
from pyrosnn_studies.report import make_report
from pyrosnn_studies.standard_tables import standard_verdict
from pyrosnn_studies.store import CellStore
from pyrosnn_studies.subject import Subject

TINY: dict[str, Any] = {"images": 3, "block_size": 2, "l2": 0.6, "checks": False}


pytestmark = pytest.mark.usefixtures("tiny_protocols")


@pytest.fixture
def subject(bnn: StochasticClassifier, digits: Dataset) -> Subject:
    return Subject(classifier=bnn, dataset=digits, training=preset("bnn"))


def spec_of(digits: Dataset, **changes: Any) -> EvaluationSpec:
    spec: EvaluationSpec = STUDY.make_spec("quick", digits, preset("bnn"), **{**TINY, **changes})
    return spec


def test_threats_are_those_of_the_data_unless_one_is_given(digits: Dataset) -> None:
    usual = STUDY.make_spec("quick", digits, preset("bnn"))
    assert usual.threats == {"linf": 0.1, "l2": 0.6}
    assert STUDY.make_spec("quick", digits, preset("bnn"), linf=0.2).threats == {"linf": 0.2}
    with pytest.raises(ArgumentError, match="got no strength; give --linf"):
        EvaluationSpec(images=3)
    mine = replace(digits, name="photos")
    with pytest.raises(ArgumentError, match="no default strengths for photos; give --linf"):
        STUDY.make_spec("quick", mine, preset("bnn"))


def test_the_diagnosis_decides_the_attack_samples(subject: Subject, digits: Dataset) -> None:
    """Within the range of the protocol; what is given stays, and settling twice changes nothing."""
    spec = spec_of(digits)
    settled = STUDY.settled(spec, subject)
    plan = spec.plan()
    result = STUDY.run(settled, subject)
    advised = advise(result["moments"].dataset, share=0.95, inference_samples=5).samples
    bounds = plan.least_attack_samples, plan.most_attack_samples
    assert settled.attack_samples == min(bounds[1], max(bounds[0], advised))
    assert STUDY.settled(settled, subject) == settled
    assert STUDY.settled(replace(spec, attack_samples=3), subject).attack_samples == 3
    assert read_spec(result)["attack_samples"] == settled.attack_samples


def test_it_resumes_to_the_same_digest(subject: Subject, digits: Dataset, tmp_path: Path) -> None:
    spec = spec_of(digits, attack_samples=2)
    store, first, second = CellStore(tmp_path), Counting(stop=2), Counting()
    with pytest.raises(KeyboardInterrupt):
        STUDY.run(spec, subject, store=store, compute=first)
    resumed = STUDY.run(spec, subject, store=store, compute=second)
    assert (len(first.ran), len(second.ran)) == (2, 1)
    assert result_digest(resumed) == result_digest(STUDY.run(spec, subject))


def test_it_is_written_read_and_merged(subject: Subject, digits: Dataset, tmp_path: Path) -> None:
    """Two parts of the images are the whole, and a file gives back what was written."""
    whole = STUDY.run(spec_of(digits, attack_samples=2, images=4, diagnosis=False), subject)
    parts = [
        STUDY.run(
            spec_of(digits, attack_samples=2, images=2, first_image=first, diagnosis=False), subject
        )
        for first in (0, 2)
    ]
    merged = merge_results(parts)
    xr.testing.assert_identical(
        merged["standard"].dataset.drop_attrs(), whole["standard"].dataset.drop_attrs()
    )
    save_results(tmp_path / "a.nc", whole)
    read = open_results(tmp_path / "a.nc")
    assert result_digest(read) == result_digest(whole)
    assert standard_verdict(read) == standard_verdict(whole)


def test_repeats_have_paired_gaps_and_merge(subject: Subject, digits: Dataset) -> None:
    """Images are shown once; a repeat of its own joins the others."""
    spec = spec_of(digits, attack_samples=2, images=3, repeats=2, diagnosis=False)
    both = STUDY.run(spec, subject)
    assert both["standard"].dataset.sizes["repeat"] == 2
    assert "repeat" not in both["shown"].dataset.dims
    parts = [STUDY.run(replace(spec, repeats=1, first_repeat=first), subject) for first in (0, 1)]
    merged = merge_results(parts)
    for group in ("standard", "shown"):
        xr.testing.assert_identical(
            merged[group].dataset.drop_attrs(), both[group].dataset.drop_attrs()
        )
    table = standard_table(both)
    shares = both["standard"].dataset["archive_correct"].mean(("repeat", "example"))
    assert table["archive"].tolist() == pytest.approx(shares.values.tolist())


def test_nothing_to_show_is_no_group(subject: Subject, digits: Dataset, tmp_path: Path) -> None:
    """All images of the first block are misclassified without an attack, and are not shown."""
    wrong = replace(digits, y_test=(digits.y_test + 1) % 10)
    spec = spec_of(digits, attack_samples=2, images=2, diagnosis=False)
    result = STUDY.run(spec, replace(subject, dataset=wrong))
    assert "shown" not in result.children
    save_results(tmp_path / "a.nc", result)


def test_an_attack_of_another_norm_is_refused_before_the_work(
    digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine_norms.py").write_text("from pyrosnn.attacks import DDN as ddn\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ArgumentError, match="got the norm 'linf'"):
        spec_of(digits, attack="mine_norms:ddn", linf=0.1)


def test_chosen_images_are_shown_as_themselves(subject: Subject, digits: Dataset) -> None:
    spec = spec_of(digits, attack_samples=2, indices=(7, 31, 6), images=3, diagnosis=False)
    result = STUDY.run(spec, subject)
    assert result["standard"].dataset["example"].values.tolist() == [6, 7, 31]
    shown = result["shown"].dataset
    kept = zip(shown["shown_example"].values, shown["shown_image"].values, strict=True)
    for index, pixels in kept:
        assert index in (6, 7)  # of the first block
        np.testing.assert_array_equal(pixels, digits.x_test[int(index)].flatten().numpy())
    moved = (shown["shown_attacked"] - shown["shown_image"]).values
    assert (np.linalg.norm(moved, axis=1) <= 0.6 + 1e-5).all()


def test_an_attack_of_ones_own_stands_beside_the_others(
    subject: Subject, digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine_beside.py").write_text(
        "def away(module, x, y, strength):\n    return (x + strength / 8).clamp(0, 1)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    spec = spec_of(digits, attack_samples=2, attack="mine_beside:away", diagnosis=False)
    result = STUDY.run(spec, subject)
    assert result["standard"].dataset["entry"].values[-1] == "mine_beside:away"
    assert "attack_source" in read_spec(result)


def test_without_gradients_there_are_the_attacks_that_need_none(digits: Dataset) -> None:
    class Rounded(NoisyLinear):
        def logits(self, x: torch.Tensor, sites: Any) -> torch.Tensor:
            return super().logits(x, sites).detach()

    weight = torch.zeros(10, 1, 8, 8)
    weight[:, 0, 0] = torch.randn(10, 8)
    subject = Subject(
        classifier=Rounded(weight, torch.zeros(10)), dataset=digits, training=preset("bnn")
    )
    spec = STUDY.settled(spec_of(digits, images=2), subject)
    assert not spec.diagnosis
    with pytest.warns(UserWarning, match="left out"):
        result = STUDY.run(spec, subject)
    values = result["standard"].dataset
    asked = values["entry_run"].any(("repeat", "example", "threat")).values
    run = dict(zip(values["entry"].values, asked, strict=True))
    assert run == {"apgd-ce": False, "apgd-dlr": False, "transfer": False, "square": True}
    assert "archive_cosine" not in values
    assert "known_correct" not in values
    page = make_report(result, Path("a.nc"))
    assert "attacker knows I" not in page
    (sentence,) = [line for line in standard_verdict(result) if line.startswith("Left out")]
    assert sentence == (
        "Left out, as the classifier lacks what they need: apgd-ce, apgd-dlr, transfer."
    )
