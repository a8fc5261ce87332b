"""States of a training are written as often as costs less than a twentieth of its time."""

from hypothesis import given
from hypothesis import strategies as st

from pyrosnn.training import TrainingState
from pyrosnn.training.keeping import SHARE, StateWriter

SECONDS = st.floats(1e-3, 1e3)


def state(epoch: int) -> TrainingState:
    return TrainingState(epoch=epoch, tensors={})


class Run:
    """A training on a clock of its own, where every write takes as long."""

    def __init__(self, write: float):
        self.now, self.writing, self.write, self.epochs = 0.0, 0.0, write, list[int]()
        self.keep = StateWriter(self.save, clock=lambda: self.now)

    def save(self, kept: TrainingState) -> None:
        self.now += self.write
        self.writing += self.write
        self.epochs.append(kept.epoch)

    def train(self, epochs: int, seconds: float) -> None:
        for epoch in range(1, epochs + 1):
            self.now += seconds
            self.keep(state(epoch))


def test_long_epochs_are_all_written() -> None:
    run = Run(write=1.0)
    run.train(epochs=5, seconds=20.0)
    assert run.epochs == [1, 2, 3, 4, 5]


def test_short_ones_are_not() -> None:
    run = Run(write=1.0)
    run.train(epochs=100, seconds=1.0)
    assert run.epochs == [1, 21, 41, 61, 81]
    run.keep.flush()
    run.keep.flush()
    assert run.epochs == [1, 21, 41, 61, 81, 100]


@given(write=SECONDS, seconds=SECONDS)
def test_never_more_than_a_twentieth_and_one_write(write: float, seconds: float) -> None:
    run = Run(write)
    run.train(epochs=200, seconds=seconds)
    assert run.writing - write <= SHARE * run.now * (1 + 1e-9)
