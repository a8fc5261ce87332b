"""What an interval is for, in words that all tables and figures share."""


def interval_words(images: int, repeats: int, *, confidence: float = 0.95) -> str:
    """Return what the interval of a share of images is for.

    Args:
        images: number of images.
        repeats: number of repeats, each with fresh sample sets.
        confidence: confidence of the interval.

    Example:
        >>> interval_words(200, 3)
        '95 % interval for fresh samples and fresh images; 200 images, 3 repeats'
        >>> interval_words(1000, 1)
        '95 % interval for fresh images under these samples; 1,000 images, 1 repeat'
    """
    counted = f"{_count(images, 'image')}, {_count(repeats, 'repeat')}"
    return f"{fresh_words(repeats, confidence=confidence)}; {counted}"


def fresh_words(repeats: int, *, confidence: float = 0.95) -> str:
    """Return what the interval is for, without the numbers that stand elsewhere.

    Args:
        repeats: number of repeats.
        confidence: confidence of the interval.

    Example:
        >>> fresh_words(3)
        '95 % interval for fresh samples and fresh images'
    """
    fresh = "fresh samples and fresh images" if repeats > 1 else "fresh images under these samples"
    return f"{100 * confidence:g} % interval for {fresh}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
