"""What every floor needs: standard library alone.

files    the user's cache folder, and files that are complete or absent
imports  the modules of this repository that a source file imports
names    the sentence for a name that is not there
"""
