"""Ports for the servers of a test, below those that outgoing connections are given."""

from insightengine.runtimes.local.ports import free_base_port as free_base_port
from insightengine.runtimes.local.ports import free_port as free_port
