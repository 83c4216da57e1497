"""The command line: verbs, and what they print.

app       the verbs
studies   what is asked and told of searches
new       a new method's file
"""
