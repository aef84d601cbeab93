"""Templates, as data: a folder each, `template.yaml` and `document.yaml`. No code lives here; nothing imports it."""
