"""Hand-written Rego, shipped as data: no Python code stands here, and none may."""
