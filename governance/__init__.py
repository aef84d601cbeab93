"""Accordant's service: MOUs that are signed, compiled to policies and enforced on every data request."""
