"""Terms that a training adds to its objective: one file and one line in ``REGULARISERS`` each."""

REGULARISERS = {
    "drt": "pyrosnn.training.regularisers.drt:DRT",
    "gal": "pyrosnn.training.regularisers.gal:GAL",
    "trs": "pyrosnn.training.regularisers.trs:TRS",
    "diverse-directions": "pyrosnn.training.regularisers.diverse_directions:DiverseDirections",
    "grad-div": "pyrosnn.training.regularisers.grad_div:GradDiv",
    "input-gradient": "pyrosnn.training.regularisers.input_gradient:InputGradient",
}
