"""Practical neural estimators of mutual information: many networks at once, for races between methods.

The chapters build each estimator for one network, to be read; here S networks are stacked and multiplied
together, so that one call gives a spread over seeds or over fresh samples. All values are in nats.

- Columns are standardised first, which changes no mutual information.
- The log of the average of ``exp t`` is a log-sum-exp throughout, and critics have no output bias, since an
  added constant cancels in the Donsker-Varadhan objective: nothing here overflows.
- A sample outside an estimator's hypotheses is refused, or warned of, in a sentence that names another way.
- Reference pairs are cyclic shifts of a permuted sample, so none of them is a true pair.

Sources: Belghazi et al., "Mutual Information Neural Estimation", ICML 2018 (the objective and its moving
average); Chan et al., "Neural Entropic Estimation", arXiv:1905.12957 (the three divergences of ``minee``);
Letizia, Novello and Tonello, NeurIPS 2024 (references without true pairs).
"""

from mibook.estimators.hypotheses import HeavyTailWarning, NoDensityError, TiedSampleWarning
from mibook.estimators.mine import CrossFit, cross_fit, mine
from mibook.estimators.minee import minee
from mibook.estimators.networks import Fit
from mibook.estimators.settings import MINEESettings, Settings

__all__ = [
    "CrossFit",
    "Fit",
    "HeavyTailWarning",
    "MINEESettings",
    "NoDensityError",
    "Settings",
    "TiedSampleWarning",
    "cross_fit",
    "mine",
    "minee",
]
