"""The random numbers of a module's forward pass: seen, made sample sites, and replayed."""
