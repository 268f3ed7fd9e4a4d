"""What a person must mend."""


class CourseError(Exception):
    """What keeps a command from doing its work, in one sentence that says what to do."""
