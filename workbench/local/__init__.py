"""The local cloud: a stack's program applied to an AWS emulator, a PostgreSQL and a Valkey on this machine."""
