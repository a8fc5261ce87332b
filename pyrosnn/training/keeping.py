"""How often the state of a training is written: seldom enough to cost little."""

import time
from collections.abc import Callable

from pyrosnn.training.state import TrainingState

SHARE = 0.05  # of the training's time


class StateWriter:
    """Writes the states of a training, but for those that would cost too much of its time.

    After an epoch the state is written if the last write took less than a twentieth of the time
    that has passed since. Where an epoch is twenty times as long as a write, all are written.

    Args:
        save: writes a state.
        epoch: of the state that is there already.
        clock: seconds.

    Attributes:
        epoch: of the state that was written last; 0 if none was.
    """

    def __init__(
        self,
        save: Callable[[TrainingState], None],
        *,
        epoch: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ):
        self.epoch = epoch
        self._save = save
        self._clock = clock
        self._waiting: TrainingState | None = None
        self._next = 0.0

    def __call__(self, state: TrainingState) -> None:
        """Write a state, or let it wait."""
        self._waiting = state
        start = self._clock()
        if start >= self._next:
            self.flush()
            end = self._clock()
            self._next = end + (end - start) / SHARE

    def flush(self) -> None:
        """Write the last state if it waits: the training was stopped."""
        if self._waiting is not None:
            self._save(self._waiting)
            self.epoch = self._waiting.epoch
            self._waiting = None
