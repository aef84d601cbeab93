"""The edge: engines, real and broken."""
