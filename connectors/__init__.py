"""Programs that request, and the places that rows are read from."""
