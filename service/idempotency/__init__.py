"""Idempotency keys: a POST that is sent again gets the answer it got before, and is done once."""
