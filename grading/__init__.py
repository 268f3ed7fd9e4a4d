"""The course: from the chapters to a grade, and back to the student.

A submission's way, room by room:

    release/    chapters to sheets, with stubs for answers; one zip an assignment
    intake/     what arrives: names, encodings, times; each sheet rebuilt from the released one
    run/        one sheet in one sandbox; workers here or on a cluster
    verdict/    from what a test cell published to checks with reasons; exercises/ are the book's own
    gradebook/  the one writer; policy, marks, the audit, the export
    feedback/   the page for the student and the page for the marker
    report/     the page on the class: what it misunderstood, and who needs a word

`pipeline` leads a class along it; `__main__` has the commands, `nbgrader_config` sets up stock nbgrader to go the
same way. What all of them share: `record` (what stages say to each other, and every kind), `course` (the folder and
its settings), `assignments` (what is declared in assignments.yml). `sandbox/` holds the walls, and `doctor/` attacks
them.

Arrows point down in the order that tests/test_imports.py lists. Nothing here knows the site or the book's package,
and nothing but exercises/ knows an exercise by name.
"""
