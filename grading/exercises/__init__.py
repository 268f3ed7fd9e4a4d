"""The code exercises of the book: what a student's kernel is asked, and how the grader judges the answer.

One module for each test cell of the chapters, named after its exercise. A module has

- ``GRADE_ID`` and ``TEST_ID``, the cells of the solution and of the test;
- ``POINTS``, the points of each behaviour; they sum to the points of the test cell;
- ``PROBE``, code for the student's kernel: it calls the student's code on inputs made from ``SEED`` and
  publishes one record of plain numbers. No expected value is in it;
- ``judge(record, seed)``, which runs in the grader's own process, takes nothing in the record on trust,
  computes what is right from the seed, and returns one `Check` for each behaviour.

To add an exercise: write such a module here, and put its wrong answers and its correct variants into a table in
tests/grading/answers. What begins with an underscore is shared by several.
"""
