"""Terms that a training adds to its objective: one file and one line in ``REGULARISERS`` each."""

REGULARISERS = {
    "input-gradient": "pyrosnn.training.regularisers.input_gradient:InputGradient",
}
