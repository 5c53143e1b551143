"""Authentication: passwords, sessions, access tokens, and who is asking."""
