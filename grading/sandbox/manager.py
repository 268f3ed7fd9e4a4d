"""The kernel manager for grading: it knows the sandboxed kernel only, and bounds what it reads from it.

Jupyter looks provisioners up among the entry points of installed distributions. This room is not one: `mibook` must
not know it, and a distribution of its own would be one more thing to install, to forget and to shadow. So the manager
names the provisioner in this process, and finds the kernelspec in `grading/sandbox/kernels` alone. There is nothing to
install, no `JUPYTER_PATH`, and no file elsewhere on the machine can take the kernel's name.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from importlib.metadata import EntryPoint
from pathlib import Path
from queue import Empty

import zmq
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.channels import AsyncZMQSocketChannel
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning import KernelProvisionerFactory
from traitlets import Type

NAME = "mibook-sandbox"
KERNELS = Path(__file__).parent / "kernels"
PROVISIONER = "grading.sandbox.provisioner:BubblewrapProvisioner"
# A kernel can send faster than it is read. A longer message closes the connection, and no more than so many messages
# wait in the grader's memory; the kernel then has to wait.
MESSAGE_BYTES = 32 << 20
MESSAGES_WAITING = 16
IDLE = {"execution_state": "idle"}
STARTUP_SECONDS = 60
LOOK_SECONDS = 0.25  # between two looks whether a reply is late


class MeteredChannel(AsyncZMQSocketChannel):
    """Counts what a kernel sends, whatever it claims to belong to."""

    count = size = 0
    most_messages = most_bytes = float("inf")

    def reset(self):
        self.count = self.size = 0

    def full(self):
        """Called for every message after the bound; whoever reads the channel says what to do."""

    async def _recv(self, **kwargs):
        # A kernel that sends without pause must not keep others of this event loop from their turn.
        await asyncio.sleep(0)
        frames = await self.socket.recv_multipart(**kwargs)
        self.count += 1
        self.size += sum(map(len, frames))
        if self.count > self.most_messages or self.size > self.most_bytes:
            self.full()
        return self.session.deserialize(self.session.feed_identities(frames)[1])


class PatientChannel(AsyncZMQSocketChannel):
    """Waits for a reply until ``over`` says that it is late, and not by the clock."""

    def over(self) -> bool:
        """Asked now and then; whoever reads the channel sets it."""
        return True

    async def get_msg(self, timeout=None):
        while True:
            try:
                return await super().get_msg(LOOK_SECONDS)
            except Empty:
                if self.over():
                    raise


class SandboxKernelClient(AsyncKernelClient):
    """A client that reads outputs through a meter, and waits for as long as the kernel is not late."""

    iopub_channel_class = Type(MeteredChannel)
    shell_channel_class = Type(PatientChannel)

    def start_channels(self, *arguments, **kwargs):
        # No heartbeat: a kernel that closes its end makes that thread, and whoever joins it, wait for ever. Whether
        # the kernel lives is seen from its process.
        super().start_channels(*arguments, **kwargs | {"hb": False})
        self._disconnections = self.iopub_channel.socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)

    async def wait_for_ready(self, timeout: float | None = None) -> None:
        """Wait for the first answer, and for its outputs to end; the stock method waits a while for more of them."""
        deadline = time.monotonic() + (timeout or STARTUP_SECONDS)
        while time.monotonic() < deadline:
            asked = self.kernel_info()
            with contextlib.suppress(Empty):
                self._handle_kernel_info_reply(await self.shell_channel.get_msg())
                while True:  # until nothing comes: the outputs are not connected yet, and it is asked again
                    message = await self.iopub_channel.get_msg(timeout=LOOK_SECONDS)
                    if message["parent_header"].get("msg_id") == asked and message["content"] == IDLE:
                        return
            if not await self.is_alive():
                raise RuntimeError("Kernel died before replying to kernel_info")
        raise RuntimeError(f"Kernel didn't respond in {timeout or STARTUP_SECONDS} seconds")

    async def disconnected(self) -> bool:
        """Whether the connection for outputs was ever closed: the kernel ended, or sent an overlong message."""
        return bool(await self._disconnections.poll(0))

    def stop_channels(self):
        if self.iopub_channel.is_alive():
            self.iopub_channel.socket.disable_monitor()
        super().stop_channels()


class SandboxKernelManager(AsyncKernelManager):
    """Starts kernels in the sandbox, whatever kernel a notebook names."""

    client_factory = Type(SandboxKernelClient)

    def __init__(self, **kwargs):
        # The factory is one for the whole process; naming our provisioner in it disturbs no other kernel.
        entry = EntryPoint(NAME, PROVISIONER, KernelProvisionerFactory.GROUP_NAME)
        KernelProvisionerFactory.instance().provisioners[NAME] = entry
        super().__init__(**kwargs | {"kernel_name": NAME})

    def _kernel_spec_manager_default(self):
        return KernelSpecManager(kernel_dirs=[str(KERNELS)], ensure_native_kernel=False, parent=self)

    def client(self, **kwargs):
        client = super().client(**kwargs)
        client.context.setsockopt(zmq.MAXMSGSIZE, MESSAGE_BYTES)
        client.context.setsockopt(zmq.RCVHWM, MESSAGES_WAITING)
        return client
