"""What Lambda calls: one small module a function, so that each imports only what it needs."""

import gc

# What imports make stays: to look for garbage among it every 700 objects, as Python does, is a fifth of a cold start.
# It ends with `invocation.started()`, at the latest as the first invocation begins.
gc.set_threshold(1_000_000)
