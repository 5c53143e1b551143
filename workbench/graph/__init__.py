"""Draws an environment: its components as boxes, what flows between them as arrows."""
