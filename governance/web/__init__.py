"""HTTP. Translates; holds no rule of its own. Knows Flask, so that nothing further in has to."""
