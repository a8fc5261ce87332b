"""What a diagnosis costs: its processor time, as a multiple of an evaluation's of the same images.

Both are as a command runs them with its usual settings, on ten images of digits: the evaluation is
`pyrosnn study sample-size`, the diagnosis `pyrosnn diagnose` with its pilot, tables and checks.
"""

import time
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from pyrosnn.adapters import Stochastic
from pyrosnn.checks.on_model import model_findings
from pyrosnn.checks.on_result import check_result
from pyrosnn.data import load_dataset
from pyrosnn.data.dataset import Dataset
from pyrosnn.training import preset, train
from pyrosnn_studies.diagnosis import trial_of
from pyrosnn_studies.diagnosis_tables import conclusion
from pyrosnn_studies.study import find_study
from pyrosnn_studies.subject import Subject

IMAGES, MOST, ROUNDS = 10, 10.0, 3
TRAINED: dict[str, dict[str, Any]] = {"sin": {}, "bnn": {}, "resnet": {"epochs": 1}}
WRAPPED = "CNN, wrapped in Stochastic"


def wrapped(digits: Dataset) -> Subject:
    """A small convolutional network with dropout, as a user has it, trained for three epochs."""
    net = nn.Sequential(
        *(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Dropout2d(0.3)),
        *(nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Dropout(0.3), nn.Linear(512, 10)),
    )
    optimizer = torch.optim.Adam(net.parameters(), 1e-3)
    for _ in range(3):
        for rows in torch.randperm(len(digits.x_train)).split(100):
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(digits.x_train[rows]), digits.y_train[rows]).backward()
            optimizer.step()
    classifier = Stochastic(net.eval(), digits.image_shape)
    return Subject(classifier=classifier, dataset=digits, training=preset("rse"))


def subject_of(model: str, digits: Dataset) -> Subject:
    if model == WRAPPED:
        return wrapped(digits)
    training = preset(model, **TRAINED[model])
    return Subject(classifier=train(training, digits), dataset=digits, training=training)


def processor_seconds(work: Callable[[], object]) -> float:
    """Return the shortest of some rounds."""
    seconds = []
    for _ in range(ROUNDS):
        start = time.process_time()
        work()
        seconds.append(time.process_time() - start)
    return min(seconds)


@pytest.mark.parametrize("model", [*TRAINED, WRAPPED])
def bench_diagnosis(benchmark: Any, model: str) -> None:
    torch.set_num_threads(1)
    digits = load_dataset("digits")
    subject = subject_of(model, digits)
    sizes, study = find_study("sample-size"), find_study("diagnosis")
    evaluated, diagnosed = (
        one.make_spec("quick", digits, subject.training, images=IMAGES) for one in (sizes, study)
    )

    def diagnose() -> None:
        result = study.run(diagnosed, subject)
        study.tables(result)
        check_result(result)
        list(model_findings(trial_of(result, subject)))
        conclusion(result)

    sizes.run(evaluated, subject)  # whatever is measured once
    evaluation = processor_seconds(lambda: sizes.run(evaluated, subject))
    diagnosis = processor_seconds(diagnose)
    samples = study.settled(diagnosed, subject).num_samples
    benchmark.group = "diagnosis"
    benchmark.extra_info.update(
        model=model, samples=samples, evaluation=evaluation, diagnosis=diagnosis
    )
    benchmark.pedantic(lambda: None, rounds=1, iterations=1)
    assert diagnosis < MOST * evaluation
