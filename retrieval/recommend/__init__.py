"""What to suggest to whom, learnt from what was bought, seen and said."""

from retrieval.recommend.interactions import Interactions, Known, weight_of
from retrieval.recommend.recommender import Event, Recommender, Suggestion

__all__ = ["Event", "Interactions", "Known", "Recommender", "Suggestion", "weight_of"]
