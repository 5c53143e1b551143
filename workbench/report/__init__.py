"""Renders a difference: for a terminal, a comment, a program and a browser."""
