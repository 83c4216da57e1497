"""What every reader of raw files shares: pieces of text, typed cells, lists of ids, joins and units."""
