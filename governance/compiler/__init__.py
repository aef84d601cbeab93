"""Pure: no I/O, no clock, no randomness. From a template to a document, its text, its Rego and its bundle."""
