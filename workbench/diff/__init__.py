"""What changes between two revisions of a stack: computed once, as data (`model`); `workbench.report` renders it."""
