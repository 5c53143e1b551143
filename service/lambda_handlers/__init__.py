"""What Lambda calls: one small module a function, so that each imports only what it needs."""
