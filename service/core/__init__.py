"""What every domain shares: settings, database sessions, errors, limits, logging and pages."""
