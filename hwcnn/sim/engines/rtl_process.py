"""A simulator process with cocotb inside, to which one sends a line of JSON at a time and which
answers with one.
"""

import json
import os
import select
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hwcnn.errors import RunError
from hwcnn.sim.testbench.environment import simulator_environment

#: Seconds without any progress after which the process is given up, and seconds between two looks.
PATIENCE, POLL = 600, 1


class SimulatorProcess:
    """Starts the executable `toplevel` in `folder` with the cocotb test module `module`.

    Parameters
    ----------
    options : plusargs by name.
    scratch : folder of the log and the test's results.

    The test finds two file descriptors in HWCNN_COMMANDS (to read) and HWCNN_ANSWERS. Raises
    RunError where the executable cannot be started.
    """

    #: whether it was ended for lack of progress
    stuck = False

    def __init__(
        self,
        folder: Path,
        toplevel: str,
        module: str,
        options: Mapping[str, object],
        scratch: Path,
    ) -> None:
        self._log = scratch / "simulator.log"
        command_out, command_in = os.pipe()
        answer_out, answer_in = os.pipe()
        env = simulator_environment(toplevel, module, scratch / "results.xml")
        env |= {"HWCNN_COMMANDS": str(command_out), "HWCNN_ANSWERS": str(answer_in)}
        try:
            with open(self._log, "w") as log:
                self._process = subprocess.Popen(
                    [folder / toplevel, *(f"+{name}={value}" for name, value in options.items())],
                    cwd=scratch,
                    env=env,
                    pass_fds=(command_out, answer_in),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )
        except OSError as e:
            os.close(command_in)
            os.close(answer_out)
            raise RunError(
                f"the simulator in {folder} cannot be started: {e.strerror}; "
                "remove that folder to have it built anew"
            ) from e
        finally:
            os.close(command_out)
            os.close(answer_in)
        self._commands = open(command_in, "w")
        self._answers = open(answer_out)

    def send(self, command: Mapping[str, object]) -> None:
        """Send a command; where the process has ended, `receive` tells."""
        try:
            self._commands.write(json.dumps(command) + "\n")
            self._commands.flush()
        except BrokenPipeError:
            pass

    def receive(
        self, progress: Callable[[], object] = lambda: None, patience: float = PATIENCE
    ) -> dict[str, Any] | None:
        """The next answer; None if the process ended without one, or was ended since progress() had
        not changed for `patience` seconds.
        """
        seen, since = progress(), time.monotonic()
        while not select.select([self._answers], [], [], min(POLL, patience))[0]:
            if (now := progress()) != seen:
                seen, since = now, time.monotonic()
            elif time.monotonic() - since > patience:
                self._process.kill()
                self.stuck = True
        line = self._answers.readline()
        if not line:
            self._process.wait()
            return None
        return json.loads(line)

    def last_words(self, size: int = 600) -> str:
        """How the process ended, and the last `size` characters of what it said."""
        code = self._process.wait()
        how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
        return f"{how}: {self._log.read_text(errors='replace')[-size:] or 'it said nothing'}"

    def close(self) -> None:
        """End the process: by closing its commands, or by force after ten seconds."""
        try:
            self._commands.close()
        except BrokenPipeError:
            pass
        self._answers.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
