"""The roster: whoever is in the course, from a table of one's own or from a system's export."""

from __future__ import annotations

import pytest

from grading.errors import CourseError
from grading.intake.roster import Person, keep, kept, read

TABLES = {
    "of one's own": (
        "id,name,email,tutor,moodle,canvas\nada,Ada Lovelace,ada@x.org,Bob,111 222,9\n",
        Person("ada", "Ada Lovelace", "ada@x.org", "Bob", {"moodle": "111 222", "canvas": "9"}),
    ),
    "Moodle's": (
        '\ufeff"First name",Surname,"Email address","ID number",Groups\nZoe\u0308,Müller,zm@x.org,K7,"A, B"\n',
        Person("K7", "Zo\u00eb Müller", "zm@x.org", "", {"login": "K7"}),
    ),
    "Canvas's": (
        "Student,ID,SIS User ID,SIS Login ID,Section,Quiz\n"
        '    Points Possible,,,,,5\n"Lovelace, Ada",4711,S9,alovelace,1,3\n"Student, Test",5,,x,1,\n',
        Person("alovelace", "Ada Lovelace", "", "", {"canvas": "4711", "login": "alovelace"}),
    ),
    "Blackboard's": (
        '\ufeff"Last Name"\t"First Name"\t"Username"\t"Student ID"\nLovelace\tAda\tada1\tS9\n',
        Person("S9", "Ada Lovelace", "", "", {"login": "ada1"}),
    ),
    "Brightspace's": (
        "OrgDefinedId,Username,Last Name,First Name,Email,End-of-Line Indicator\n#77,#ada1,Lovelace,Ada,a@x.org,#\n",
        Person("ada1", "Ada Lovelace", "a@x.org", "", {"brightspace": "77", "login": "ada1"}),
    ),
    "with semicolons": ("Name;E-Mail\nRāmu;r@x.org\n", Person("r", "Rāmu", "r@x.org")),
}


@pytest.mark.parametrize("of", TABLES)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_table_of_any_system_says_who_is_in_the_course(tmp_path, of, encoding):
    text, person = TABLES[of]
    (tmp_path / "roster.csv").write_text(text.lstrip("\ufeff") if encoding == "utf-16" else text, encoding=encoding)
    assert read(tmp_path / "roster.csv") == [person]


def test_the_kept_roster_says_the_same(tmp_path):
    people = [person for _, person in TABLES.values()]
    people = [Person(f"{n}{p.id}", p.name, p.email, p.tutor, p.ids) for n, p in enumerate(people)]
    assert kept(tmp_path) == []
    keep(tmp_path, people)
    assert kept(tmp_path) == people


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("id,name\nada,Ada\nada,Ada Two\n", "line 3: 'ada' stands in an earlier line"),
        ("id,name,tutor\nada,Ada,\n,,Bob\n", "line 3 has no id"),
        ("what,ever\n", "is no roster"),
        ("", "is no roster"),
        (b"id,name\nada,Zo\xeb\n", "is not text in UTF-8"),
    ],
)
def test_a_table_that_says_too_little_is_refused_in_a_sentence(tmp_path, text, said):
    path = tmp_path / "roster.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(CourseError, match=said):
        read(path)


def test_a_roster_that_is_not_there_is_said(tmp_path):
    with pytest.raises(CourseError, match="nowhere"):
        read(tmp_path / "nowhere.csv")
