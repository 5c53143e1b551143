"""The FastAPI application: items, the automations attached to them, and the runs that automations make."""
