"""What arrives becomes what can be graded: the released sheets, with the student's sources in them.

The modules in the order of the flow; each knows only those above it in this list.

- `pictures`   what a student drew or photographed, drawn anew within bounds
- `receive`    a student's folder, read safely, as a `Submission`
- `notebooks`  the cells of a notebook of any format, in any encoding
- `times`      the moment that a written time says
- `match`      which of the files is which sheet
- `rebuild`    one released sheet with the sources of one submitted notebook
- `normalise`  all of that: a `Submission` becomes `Normalised`, which is what is graded
- `keep`       what came is kept for good, and what is graded is put in its place

Of metadata, tags, outputs, points, the given cells and their order nothing is taken from a student, so no edit of them
has an effect, and no slip does harm. What was noticed on the way goes along as notes, to the record.
"""
