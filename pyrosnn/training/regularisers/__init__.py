"""Terms that a training adds to its objective: one file and one line in ``REGULARISERS`` each."""

REGULARISERS = {
    "consistency": "pyrosnn.training.regularisers.consistency:Consistency",
    "diverse-directions": "pyrosnn.training.regularisers.diverse_directions:DiverseDirections",
    "drt": "pyrosnn.training.regularisers.drt:DRT",
    "gal": "pyrosnn.training.regularisers.gal:GAL",
    "grad-div": "pyrosnn.training.regularisers.grad_div:GradDiv",
    "input-gradient": "pyrosnn.training.regularisers.input_gradient:InputGradient",
    "latent-kl": "pyrosnn.training.regularisers.latent_kl:LatentKL",
    "logit-variance": "pyrosnn.training.regularisers.logit_variance:LogitVariance",
    "noise-growth": "pyrosnn.training.regularisers.noise_growth:NoiseGrowth",
    "noise-matching": "pyrosnn.training.regularisers.noise_matching:NoiseMatching",
    "scale-hinge": "pyrosnn.training.regularisers.scale_hinge:ScaleHinge",
    "trs": "pyrosnn.training.regularisers.trs:TRS",
}
