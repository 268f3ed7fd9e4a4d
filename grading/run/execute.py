"""Execute a submission: nbgrader's Execute, for which no student's code is an accident.

A student's kernel may die, hang, flood its channels, lie, or ask for input. Each of these becomes an error in the
outputs of the cell concerned, and of the cells after it if the kernel is lost; outputs that came before are kept, and
the class goes on. A machine without a working sandbox is another matter: that raises, and nothing is executed.

Set it in `nbgrader_config.py` in place of the stock preprocessor:

    c.Autograde.autograde_preprocessors = [RobustExecute, …]

Options of the stock one keep their names (`c.Execute.timeout`); those added here are `c.RobustExecute.…`.
"""

from __future__ import annotations

import asyncio
import json
import time

from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbclient.util import ensure_async
from nbformat.v4 import new_output
from nbgrader.preprocessors import Execute
from nbgrader.utils import is_grade
from traitlets import Integer, Type

from grading.record import METADATA, Run, Stop, StopKind
from grading.run.outputs import fault, is_count, tidied
from grading.sandbox.bubblewrap import SandboxError
from grading.sandbox.manager import SandboxKernelManager
from grading.sandbox.provisioner import BubblewrapProvisioner

KIB = 1 << 10
MIB = 1 << 20
LATE_TWICE = "A second cell ran for too long, and the notebook was stopped."
TOO_LONG = "This cell sent a piece of output that is too long, and was stopped."
DIED = "The kernel died in this cell: the code ended the process, or it ran out of memory."
STRANGE = "The kernel sent something that no Jupyter kernel sends, and was stopped."
CUT = "\n[the rest of this cell's printed text was left out]\n"
ENOUGH = "[the outputs of this cell were left out: the notebook has shown too much already]\n"
DRAIN_SECONDS = 30  # for reading the outputs that a finished cell has still on the way
ALIVE_SECONDS = 0.25  # between two looks whether the kernel lives
INTERRUPT_SECONDS = 5  # for a cell to end once it is interrupted


class RobustExecute(Execute):
    """Executes each code cell in the sandbox and records whatever goes wrong.

    After `preprocess`, ``resources[METADATA]`` is the `Run`.

    In a graded test cell, text on stderr is recorded as stdout, since nbgrader takes any text on stderr for a failure;
    and a result (`execute_result`) is recorded as display data, since nbgrader takes it for the cell's points. Only
    the grader writes points.
    """

    kernel_manager_class = Type(SandboxKernelManager, klass=SandboxKernelManager)
    notebook_seconds = Integer(600, help="Seconds that a whole notebook may take, as `timeout` for a cell.").tag(
        config=True
    )
    printed_bytes = Integer(256 * KIB, help="Printed text kept for a cell; the rest is left out.").tag(config=True)
    output_bytes = Integer(12 * MIB, help="Bytes a cell may send before its kernel is stopped.").tag(config=True)
    output_messages = Integer(20_000, help="Messages a cell may send before its kernel is stopped.").tag(config=True)
    notebook_bytes = Integer(32 * MIB, help="Bytes of outputs kept of a notebook, besides the tests'.").tag(config=True)
    # No options any more, whatever a configuration says.
    shutdown_kernel = "immediate"  # nothing in the sandbox is worth saving
    skip_cells_with_tag = ""  # a tag must not keep a test from running
    allow_errors, force_raise_errors = True, False
    store_widget_state = record_timing = False

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs | {"kernel_manager_class": SandboxKernelManager})

    def preprocess(self, nb, resources, km=None):
        NotebookClient.__init__(self, nb, km)  # as nbconvert's own preprocess does: one object, many notebooks
        self.reset_execution_trackers()
        self._check_assign_resources(resources)
        self.comm_open_handlers = {}
        self.late, self.kept = 0, 0
        self.run = Run(isolation=BubblewrapProvisioner(config=self.config).check())
        start = time.monotonic()
        for cell in nb.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        self.run.memory = self._execute_all(nb)
        for cell in nb.cells:
            if cell.cell_type == "code":
                cell.outputs = tidied(cell.outputs, graded=is_grade(cell))
                if not is_count(cell.execution_count):
                    cell.execution_count = None
        self.run.seconds = round(time.monotonic() - start, 2)
        self.resources[METADATA] = self.run
        return nb, self.resources

    def create_kernel_manager(self):
        self.km = self.kernel_manager_class(config=self.config)
        return self.km

    def _execute_all(self, nb) -> int:
        """Execute the cells in order; return the most memory that the kernel held."""
        manager = self.create_kernel_manager()
        try:
            self.start_new_kernel()
            provisioner = manager.provisioner
            self.start_new_kernel_client()
        except RuntimeError as error:  # before any code of the student: the machine is at fault
            if isinstance(error, SandboxError):
                raise
            said = manager.provisioner.last_words or error
            raise SandboxError(f"No kernel starts here: run 'python -m grading.doctor' ({said}).") from error
        try:
            self.watch = provisioner.watch
            self.watch.began, self.watch.bound = self.watch.usage(), self.notebook_seconds
            meter = self.kc.iopub_channel
            meter.most_bytes, meter.most_messages, meter.full = self.output_bytes, self.output_messages, self._flooded
            for index, cell in enumerate(nb.cells):
                if cell.cell_type != "code" or not cell.source.strip():
                    continue
                if self.run.stop:
                    cell.outputs = [fault("NotRun", f"This cell was not run. {self.run.stop.text}")]
                else:
                    meter.reset()
                    self._execute_one(cell, index)
        finally:
            self._cleanup_kernel()
        return self.watch.peak

    def _execute_one(self, cell, index):
        self.overdue, self.printed = False, 0
        self.iopub_timeout = DRAIN_SECONDS
        began = self.watch.usage()
        self.kc.shell_channel.over = lambda: self.watch.over(began, self.timeout)
        try:
            self.execute_cell(cell, index, store_history=True)
        except DeadKernelError:
            self._stop(cell, index, self.watch.stop or Stop(StopKind.DEATH, DIED))
        except CellTimeoutError:
            if self.overdue:
                late = f"This cell ran for more than {self.timeout} s and could not be interrupted."
                self._stop(cell, index, Stop(StopKind.TIME, late))
            else:  # the end of the outputs never came
                self._stop(cell, index, self.watch.stop or Stop(StopKind.SILENCE, TOO_LONG))
        except Exception as error:
            # Whatever a kernel can send, it must not raise here; what is not Jupyter's language ends this kernel.
            self.log.warning("Cell %d: %s: %s", index, type(error).__name__, str(error)[:200])
            self._stop(cell, index, self.watch.stop or Stop(StopKind.PROTOCOL, STRANGE))
        self.late += self.overdue
        if self.overdue and self.late > 1 and not self.run.stop:
            self._stop(cell, index, Stop(StopKind.TIME, LATE_TWICE))
        if not is_grade(cell):
            self.kept += len(json.dumps(cell.outputs, default=str))
            if self.kept > self.notebook_bytes:
                cell.outputs = [new_output("stream", name="stdout", text=ENOUGH)]
        self._display_id_map = {}  # a later cell changes nothing in the outputs of an earlier one

    def _stop(self, cell, index: int, stop: Stop):
        self.run.stop, self.run.stopped_at = stop, index
        self.watch.end(stop)
        cell.outputs.append(fault("KernelLost", stop.text))

    def _flooded(self):
        most = f"{self.output_bytes // MIB} MiB or {self.output_messages} pieces of output"
        self.watch.end(Stop(StopKind.OUTPUT, f"This cell sent more than {most} and was stopped."))

    async def _async_poll_kernel_alive(self):
        # nbclient's own leaves a task behind when a cell ends by an exception; this one ends with its client.
        client = self.kc
        while self.kc is client:
            closed = await client.disconnected()
            await asyncio.sleep(ALIVE_SECONDS)  # a kernel that has just ended is seen as ended by then
            if not await ensure_async(client.is_alive()):
                self.task_poll_for_reply.cancel()
                return
            if closed:
                self.watch.end(Stop(StopKind.OUTPUT, TOO_LONG))

    async def _async_handle_timeout(self, timeout, cell=None):
        self.overdue = True
        self.iopub_timeout = INTERRUPT_SECONDS
        await ensure_async(self.km.interrupt_kernel())
        return {
            "content": {"status": "error", **fault("CellTimeoutError", f"This cell ran for more than {timeout} s.")}
        }

    def output(self, outs, msg, display_id, cell_index):
        """Keep an output, printed text up to its bound."""
        if msg["msg_type"] == "stream":
            if self.printed >= self.printed_bytes:
                return None
            text = msg["content"]["text"]
            self.printed += len(text)
            if self.printed >= self.printed_bytes:
                msg["content"]["text"] = text[: len(text) - self.printed + self.printed_bytes] + CUT
        return super().output(outs, msg, display_id, cell_index)

    def handle_comm_msg(self, outs, msg, cell_index):
        """Widgets have nobody to talk to while grading."""
