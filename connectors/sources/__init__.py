"""Where rows are read from. Accepts governed queries only; sees model, ports and errors."""
