"""Frozen values. No I/O, no clock, no global state; imports only `governance.errors`."""
