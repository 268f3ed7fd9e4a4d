"""What a student installs, resolved for each platform of the guide's table: every pinned package has a file for it.

pip can look for another platform's files, but reads the conditions of requirements for the machine that it runs on. So
the conditions are read here, and pip is asked for the files.
"""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from chapters.source import ROOT
from grading.release import handout

LINUX = ("manylinux_2_28", "manylinux_2_27", "manylinux_2_24", "manylinux_2_17", "manylinux2014")
PLATFORMS = {  # tags of files, sys_platform, platform_machine, platform_system
    "Windows, Intel or AMD": (["win_amd64"], "win32", "AMD64", "Windows"),
    "macOS, Apple": (["macosx_14_0_arm64"], "darwin", "arm64", "Darwin"),
    "Linux, Intel or AMD": ([f"{tag}_x86_64" for tag in LINUX], "linux", "x86_64", "Linux"),
    "Linux, ARM": ([f"{tag}_aarch64" for tag in LINUX], "linux", "aarch64", "Linux"),
}
NOT_THERE = {  # where PyTorch has no file of the version that is pinned
    "macOS, Intel": (["macosx_14_0_x86_64"], "darwin", "x86_64", "Darwin"),
    "Windows, ARM": (["win_arm64"], "win32", "ARM64", "Windows"),
}
PYTHONS = ("3.11", "3.13")


def environment(platform: tuple, python: str) -> dict[str, str]:
    _, sys_platform, machine, system = platform
    return {
        "sys_platform": sys_platform,
        "platform_machine": machine,
        "platform_system": system,
        "os_name": "nt" if system == "Windows" else "posix",
        "python_version": python,
        "python_full_version": f"{python}.0",
        "platform_python_implementation": "CPython",
        "implementation_name": "cpython",
        "extra": "",
    }


def pinned(where: dict[str, str]) -> dict[str, str]:
    """The lock's version of each package on a platform."""
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    found = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(r.name): str(r.specifier) for r in found if not r.marker or r.marker.evaluate(where)}


def needed(where: dict[str, str]) -> dict[str, str]:
    """What the handout's requirements install on a platform: each package with its version."""
    versions, found = pinned(where), {}
    lines = handout.requirements().splitlines()
    waiting = [Requirement(line) for line in lines]
    while waiting:
        requirement = waiting.pop()
        if requirement.marker and not requirement.marker.evaluate(where):
            continue
        name = canonicalize_name(requirement.name)
        if name in found or name not in versions:  # the lock leaves out what no platform of its own needs
            continue
        found[name] = versions[name]
        try:
            metadata = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:  # it is another platform's
            continue
        waiting += [Requirement(line) for line in metadata]
    return found


def built(name: str) -> bool:
    """Whether a package has a file for each platform, so that one may be missing; what is not here may be so."""
    try:
        wheel = importlib.metadata.distribution(name).read_text("WHEEL") or ""
    except importlib.metadata.PackageNotFoundError:
        return True
    return "Root-Is-Purelib: true" not in wheel


def ask_pip(packages: dict[str, str], tags: list[str], python: str, folder) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--no-deps", "--only-binary", ":all:"]
    command += ["--disable-pip-version-check", "--retries", "1", "--target", str(folder), "--python-version", python]
    command.append("--ignore-requires-python")  # which pip reads for the Python that it runs in
    command += [word for tag in tags for word in ("--platform", tag)]
    command += [f"{name}{version}" for name, version in sorted(packages.items())]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    """Skips where pip has no index to ask."""
    run = ask_pip({"tqdm": ""}, ["any"], "3.11", tmp_path_factory.mktemp("index"))
    if run.returncode:
        pytest.skip("pip reaches no package index")


@pytest.mark.parametrize("python", PYTHONS)
def test_the_handout_pins_what_it_names_on_every_python(python):
    where = environment(PLATFORMS["Linux, ARM"], python)
    lines = [Requirement(line) for line in handout.requirements().splitlines()]
    holding = {line.name for line in lines if not line.marker or line.marker.evaluate(where)}
    assert holding == {line.name for line in lines}


@pytest.mark.costly
@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("platform", PLATFORMS)
def test_the_handout_installs_on(platform, python, index, tmp_path):
    needs = needed(environment(PLATFORMS[platform], python))
    packages = {name: version for name, version in needs.items() if built(name)}
    assert {"torch", "pyzmq", "scipy"} <= packages.keys()
    run = ask_pip(packages, PLATFORMS[platform][0], python, tmp_path)
    assert run.returncode == 0, run.stderr


@pytest.mark.costly
@pytest.mark.parametrize("platform", NOT_THERE)
def test_where_the_guide_says_that_nothing_installs_torch_is_missing(platform, index, tmp_path):
    version = pinned(environment(NOT_THERE[platform], "3.13"))["torch"]
    run = ask_pip({"torch": version}, NOT_THERE[platform][0], "3.13", tmp_path)
    assert run.returncode, "PyTorch has a file for it now: the guide's table can say so"


def test_the_guide_names_every_platform():
    text = (ROOT / "book" / "for-students.md").read_text(encoding="utf-8")
    for platform in (*PLATFORMS, *NOT_THERE):
        assert f"| {platform} |" in text
    assert f"PyTorch {pinned(environment(PLATFORMS['macOS, Apple'], '3.13'))['torch'].removeprefix('==')}" in text
