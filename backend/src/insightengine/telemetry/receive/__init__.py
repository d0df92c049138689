"""How telemetry gets in: servers, checks, limits, and the hand-over to the spool."""
