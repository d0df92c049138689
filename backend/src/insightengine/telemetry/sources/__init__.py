"""What the collector reads by itself: logs of processes, the access log, host and servers."""

from insightengine.telemetry.sources.run import run_sources

__all__ = ["run_sources"]
