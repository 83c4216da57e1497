"""Paths, whole files and errors: what every room stands on.

paths    where records, reports and the cache lie
atomic   files that are complete or absent
scratch  what killed processes leave, swept
errors   errors a user can mend
plain    text as a terminal may show it
"""
