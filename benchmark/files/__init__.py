"""Paths, whole files and errors: what every room stands on.

paths       where records, reports and the cache lie
listing     what lies below a folder
atomic      files that are complete or absent
remembered  what many small files hold, kept until they change
scratch     what killed processes leave, swept
errors      errors a user can mend
plain       text as a terminal may show it
"""
