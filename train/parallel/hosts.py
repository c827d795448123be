"""Several processes that train one run: how they find each other, and what they must agree on.

Each runs the same command and has devices of its own; the program spans the devices of all. Process
0 alone writes.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import socket
import time
from collections.abc import Callable, Sequence, Set
from pathlib import Path
from typing import NamedTuple, TypeVar

from train.config.options import Processes
from train.errors import UserError

T = TypeVar("T")
GREETING = "denseq"
HANDSHAKE_SECONDS = 5  # until somebody who knocked must have said who it is


def join(processes: Processes | None) -> None:
    """Makes this process one of several: those named, or those of a cluster that jax knows.

    Must come before jax computes anything. Raises UserError, in every process, if one of them does
    not come.
    """
    if processes is not None:
        _wait_for_all(processes)
    elif not _is_in_cluster():
        return
    import jax

    if processes is None:
        jax.distributed.initialize()
    else:
        jax.distributed.initialize(processes.coordinator, processes.count, processes.process)


def _is_in_cluster() -> bool:
    """Whether this is a process of several, of Slurm (by srun), Open MPI, or a TPU's hosts."""
    for name in ("SLURM_STEP_NUM_TASKS", "OMPI_COMM_WORLD_SIZE"):
        size = os.environ.get(name, "1")
        if size.isdigit() and int(size) > 1:
            return True
    if "," in os.environ.get("TPU_WORKER_HOSTNAMES", ""):
        return True
    # A TPU's virtual machine is asked for its neighbours; on one without any, that costs nothing.
    has_tpu = Path("/dev/accel0").exists() or Path("/dev/vfio/0").exists()
    return has_tpu and importlib.util.find_spec("libtpu") is not None


def _wait_for_all(processes: Processes) -> None:
    """Waits until all are there, at the address where jax' coordinator will then listen.

    That one would end a process without a word if another did not come. Raises UserError.
    """
    host, port = processes.coordinator.rsplit(":", 1)
    deadline = time.monotonic() + processes.seconds
    if processes.process == 0:
        absent = _collect_processes(int(port), processes, deadline)
    else:
        absent = _announce(host, int(port), processes, deadline)
    if absent:
        raise UserError(
            f"--processes: {absent}; start all of them, each with its own --process, or wait longer"
        )


def _collect_processes(port: int, processes: Processes, deadline: float) -> str:
    """Process 0: who is absent, "" if nobody. All who joined are told."""
    joined: set[int] = set()
    connections: list[socket.socket] = []
    answer = ""
    with contextlib.ExitStack() as stack:
        try:
            server = stack.enter_context(socket.create_server(("", port)))
        except OSError as error:
            raise UserError(
                f"--coordinator: cannot listen on port {port}: {error.strerror}; name another"
            ) from None
        while len(joined) < processes.count - 1 and not answer:
            other = _accept(server, stack, deadline)
            if other is not None:
                answer = _conflict(other, joined, processes)
                joined.add(other.number)
                connections.append(other.connection)
            elif time.monotonic() >= deadline:
                missing = sorted(set(range(1, processes.count)) - joined)
                names = ", ".join(map(str, missing))
                answer = f"process {names} did not join within {processes.seconds} s"
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.sendall(f"{answer}\n".encode())
        # Who hangs up first keeps the port for a minute: it must not be us.
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.recv(1)
    return answer


class _Joined(NamedTuple):
    """Another process that joined: its number, and how many it was told that there are."""

    number: int
    n_processes: int
    connection: socket.socket


def _accept(server: socket.socket, stack: contextlib.ExitStack, deadline: float) -> _Joined | None:
    """The next process to come; None if nobody did, or somebody else: all may knock at a port."""
    server.settimeout(max(deadline - time.monotonic(), 0.01))
    try:
        connection = stack.enter_context(server.accept()[0])
        connection.settimeout(HANDSHAKE_SECONDS)
        words = connection.makefile().readline().split()
    except OSError:
        return None
    if len(words) != 3 or words[0] != GREETING:
        return None
    return _Joined(int(words[1]), int(words[2]), connection)


def _conflict(other: _Joined, joined: Set[int], processes: Processes) -> str:
    """Why these cannot be the processes of one run; "" if they can."""
    if other.n_processes != processes.count:
        return (
            f"process {other.number} was told that there are {other.n_processes}, "
            f"process 0 {processes.count}"
        )
    if other.number in joined:
        return f"two processes were started with --process={other.number}"
    return ""


def _announce(host: str, port: int, processes: Processes, deadline: float) -> str:
    """Any other process: what process 0 says of who is absent."""
    while time.monotonic() < deadline:
        try:
            with socket.create_connection((host, port), timeout=5) as connection:
                connection.sendall(f"{GREETING} {processes.process} {processes.count}\n".encode())
                connection.settimeout(max(deadline - time.monotonic(), 0.01) + 10)
                answer = connection.makefile().readline()
                if answer.endswith("\n"):
                    return answer.strip()
        except OSError:
            pass
        time.sleep(0.2)
    return f"process 0 did not answer at {processes.coordinator} within {processes.seconds} s"


def leave() -> None:
    """Waits for the others, who may still be writing; then no process needs any other."""
    import jax

    if jax.process_count() > 1:
        jax.distributed.shutdown()


def is_first() -> bool:
    """Whether this process writes and speaks for all."""
    import jax

    return jax.process_index() == 0


def broadcast(tree: T) -> T:
    """Arrays of process 0, in every process; they have the same shapes in all."""
    import jax
    from jax.experimental import multihost_utils

    return tree if jax.process_count() == 1 else multihost_utils.broadcast_one_to_all(tree)


def broadcast_text(text: str) -> str:
    """The text of process 0, in every process."""
    import numpy as np

    own = np.frombuffer(text.encode(), np.uint8)
    length = int(broadcast(np.int32(len(own))))
    sent = broadcast(np.resize(own, length) if len(own) else np.zeros(length, np.uint8))
    return np.asarray(sent, np.uint8).tobytes().decode()


def agree(*, highest: int, of_process_zero: Sequence[int] = ()) -> tuple[int, ...]:
    """The highest `highest` of any process, then process 0's `of_process_zero`: the same in all."""
    import jax
    import numpy as np
    from jax.experimental import multihost_utils

    if jax.process_count() == 1:
        return highest, *of_process_zero
    own = np.array([highest, *of_process_zero], np.int32)
    said = np.asarray(multihost_utils.process_allgather(own))
    return int(said[:, 0].max()), *map(int, said[0, 1:])


def all_or_none(work: Callable[[], T]) -> T:
    """What `work` returns here, once it has ended in all processes.

    A single process has no devices yet afterwards if it had none before. Raises UserError if it
    failed elsewhere.
    """
    import jax

    if not jax.distributed.is_initialized() or jax.process_count() == 1:
        return work()
    try:
        result = work()
    except Exception:  # whatever it is, the others wait to hear of it
        agree(highest=jax.process_index() + 1)
        raise
    failed, *_ = agree(highest=0)
    if failed:
        raise UserError(f"process {failed - 1} could not go on; it says why")
    return result


def on_process_zero(work: Callable[[], T]) -> T | None:
    """What `work` returns in process 0, None in the others; if it fails there, UserError in all."""
    if is_first():
        return all_or_none(work)
    return all_or_none(lambda: None)
