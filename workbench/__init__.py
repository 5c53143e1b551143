"""The `plinth` command: evaluate a stack's program, show it, run it on this machine."""
