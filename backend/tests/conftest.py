"""Hypothesis without a time limit an example: a busy machine is no failure of the code."""

from hypothesis import settings

from tests.docker.fixture import docker_engine

__all__ = ["docker_engine"]

settings.register_profile("insight", deadline=None)
settings.load_profile("insight")
