"""The trained classifier of intents: a shop's labelled messages, what is learnt from them, and the one in service.

``logs`` reads a shop's file, ``store`` keeps examples and model below the home, ``training`` compares, trains and
forgets, ``served`` is what answers shoppers: the trained classifier where there is a good one, else nearest examples.
"""
