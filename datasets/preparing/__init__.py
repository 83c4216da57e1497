"""From columns of raw files to a `Table`: encoded, split and given a fingerprint."""
