"""Automations: Python scripts that run in a sandbox when their item changes."""
