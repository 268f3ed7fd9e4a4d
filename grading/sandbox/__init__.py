"""The sandbox: where a student's kernel runs, and the proof of what it holds back.

- `kernels/` holds the kernelspec `mibook-sandbox`;
- `bubblewrap` says what a sandbox contains and builds the command line that starts one;
- `seccomp` says which system calls are refused inside;
- `provisioner` starts, watches and ends kernels in it, for any program that speaks `jupyter_client`;
"""

from grading.sandbox.bubblewrap import Limits, SandboxError, check

__all__ = ["Limits", "SandboxError", "check"]
