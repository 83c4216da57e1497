"""A trained model that is taken away: kept in a folder, opened again, asked about new rows.

codec    what a method has learned, as JSON and arrays
folder   the folder: complete or absent, and refused where a byte of it has changed
model    from a trained replica to its folder and back
job      trains the replica that is kept
predict  from a table to a file of predictions
"""
