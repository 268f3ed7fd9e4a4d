"""The gradebook: `writer` is the one that writes grades, `save` the same step for stock nbgrader, `marks` are a
person's, `policy` is what lateness costs, `audit` records every grading and `key` what decides it, `export` is the
table.
"""
