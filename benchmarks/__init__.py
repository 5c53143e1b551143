"""What the service costs beside what it is made of. Each figure is measured against its baseline in the same run."""
