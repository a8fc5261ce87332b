"""Terms that a training adds to its objective: one file and one line in ``REGULARISERS`` each."""

REGULARISERS = {
    "consistency": "pyrosnn.training.regularisers.consistency:Consistency",
    "input-gradient": "pyrosnn.training.regularisers.input_gradient:InputGradient",
}
