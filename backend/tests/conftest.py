"""Hypothesis without a time limit an example: a busy machine is no failure of the code."""

from hypothesis import settings

settings.register_profile("insight", deadline=None)
settings.load_profile("insight")
