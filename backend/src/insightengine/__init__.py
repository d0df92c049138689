"""InsightEngine releases, observes, protects and recovers self-hosted web applications."""
