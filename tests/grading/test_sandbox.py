"""The sandbox: what it holds back on this machine, for root and for an ordinary user, and that it fails closed."""

import errno
import json
import os
import re
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbgrader
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from traitlets.config import Config

from chapters.source import ROOT
from grading.doctor import attacks, examine
from grading.run.execute import RobustExecute
from grading.sandbox import SandboxError, bubblewrap, check, seccomp, warm

pytestmark = pytest.mark.usefixtures("sandbox")


@pytest.fixture
def unchecked():
    """Forget what `check` found, before and after."""
    bubblewrap._works.cache_clear()
    yield
    bubblewrap._works.cache_clear()


def run(*sources):
    notebook = new_notebook(cells=[new_code_cell(source) for source in sources])
    RobustExecute(timeout=30).preprocess(notebook, {})
    return notebook


def test_all_claims_hold_on_this_machine():
    with tempfile.TemporaryDirectory(prefix="doctor-") as folder:
        command = [sys.executable, "-m", "grading.doctor"]
        variables = os.environ | {"TMPDIR": folder}
        found = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=300)
        assert found.returncode == 0, found.stdout + found.stderr
        each_way = len(examine.QUIET) + len(examine.LOUD) + 4
        assert found.stdout.count("  holds   ") == 2 * each_way + len(examine.SIBLINGS) + 1
        assert "Left open" in found.stdout
        assert os.listdir(folder) == [], "a kernel or the doctor left something behind"


def test_attacks_succeed_where_nothing_protects(monkeypatch, caplog):
    """The doctor can find a gap: the same attacks, without a sandbox, reach what they aim at."""
    monkeypatch.setenv("MIBOOK_SANDBOX", "none")
    harmless = [
        attacks.read_course,
        attacks.read_repository,
        attacks.reach_loopback,
        attacks.reach_unix_sockets,
        attacks.see_processes,
        attacks.kill_processes,
        attacks.plant_links,
        attacks.hide_memory,
    ]
    with examine.Targets() as targets:
        achieved, stopped = examine.attack(harmless, targets.values)
    assert not stopped
    repelled = [function.__name__ for function, what in zip(harmless, achieved, strict=True) if not what]
    assert not repelled
    assert not [what for what in achieved if "could not be tried" in what]
    assert "WITHOUT a sandbox" in caplog.text


def test_the_doctor_refuses_to_attack_an_unprotected_machine(monkeypatch, capsys):
    monkeypatch.setenv("MIBOOK_SANDBOX", "none")
    assert examine.main() == 1
    assert "MIBOOK_SANDBOX=none" in capsys.readouterr().out


def test_quiet_claims_hold_for_an_ordinary_user():
    """As root: the same for another user, in an environment of its own. Without root, every test here says so."""
    if os.geteuid() != 0:
        assert bubblewrap.kernel_user() is None
        return
    name = "python{}.{}".format(*sys.version_info[:2])
    # Through a shell: setpriv itself still has root's rights when it opens the program.
    become = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "sh", "-c", 'exec "$0" "$@"']
    for python in (os.path.realpath(sys.executable), f"/usr/bin/{name}", f"/usr/local/bin/{name}"):
        if subprocess.run([*become, python, "-c", ""], capture_output=True).returncode == 0:
            break
    else:
        pytest.skip(f"No {name} that other users can run: run 'apt-get install {name}'.")
    packages = Path(nbgrader.__file__).parent.parent
    with tempfile.TemporaryDirectory(prefix="ordinary-") as folder:
        subprocess.run([python, "-m", "venv", "--without-pip", f"{folder}/venv"], check=True)
        site = next(Path(folder, "venv", "lib").glob("python*/site-packages"))
        editable = [path.read_text() for path in packages.glob("__editable__.mibook*.pth")]
        (site / "book.pth").write_text("\n".join([str(packages), *editable]))
        for path in [Path(folder), *Path(folder).rglob("*")]:
            os.chown(path, 65534, 65534, follow_symlinks=False)
        code = "import json; from grading.doctor import examine; from grading.sandbox import check; print(check())\n"
        code += "with examine.Targets() as targets:\n"
        code += "    for forked in (False, True): print(json.dumps(list(examine.examine(targets, forked=forked))))\n"
        code += "print(examine.forks())"
        variables = {"HOME": folder, "TMPDIR": folder, "PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}
        found = subprocess.run(
            [*become, f"{folder}/venv/bin/python", "-c", code],
            cwd=ROOT,
            env=variables,
            capture_output=True,
            text=True,
            timeout=120,
        )
    assert found.returncode == 0, found.stderr
    isolation, cold, forked, refused = found.stdout.splitlines()
    assert (isolation, refused) == ("bubblewrap", "")
    for findings in map(json.loads, (cold, forked)):
        assert len(findings) == len(examine.QUIET)
        assert [finding for finding in findings if finding[1]] == []


def test_without_bubblewrap_nothing_is_executed(monkeypatch, tmp_path, unchecked):
    monkeypatch.setenv("PATH", str(tmp_path))
    notebook = new_notebook(cells=[new_code_cell("print(1)")])
    with pytest.raises(SandboxError, match="apt-get install bubblewrap"):
        RobustExecute().preprocess(notebook, {})
    assert notebook.cells[0].outputs == []


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ("echo 'bwrap: No permissions to create new namespace' >&2; exit 1", "sysctl|--cap-add SYS_ADMIN"),
        ("echo 'bwrap: Unknown option --size' >&2; exit 1", "too old"),
        # One that runs the program and isolates nothing: being there is not enough.
        ('while [ "$1" != -- ]; do shift; done; shift; cd /; exec "$@"', "visible"),
    ],
)
def test_a_bubblewrap_that_does_not_protect_is_found_out(monkeypatch, tmp_path, unchecked, script, sentence):
    (tmp_path / "bwrap").write_text(f"#!/bin/sh\n{script}\n")
    (tmp_path / "bwrap").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(SandboxError, match=sentence) as error:
        check()
    assert "\n" not in str(error.value)


def test_a_bubblewrap_that_may_not_be_executed_gets_one_sentence(monkeypatch, tmp_path, unchecked):
    (tmp_path / "bwrap").write_text("#!/bin/sh\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SandboxError, match=f"{tmp_path}/bwrap can't be executed: run 'chmod"):
        check()


@pytest.mark.parametrize("target", ["straight", "through another link"])
def test_an_environment_that_is_a_link_is_seen_inside(tmp_path, unchecked, target):
    (tmp_path / "first").symlink_to(sys.prefix)
    (tmp_path / "second").symlink_to("first")
    link = tmp_path / ("first" if target == "straight" else "second")
    assert check(str(link / "bin" / "python")) == "bubblewrap"


def test_only_the_exact_word_switches_protection_off(monkeypatch):
    monkeypatch.setenv("MIBOOK_SANDBOX", "off")
    with pytest.raises(SandboxError, match="MIBOOK_SANDBOX=off is not known"):
        check()
    monkeypatch.setenv("MIBOOK_SANDBOX", "none")
    assert check() == "none"
    monkeypatch.delenv("MIBOOK_SANDBOX")
    assert check() == "bubblewrap"


def test_a_course_inside_what_students_read_is_refused(tmp_path):
    with pytest.raises(SandboxError, match="Move the course"):
        bubblewrap.refuse_visible(Path(sys.prefix) / "course", sys.executable)
    bubblewrap.refuse_visible(tmp_path, sys.executable)
    (tmp_path / "venv").symlink_to(sys.prefix)
    with pytest.raises(SandboxError, match="Move the course"):
        RobustExecute().preprocess(
            new_notebook(cells=[new_code_cell("1")]), {"metadata": {"path": str(tmp_path / "venv")}}
        )


def test_the_kernel_is_alone_and_torch_and_the_package_work():
    notebook = run(
        "import os, socket; print(os.getuid(), socket.gethostname(), os.getcwd(), sorted(os.listdir()))",
        "import torch, mibook; print((torch.ones(3, 3) @ torch.ones(3, 3)).sum().item())",
    )
    uid, host, folder = notebook.cells[0].outputs[0].text.split()[:3]
    assert (host, folder) == ("sandbox", bubblewrap.HOME)
    assert ".ipynb" not in notebook.cells[0].outputs[0].text
    assert int(uid) == os.getuid() if os.getuid() else int(uid) >= 0x70000000
    assert notebook.cells[1].outputs[0].text == "27.0\n"


def test_strangers_are_nobody_here():
    numbers = {bubblewrap.stranger("0 0 4294967295\n") for _ in range(20)}
    assert len(numbers) == 20
    assert all(0x70000000 <= number < 0x80000000 for number in numbers)
    # In a container that maps 65536 numbers only, a high one does not exist.
    assert all(32768 <= bubblewrap.stranger("0 100000 65536\n") < 65536 for _ in range(20))


def decide(program: bytes, architecture: int, number: int, *arguments: int) -> int:
    """What a filter returns for a system call: a small interpreter of the instructions it uses."""
    data = struct.pack("<IIQ6Q", number, architecture, 0, *arguments, *[0] * (6 - len(arguments)))
    code = list(struct.iter_unpack("=HBBI", program))
    place, value = 0, 0
    while True:
        kind, yes, no, constant = code[place]
        if kind == 0x20:
            value = struct.unpack_from("<I", data, constant)[0]
            place += 1
        elif kind == 0x06:
            return constant
        else:
            holds = {0x15: value == constant, 0x35: value >= constant, 0x45: bool(value & constant)}[kind]
            place += 1 + (yes if holds else no)


@pytest.mark.parametrize(
    ("machine", "architecture", "read", "ptrace", "clone", "socket", "setsockopt", "memory"),
    [
        ("x86_64", 0xC000003E, 0, 101, 56, 41, 54, (29, 64, 68, 319)),
        ("aarch64", 0xC00000B7, 63, 117, 220, 198, 208, (186, 190, 194, 279)),
    ],
)
def test_system_calls_are_filtered(machine, architecture, read, ptrace, clone, socket, setsockopt, memory):
    allow, refuse, absent = 0x7FFF0000, 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS
    program = seccomp.program(machine)
    assert decide(program, architecture, read) == allow
    assert decide(program, architecture, ptrace) == refuse
    assert decide(program, architecture, clone, 0x003D0F00) == allow  # as threads are made
    assert decide(program, architecture, clone, 0x10000000 | 17) == refuse  # with a user namespace
    assert decide(program, architecture, 435) == absent  # clone3
    assert decide(program, architecture, 425) == refuse  # io_uring_setup
    assert [decide(program, architecture, socket, family) == allow for family in (1, 2, 10, 16, 17, 38, 40)] == [
        True, False, False, True, False, False, False,
    ]  # fmt: skip
    # Buffers of sockets keep their size; other options, and the same numbers on another level, may be set.
    options = [(1, 7), (1, 8), (1, 2), (0, 7), (6, 8)]
    decided = [decide(program, architecture, setsockopt, 5, *option) == allow for option in options]
    assert decided == [False, False, True, True, True]
    assert all(decide(program, architecture, number) == refuse for number in memory)
    assert decide(program, 0x40000003, ptrace) == 0x80000000  # a 32-bit call
    if machine == "x86_64":
        assert decide(program, architecture, 0x40000000 | read) == refuse  # an x32 call


def test_an_unknown_processor_has_no_filter():
    assert seccomp.program("riscv64") is None


@pytest.fixture
def no_zygote(monkeypatch):
    """Start as a process that has forked no kernel yet."""
    monkeypatch.setattr(warm, "_zygotes", {})


def forked(*sources, modules=("numpy", "matplotlib.pyplot")):
    """What cells print or show in a kernel that is forked where that works."""
    config = Config()
    config.BubblewrapProvisioner.preload = list(modules)
    notebook = new_notebook(cells=[new_code_cell(source) for source in sources])
    RobustExecute(timeout=30, config=config).preprocess(notebook, {})
    return [
        output.get("text") or output.get("evalue") or output.data for cell in notebook.cells for output in cell.outputs
    ]


def test_a_forked_kernel_has_its_modules_already_and_no_more_in_its_names(no_zygote):
    loaded = "import sys; print('numpy' in sys.modules, 'numpy' in globals())"
    assert forked(loaded) == ["True False\n"]
    assert forked(loaded, modules=()) == ["False False\n"]


def test_a_forked_kernel_looks_like_any_other(no_zygote):
    """Process numbers aside: what a student's code can ask for and what it shows is the same."""
    sources = [
        "import os, sys; print(os.getppid(), os.getcwd(), sorted(os.environ.items()), sys.argv[0], sys.path)",
        "import resource; print([resource.getrlimit(i) for i in range(16)], os.umask(0o22))",
        "import pwd; print(pwd.getpwuid(os.getuid()).pw_name, sorted(os.listdir('/run/kernel')), os.listdir())",
        "import matplotlib.pyplot as plt\nplt.plot([1, 3, 2]);",
    ]
    assert forked(*sources) == forked(*sources, modules=())


def test_a_figure_is_shown_by_a_forked_kernel(no_zygote):
    (shown,) = forked("import matplotlib.pyplot as plt\nplt.plot([1, 3, 2]);")
    assert "image/png" in shown


def test_traces_are_found_where_they_are():
    """The doctor's search for traces finds those of its own process, and so would find a sibling's."""
    with examine.Targets() as targets:
        values = targets.values | {"halves": ["0123456789abcdef", "fedcba9876543210"], "linger": 0}
        (_, found), _ = examine.attack([attacks.leave_traces, attacks.find_traces], values)
    assert "memory" in found
    assert "/proc/net/unix" in found
    assert values["halves"][0] + values["halves"][1] in found  # a file's name


# A zygote whose children leave the network as it is.
STAY = "real = call\ncall = lambda function, *words: words[1:] == (NAMESPACES['net'],) or real(function, *words)"


@pytest.mark.parametrize(
    ("program", "why"),
    [
        ("{0}\nimport threading\npreload = lambda _: threading.Timer(9, print).start()\nmain()", "2 threads run"),
        ("1 / 0", "ended"),
        ("{0}\ncheck = lambda *_: 1 / 0\nmain()", "division by zero"),
        ("{0}\nconfine = lambda *_: None\nmain()", "not confined: .*(CapPrm|privileges)"),
        (f"{{0}}\n{STAY}\nmain()", "not confined: net"),
    ],
)
def test_where_forking_fails_kernels_start_cold_and_the_log_says_it_once(
    no_zygote, monkeypatch, tmp_path, caplog, program, why
):
    text = warm.PROGRAM.read_text().replace('if __name__ == "__main__":\n    main()', "")
    (tmp_path / "zygote.py").write_text(program.replace("{0}", text))
    monkeypatch.setattr(warm, "PROGRAM", tmp_path / "zygote.py")
    assert forked("print(1)") == forked("print(1)") == ["1\n"]
    (said,) = [record.message for record in caplog.records if "cold" in record.message]
    assert re.search(why, said)


def test_after_many_sheets_another_process_is_forked(no_zygote, monkeypatch):
    monkeypatch.setattr(warm, "SHEETS", 2)
    layout = "print(id(type), hash('a'))"
    first, second, third = (forked(layout) for _ in range(3))
    assert first == second != third


def test_the_process_to_fork_from_ends_with_its_grader(tmp_path):
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r})\nfrom grading.sandbox import warm\nimport os, time\n"
    code += "print(warm.zygote(sys.executable, ('numpy',)).process.pid, flush=True)\nos.kill(os.getpid(), 9)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    number = found.stdout.strip()
    deadline = time.monotonic() + 10
    while Path(f"/proc/{number}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(f"/proc/{number}").exists()
