"""How many images the terms of a loss leave out, as a regulariser does where gradients vanish."""

from torch import Tensor


class LeftOut:
    """Counts of images, by the name of the term that left some of them out."""

    def __init__(self) -> None:
        self._counts: dict[str, tuple[Tensor, int]] = {}

    def add(self, term: str, mask: Tensor) -> None:
        """Count the images of a batch.

        Args:
            term: name of the term.
            mask: whether it leaves an image out, shape (example,).
        """
        before, number = self._counts.get(term, (0, 0))
        self._counts[term] = (before + mask.sum(), number + len(mask))

    def shares(self) -> dict[str, float]:
        """Return the share of images that each term left out, and count from 0 again."""
        shares = {term: float(count) / number for term, (count, number) in self._counts.items()}
        self._counts.clear()
        return shares
