"""The doctor: `attacks` run in a student's kernel, `examine` says what they achieved."""
