"""What an installation that only reads results lacks."""

# the packages that read no result, by the names that they are imported by
OTHERS = {
    "jaxtyping": "jaxtyping",
    "pyro": "pyro-ppl",
    "safetensors": "safetensors",
    "sklearn": "scikit-learn",
    "torch": "torch",
    "torchvision": "torchvision",
}


def is_left_out(error: BaseException) -> bool:
    """Whether an error says that a package is missing which results are read without.

    Example:
        >>> is_left_out(ModuleNotFoundError("no", name="torch")), is_left_out(ValueError("torch"))
        (True, False)
    """
    return isinstance(error, ModuleNotFoundError) and error.name in OTHERS


def left_out(error: BaseException) -> str:
    """Return the line for the user."""
    return (
        f"this needs {getattr(error, 'name', None)}, which is not installed: this pyrosnn reads "
        f"results only; for the rest: pip install {' '.join(sorted(OTHERS.values()))}"
    )
