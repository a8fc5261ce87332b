"""The standard evaluation as a study: threats of the data, advised samples, resuming, its words."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
from support.counting import Counting
from support.studies import tiny_protocol

from pyrosnn.checks.on_result import check_result
from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError, NotSmoothedError
from pyrosnn.models import build_model
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.models.composed import Composed
from pyrosnn.noise.input import InputNoise
from pyrosnn.results import merge_results, open_results, read_spec, result_digest, save_results
from pyrosnn.summaries import advise, standard_table
from pyrosnn.testing.toy_models import NoisyLinear
from pyrosnn.training import fit, preset
from pyrosnn_studies import evaluation, evaluation_certificate
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
    assert STUDY.piloted(spec, subject) == "number of attack samples"
    for without in ({"attack_samples": 3}, {"diagnosis": False}):
        assert STUDY.piloted(replace(spec, **without), subject) == ""
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
    spec = spec_of(digits, images=2)
    assert STUDY.piloted(spec, subject) == ""
    spec = STUDY.settled(spec, subject)
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


# Certificates: a lower bound beside the attacks


@pytest.fixture
def noisy(digits: Dataset) -> Subject:
    """A linear model of three wide classes, averaged over noise on the image."""
    torch.manual_seed(0)
    linear = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))
    classifier = Composed(linear, [InputNoise(0.01)], image_shape=(1, 8, 8))
    fitted = fit(classifier, digits, epochs=15, num_particles=1)
    return Subject(classifier=fitted, dataset=digits, training=None)


@pytest.mark.slow
def test_a_model_with_noise_on_the_image_has_both_bounds(
    noisy: Subject, digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        evaluation_certificate, "KIND", "margin-mean"
    )  # which few draws suffice for
    few = replace(tiny_protocol("quick-1"), certificate_samples=2000)
    monkeypatch.setattr(evaluation, "find_protocol", lambda name: few)
    spec = spec_of(digits, images=30, block_size=20, l2=0.05, attack_samples=2, diagnosis=False)
    result = STUDY.run(spec, noisy)
    row = standard_table(result).iloc[0]
    assert 0.3 < row["certified"] <= row["archive"] <= 1
    (sentence, *others) = standard_verdict(result)
    assert sentence.startswith(f"Between {100 * row['certified']:.1f} % [")
    assert "of 30 images withstand ℓ2 0.05: a certificate from below (99.9 % sure for" in sentence
    assert not any("bound from below" in other for other in others)
    (finding,) = [found for found in check_result(result) if found.name == "sandwich"]
    assert finding.status in ("pass", "skipped")
    page = make_report(result, tmp_path / "a.nc")
    assert "any attack, by certificate" in page
    assert "certificate reaches beyond a radius" in page
    # all that attacks give is what it is without a certificate, bit for bit
    without = STUDY.run(replace(spec, certificate=False), noisy)
    xr.testing.assert_identical(without["standard"].dataset, result["standard"].dataset)
    assert read_spec(without)["certificate"] is False
    assert "(--no-certificate)" in standard_verdict(without)[1]
    assert {"certificate_samples", "alpha"} <= {*read_spec(result)} - {*read_spec(without)}
    # and it is written, read, and merged of parts
    save_results(tmp_path / "a.nc", result)
    assert standard_verdict(open_results(tmp_path / "a.nc")) == standard_verdict(result)
    parts = [replace(spec, images=20), replace(spec, images=10, first_image=20)]
    merged = merge_results([STUDY.run(part, noisy) for part in parts])
    xr.testing.assert_identical(
        merged["certificates"].dataset.drop_attrs(), result["certificates"].dataset.drop_attrs()
    )


def test_a_model_without_is_as_before_and_told_what_gives_one(
    subject: Subject, digits: Dataset
) -> None:
    spec = spec_of(digits, attack_samples=2, diagnosis=False)
    settled = STUDY.settled(spec, subject)
    assert settled.certificate is None
    result = STUDY.run(spec, subject)
    assert "certificates" not in result.children
    later = {"certificate", "certificate_samples", "alpha", "smoothing_variance"}
    assert not later & {*read_spec(result)}
    (sentence,) = [line for line in standard_verdict(result) if "bound from below" in line]
    assert "--smoothing-variance 0.1" in sentence
    assert "pyrosnn verify" in sentence
    with pytest.raises(NotSmoothedError, match="not averaged over Gaussian noise on the image"):
        STUDY.settled(replace(spec, certificate=True), subject)


def test_noise_of_the_settings_counts(subject: Subject, digits: Dataset) -> None:
    spec = spec_of(digits, attack_samples=2, diagnosis=False, smoothing_variance=0.04)
    result = STUDY.run(spec, subject)
    assert float(result["certificates"].dataset["noise_scale"]) == pytest.approx(0.2)
    assert read_spec(result)["smoothing_variance"] == 0.04
    only = replace(STUDY.settled(replace(spec, l2=None, linf=0.1), subject))
    assert only.certificate is None
    with pytest.raises(NotSmoothedError, match="give --l2"):
        STUDY.settled(replace(spec, l2=None, linf=0.1, certificate=True), subject)


def test_logits_have_no_certificate_of_their_mean(digits: Dataset) -> None:
    sin = build_model("sin", image_shape=(1, 8, 8), num_classes=10)
    own = Subject(classifier=sin.eval(), dataset=digits, training=preset("sin"))
    spec = spec_of(digits, attack_samples=2, images=2, diagnosis=False)
    assert STUDY.settled(spec, own).certificate is None
    with pytest.raises(NotSmoothedError, match="its scores are logits"):
        STUDY.settled(replace(spec, certificate=True), own)
    (sentence,) = [s for s in standard_verdict(STUDY.run(spec, own)) if "bound from below" in s]
    assert "these are logits" in sentence


def test_an_attack_of_the_table_stands_beside_the_others(subject: Subject, digits: Dataset) -> None:
    spec = spec_of(digits, attack_samples=2, images=2, attack="fmn", diagnosis=False)
    result = STUDY.run(spec, subject)
    assert result["standard"].dataset["entry"].values[-1] == "fmn"
    assert "attack_source" not in read_spec(result)
    with pytest.raises(ArgumentError, match=r"has the attack 'square' already .* name another"):
        spec_of(digits, attack="square")
    with pytest.raises(ArgumentError, match="got the norm 'linf'; take the attack fmn"):
        spec_of(digits, attack="cw", linf=0.1)
