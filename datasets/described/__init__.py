"""A table of your own, described by a TOML file: which column plays which part, in which unit, split how."""
