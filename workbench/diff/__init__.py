"""What changes between two revisions of a stack: computed once, as data (`model`); `workbench.report` renders it.

The modules in the order of the work:

- `command` does all of it: `revisions` checks both sides out, `evaluation` evaluates each in a process of its own, and
  `snapshot` makes of every stack what can be compared.
- `compare` compares one stack. `aliases` finds which resource is which; `properties` compares their inputs, of which
  `ignored` takes away what does not count, `documents` reads the JSON, `sequences` the lists and `values` the rest.
- `replacement` says which change makes a resource anew, by `replacement_table` in the form of `replacement_rows`, and
  by `replacement_components`; `cascade` says what follows from that, by the `references` between resources.
- `data_risks` says what could lose data, by `data_tables`.
- `access` says what is opened, as `findings`. `iam` compares policies: `iam_documents` finds them at `iam_places`,
  `statements` compares what they say, with their `conditions` and `patterns`. `security_groups` compares the
  `network_rules`, and `public` what everybody can reach, by `entrances` and `admissions`. `memberships` says what a
  resource gets by belonging to something, and `holders` whose a policy or rule is.
- `hints` gives advice, also of `missing_aliases`.
"""
