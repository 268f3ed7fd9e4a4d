"""What arrives becomes what can be graded: the released sheets, with the student's sources in them.

The modules in the order of the flow; each knows only those above it in this list.

- `roster`     who is in the course
- `pictures`   what a student drew or photographed, drawn anew within bounds
- `receive`    a student's folder, read safely, as a `Submission`
- `times`      the moment that a written time says
- `collected`  where a submission came from, kept beside it
- `names`      what a name in a learning management system's download says
- `people`     who a student of a download is, by roster, worksheet and what was collected before
- `downloads`  the same for `nbgrader zip_collect` (a plug-in of nbgrader)
- `notebooks`  the cells of a notebook of any format, in any encoding
- `earlier`    texts that an assignment's cells had in earlier releases
- `identify`   which submitted cell is which given cell
- `match`      which of the files is which sheet
- `rebuild`    one released sheet with the sources of one submitted notebook
- `normalise`  all of that: a `Submission` becomes `Normalised`, which is what is graded
- `keep`       what came is kept for good, and what is graded is put in its place
- `unpack`     a download as its files, zips within opened up to bounds
- `parts`      whose each of them is
- `collect`    all of that: downloads become the students' folders; `arrivals` says what came

Of metadata, tags, outputs, points, the given cells and their order nothing is taken from a student, so no edit of them
has an effect, and no slip does harm. What was noticed on the way goes along as notes, to the record.
"""
