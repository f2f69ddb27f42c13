# Placeholder until the next change.
