"""Settings that several studies have, each with its line of help."""

from dataclasses import asdict, dataclass
from typing import Annotated, Any, ClassVar

from annotated_types import Ge

from pyrosnn.settings import RARE, Settings

# Settings that came later, with the values that say nothing: a spec that does not use them is as it
# was, and so are digests.
LATER: dict[str, tuple[Any, ...]] = {"indices": (None, (), []), "draws": (1,)}


@dataclass(frozen=True, kw_only=True)
class RepeatSettings(Settings):
    """The repetitions of a study.

    Attributes:
        repeats: number of repetitions, each with fresh sample sets.
        first_repeat: index of the first repetition, to run one part of a larger study.
    """

    panel: ClassVar[str] = "sets"

    repeats: Annotated[int, Ge(1)] = 5
    first_repeat: Annotated[int, Ge(0), RARE] = 0


@dataclass(frozen=True, kw_only=True)
class SeedSettings(Settings):
    """The randomness of a study.

    Attributes:
        seed: root seed of all random numbers.
    """

    panel: ClassVar[str] = "run"

    seed: int = 0


def recorded(spec: Any) -> dict[str, Any]:
    """Return a spec as plain values, as a result records them.

    Args:
        spec: a dataclass of settings.
    """
    return {name: v for name, v in asdict(spec).items() if v not in LATER.get(name, ())}
