"""Looks at a table whose columns nobody has explained, as a careful analyst would, and proposes a description of it."""
