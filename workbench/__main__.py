"""`python -m workbench` is `plinth`."""

from workbench.cli import main

main()
