"""Tables of any common form: CSV of any dialect, Parquet or Feather, one file or a folder of them, read in blocks."""
