"""The command line: verbs, and what they print.

app        the application and its verbs
options    the options that verbs share, and what they stand for
overview   list, data, plan
running    run, compare, status
pages      report, explain
tables     describe, and the option --table
models     predict
authors    check; where a method that is not committed runs
sharing    submit, accept, verify, predictions
studies    what is asked and told of searches
ranking    the ranking at the end of a run
new        a new method's file
"""
