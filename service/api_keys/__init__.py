"""API keys: credentials for programs, shown once."""
