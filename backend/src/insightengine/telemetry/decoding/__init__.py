"""The SQL of `decode` in parts: what is read from a segment, and what becomes of it."""
