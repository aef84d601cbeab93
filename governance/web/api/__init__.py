"""The JSON and Arrow endpoints of `interfaces.md`."""
