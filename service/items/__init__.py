"""Items: the things whose changes start automations."""
