"""Runs: one execution of one automation each, from the queue to its recorded outcome."""
