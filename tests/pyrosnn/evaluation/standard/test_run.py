"""The standard evaluation: what is known in closed form comes out, and no set sees another."""

from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pytest
import torch

from pyrosnn.attacks import APGD, FGM
from pyrosnn.data.dataset import Dataset
from pyrosnn.errors import ArgumentError, UnknownNameError
from pyrosnn.evaluation.standard import (
    PROTOCOLS,
    Entry,
    Protocol,
    Threat,
    find_protocol,
    standard_evaluation,
)
from pyrosnn.models.classifier import StochasticClassifier
from pyrosnn.sampling import Origin, draw_sample_set
from pyrosnn.sampling.stream import Stream
from pyrosnn.statistics import robust_at
from pyrosnn.testing.toy_models import NoisyLinear, PureNoise

TINY = Protocol(
    name="tiny",
    entries=(
        Entry(name="apgd-ce", attack="apgd", options={"steps": 4}),
        Entry(name="square", attack="square", options={"queries": 5}, remaining=True),
    ),
    selection_samples=20,
    inference_samples=10,
    queries=4,
    random_draws=2,
    least_attack_samples=1,
    most_attack_samples=10,
    known_steps=3,
)


@pytest.mark.statistical
def test_pure_noise_is_reported_as_it_is() -> None:
    """Each draw errs with q = 5 %, whatever δ: 1 - q, and (1 - q)^k, within 4 standard errors.

    One test in 16,000 of each number fails by chance; the seed is fixed.
    """
    number, error = 2000, 0.05
    classifier = PureNoise((3,), error=error)
    x, y = torch.zeros(number, 3), torch.zeros(number, dtype=torch.long)
    plan = replace(TINY, inference_samples=1, queries=20)
    found = standard_evaluation(
        classifier, x, y, threats={"l2": 1.0, "linf": 0.5}, protocol=plan, attack_samples=3
    )
    for name in ("unattacked_correct", "archive_correct", "random_correct", "known_correct"):
        count = found[name].sum("example")
        z = (count - number * (1 - error)) / (number * error * (1 - error)) ** 0.5
        assert float(np.abs(z).max()) < 4, name
    for k in (1, 10):
        shares = robust_at(found["queries_correct"].values, 20, k)
        standard_error = shares.std(0) / number**0.5
        assert (np.abs(shares.mean(0) - (1 - error) ** k) < 4 * standard_error).all()
    assert (found["archive_entry"] == -1).all()


def test_a_linear_classifier_withstands_up_to_its_margin() -> None:
    """I is right at the archive's δ where I's margin exceeds η ‖w‖*: no attack can do more."""
    weight = torch.tensor([[1.0, -2.0, 2.0], [0.0, 0.0, 0.0]])
    classifier = NoisyLinear(weight, torch.zeros(2), noise=0.3)
    x, y = torch.randn(40, 3), torch.zeros(40, dtype=torch.long)
    found = standard_evaluation(
        classifier,
        x,
        y,
        threats={"linf": 0.2, "l2": 0.2},
        protocol=replace(TINY, entries=TINY.entries[:1]),
        attack_samples=3,
        clip=None,
    )
    i = draw_sample_set(classifier, x, 10, seed=0, stream="inference")
    noise = i.tensors["noise"].mean(0)
    margin = x @ (weight[0] - weight[1]) + 0.3 * (noise[:, 0] - noise[:, 1])
    for threat, dual in (("linf 0.2", 5.0), ("l2 0.2", 3.0)):
        expected = (margin > 0.2 * dual).tolist()
        assert found["archive_correct"].sel(threat=threat).values.tolist() == expected
        moved = found["archive_entry"].sel(threat=threat).values
        assert (moved == 0).all()
    sign = 5 / 27**0.5  # cosine of w and its sign
    cosines = found["archive_cosine"].values
    assert cosines[:, 0] == pytest.approx(sign, abs=1e-5)
    assert (cosines[:, 1] > 0.99).all()


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Origin]:
    """The origins of all samples that are drawn."""
    origins: list[Origin] = []
    take = Stream.take

    def recorded(self: Any, start: int, number: int, memory_budget: int) -> Any:
        samples = take(self, start, number, memory_budget)
        origins.append(samples.origin)
        return samples

    monkeypatch.setattr(Stream, "take", recorded)
    return origins


def test_no_two_sets_share_samples(
    drawn: list[Origin], bnn: StochasticClassifier, digits: Dataset
) -> None:
    x, y = digits.test_images(4)
    standard_evaluation(bnn, x, y, threats={"l2": 0.6}, protocol=TINY, attack_samples=3)
    streams = {origin.stream for origin in drawn}
    assert streams == {"attack", "selection", "inference", "query", "noise-free"}
    different = [
        (one, other)
        for one, other in combinations(drawn, 2)
        if one.stream != other.stream and len(one.shared(other)) > 0
    ]
    assert different == []


def test_it_repeats_and_blocks_are_their_own(bnn: StochasticClassifier, digits: Dataset) -> None:
    x, y = digits.test_images(6)
    settings: dict[str, Any] = {"threats": {"linf": 0.1}, "protocol": TINY, "attack_samples": 3}
    first, again = (standard_evaluation(bnn, x, y, **settings) for _ in range(2))
    assert first.identical(again)
    other = standard_evaluation(bnn, x, y, **settings, block=1, first_example=6)
    assert other["example"].values.tolist() == list(range(6, 12))
    assert not np.array_equal(first["archive_margin"], other["archive_margin"])


def test_what_each_attack_reached_alone_is_beside_the_archive(
    bnn: StochasticClassifier, digits: Dataset
) -> None:
    x, y = digits.test_images(30)
    found = standard_evaluation(
        bnn, x, y, threats={"l2": 0.6}, protocol=TINY, attack_samples=3
    ).squeeze("threat")
    selected = found["entry_selected"].where(found["entry_run"], True).all("entry")
    assert (found["archive_selected"] == (selected & found["unattacked_selected"])).all()
    assert (found["known_correct"] <= found["archive_correct"]).all()
    won = found["archive_entry"].values
    rows = np.arange(len(won))
    by_winner = found["entry_correct"].values[rows, np.maximum(won, 0)]
    kept = np.where(won < 0, found["unattacked_correct"], by_winner)
    assert np.array_equal(kept, found["archive_correct"])
    gradients = found["entry_gradients"].sel(entry="apgd-ce").values
    assert (gradients == 4 * 3).all()
    assert (found["entry_gradients"].sel(entry="square") == 0).all()
    length = found["archive_norm"].values
    assert (length <= 0.6 + 1e-6).all()
    np.testing.assert_allclose(found["archive_length"], length, rtol=1e-6)


def test_every_protocol_names_attacks_that_can_be_made() -> None:
    for name in PROTOCOLS:
        plan = find_protocol(name)
        assert plan.name == name
        for entry in plan.entries:
            for norm in ("l2", "linf"):
                attack = entry.against(Threat(norm=norm, strength=0.25), (0.0, 1.0))
                assert (attack.norm, attack.strength, attack.clip) == (norm, 0.25, (0.0, 1.0))
    with pytest.raises(UnknownNameError, match="did you mean 'standard-1'"):
        find_protocol("standard")


def test_an_attack_of_ones_own_is_an_entry() -> None:
    mine = Entry(name="mine", attack=APGD(steps=7, loss="margin"))
    attack = mine.against(Threat(norm="linf", strength=0.1), None)
    assert attack == APGD(steps=7, loss="margin", norm="linf", strength=0.1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"threats": {}}, "got no threats"),
        ({"threats": {"l3": 1.0}}, "unknown norm 'l3'"),
        ({"threats": {"l2": 0.0}}, "strength must be > 0"),
        ({"attack_samples": 0}, "num_samples must be >= 1"),
        ({"protocol": "fast"}, "unknown protocol 'fast'"),
        ({"clip": (0.4, 0.6)}, "clip"),
    ],
)
def test_what_cannot_be_is_refused(
    changes: dict[str, Any], message: str, bnn: StochasticClassifier, digits: Dataset
) -> None:
    x, y = digits.test_images(2)
    with pytest.raises(ArgumentError, match=message):
        standard_evaluation(bnn, x, y, **{"threats": {"l2": 0.5}, "protocol": TINY, **changes})


def test_few_classes_leave_out_what_compares_more(digits: Dataset) -> None:
    classifier = NoisyLinear(torch.eye(2), torch.zeros(2))
    x, y = torch.rand(3, 2), torch.zeros(3, dtype=torch.long)
    plan = replace(TINY, entries=(*TINY.entries[:1], Entry(name="dlr", attack="apgd", classes=3)))
    found = standard_evaluation(
        classifier, x, y, threats={"l2": 0.1}, protocol=plan, attack_samples=2
    )
    assert found["entry"].values.tolist() == ["apgd-ce"]


def test_the_control_is_no_attack(bnn: StochasticClassifier, digits: Dataset) -> None:
    """Random δ of the same norm leaves most images, FGM does not."""
    x, y = digits.test_images(60)
    plan = replace(TINY, entries=(Entry(name="fgm", attack=FGM()),))
    found = standard_evaluation(
        bnn, x, y, threats={"l2": 1.0}, protocol=plan, attack_samples=5
    ).mean("example")
    assert float(found["random_correct"].item()) > float(found["archive_correct"].item()) + 0.3
