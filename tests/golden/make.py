"""Write the golden files: ``PYTHONPATH=tests python -m golden.make``, for a change that is meant.

A restructuring must not need it: say in the commit which values changed, and why. The checkpoints
stay as the version that wrote them left them; one that is missing is trained.
"""

import sys
from collections.abc import Iterator

import torch
from golden import cases, rules, stored, tables

import pyrosnn

# Units of a pixel's last digit, and how often. What a change of the images by so much does is up
# to ten times what a sum in another order does.
NUDGE, TIMES, SLACK = 3e-7, 3, 10.0
DRAWN = ("untrained", "trained", "training")  # cases whose values hardly depend on the images


def write_checkpoints() -> None:
    """Train the small networks whose checkpoints are missing."""
    cases.CHECKPOINTS.mkdir(exist_ok=True)
    data = cases.digits()
    for name in cases.KEPT:
        path = cases.checkpoint_path(name)
        if path.exists():
            continue
        model, options = cases.MODELS[name]
        epochs = 4 if model == "resnet" else 15
        spec = pyrosnn.preset(model, epochs=epochs, options=options, seed=1)
        trained = pyrosnn.train(spec, data)
        share = pyrosnn.accuracy(trained, data.x_test, data.y_test)
        pyrosnn.save_checkpoint(path, trained, spec, data, test_accuracy=share)


def moved(x: torch.Tensor, computed: dict[str, cases.Values]) -> Iterator[str]:
    """Compute cases again on images that are changed a little; yield what follows them too far."""
    for number in range(TIMES):
        noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(number))
        for case, values in computed.items():
            if case.split("/")[0] in DRAWN:
                continue
            found = cases.CASES[case](x + NUDGE * noise).rounded
            for name, golden in values.rounded.items():
                difference = rules.rounded_near(golden, found[name], slack=SLACK)
                if difference is not None:
                    yield f"{case} {name}: {difference}"


def main() -> None:
    """Compute all cases, and write them if they are stable."""
    torch.set_num_threads(1)
    write_checkpoints()
    x = cases.images()
    computed = {name: case(x) for name, case in cases.CASES.items()}
    unstable = list(moved(x, computed))
    if unstable:
        sys.exit("within rounding of a threshold; take other images:\n" + "\n".join(unstable))
    content = {
        "environment": rules.environment(),
        "bits": {
            case: {name: rules.bits(value) for name, value in values.bits.items()}
            for case, values in computed.items()
            if values.bits
        },
        "tables": {path: tables.table(path) for path in tables.results()},
    }
    stored.write(content, {case: values.rounded for case, values in computed.items()})


if __name__ == "__main__":
    main()
