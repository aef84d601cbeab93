"""Attackers at play: each test fails without the defence that it names (docs/threat-model.md)."""
