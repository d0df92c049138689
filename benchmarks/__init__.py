"""Benchmarks, run by `bin/bench`. Never part of the tests: these figures belong to one machine."""
