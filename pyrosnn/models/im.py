"""`im`: the infinite mixture, the same network trained by maximum likelihood of its mixture."""

from pyrosnn.models.bnn import BNN


class InfiniteMixture(BNN):
    r"""A network with matrix normal weights that is trained as the mixture it predicts with.

    The mixture is $p(y \mid x) = \mathbb E_\Theta[p(y \mid x, \Theta)]$. Model, guide and
    evaluation are the BNN's. The objective is the log-likelihood of each image under the
    mixture, not the mean of the components' log-likelihoods, which leaves the components free
    to disagree; the KL to the standard matrix normal regularises it.

    References:
        S. Däubener, A. Fischer, Investigating maximum likelihood based training of infinite
        mixtures for uncertainty quantification, arXiv 2008.03209, 2020.
    """

    objective = "mixture"
