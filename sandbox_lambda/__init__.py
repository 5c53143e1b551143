"""The code inside the sandbox: runs one untrusted script and reports on it."""
