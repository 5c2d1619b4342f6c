"""What to suggest to whom, learnt from what was bought together."""

from retrieval.recommend.model import Recommender, Suggestion

__all__ = ["Recommender", "Suggestion"]
