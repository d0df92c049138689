"""Kettle & Linen: a small, honest web shop, the example application of InsightEngine."""
