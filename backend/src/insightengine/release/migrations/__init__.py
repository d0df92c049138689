"""Migrations of a release: what they are, whether they are safe, and carrying them out."""
