"""The rules that every stack keeps: the same functions for `pulumi preview --policy-pack policies` and `plinth check`.

Rules see plain data (`policies.model`) and nothing of the code that registered it.
"""
