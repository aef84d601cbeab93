"""The hand-written Rego: its own tests, its form, and that it is shipped whole."""
