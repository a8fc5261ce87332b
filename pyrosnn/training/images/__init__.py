"""Images for the loss of a step: one file and one line in ``IMAGES`` for each kind.

``AUGMENTATIONS`` and the noise of ``smoothing_variance`` change a batch first.
"""

IMAGES = {
    "clean": "pyrosnn.training.images.clean:Clean",
    "adversarial": "pyrosnn.training.images.adversarial:Adversarial",
    "latent-matching": "pyrosnn.training.images.latent_matching:LatentMatching",
    "trades": "pyrosnn.training.images.trades:Trades",
    "smooth-adversarial": "pyrosnn.training.images.smooth_adversarial:SmoothAdversarial",
    "ibp": "pyrosnn.training.images.interval:Interval",
}
