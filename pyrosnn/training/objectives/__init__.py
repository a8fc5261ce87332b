r"""Training losses: how the samples of one step are pooled per image.

All of them are (per image, with N training images) a likelihood term plus
``kl_weight`` · KL(guide ‖ prior) / N, and differ in the likelihood term:

====================  =========================================================================
``elbo``              mean over samples of the log-likelihood
``mixture``           log of the mean likelihood of each image
``averaged-logits``   log-likelihood of each image under the averaged logits
====================  =========================================================================

Which one a model is trained with by default is its attribute ``objective``.
"""

OBJECTIVES = {
    "elbo": "pyrosnn.training.objectives.elbo:MeanELBO",
    "mixture": "pyrosnn.training.objectives.mixture:MixtureELBO",
    "averaged-logits": "pyrosnn.training.objectives.averaged_logits:AveragedLogitsELBO",
}
