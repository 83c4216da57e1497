"""What predicts: one file (or folder) per method, found by `methods.registry` without any list to edit."""
