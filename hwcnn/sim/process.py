"""A simulator process with cocotb inside, to which one sends a line of JSON at a time and which
answers with one.
"""

import json
import os
import select
import subprocess
import sys
import time

import cocotb_tools.config
import find_libpython

from hwcnn.errors import RunError

#: Seconds without any progress after which the process is given up, and seconds between two looks.
PATIENCE, POLL = 600, 1


def environment(toplevel, module, results):
    """What the simulator needs to find this Python, and cocotb the test module; test results go to
    the file `results`.
    """
    return os.environ | {
        "GPI_USERS": ";".join(
            (find_libpython.find_libpython(), cocotb_tools.config.pygpi_entry_point())
        ),
        "PATH": os.environ["PATH"] + os.pathsep + str(cocotb_tools.config.libs_dir),
        # A build in the cache may come from an environment that is gone: its own path to cocotb's
        # libraries then leads nowhere.
        "LD_LIBRARY_PATH": os.pathsep.join(
            filter(None, (str(cocotb_tools.config.libs_dir), os.environ.get("LD_LIBRARY_PATH")))
        ),
        "PYTHONPATH": os.pathsep.join(sys.path),
        "PYGPI_PYTHON_BIN": sys.executable,
        "COCOTB_TOPLEVEL": toplevel,
        "COCOTB_TEST_MODULES": module,
        "COCOTB_RESULTS_FILE": str(results),
        "COCOTB_TRUST_INERTIAL_WRITES": "1",
        "COCOTB_LOG_LEVEL": "WARNING",
        "TOPLEVEL_LANG": "verilog",
    }


class Simulator:
    """Starts the executable `toplevel` in `folder` with the cocotb test module `module` and
    plusargs from `options`.

    The log and results go to the folder `scratch`. The test finds two file descriptors in
    HWCNN_COMMANDS (to read) and HWCNN_ANSWERS.
    """

    stuck = False  # whether it was ended for lack of progress

    def __init__(self, folder, toplevel, module, options, scratch):
        self._log = scratch / "simulator.log"
        command_out, command_in = os.pipe()
        answer_out, answer_in = os.pipe()
        env = environment(toplevel, module, scratch / "results.xml")
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
            raise RunError(
                f"the simulator in {folder} cannot be started: {e.strerror}; remove that folder to have it built anew"
            ) from e
        os.close(command_out)
        os.close(answer_in)
        self._commands = open(command_in, "w")
        self._answers = open(answer_out)

    def send(self, command):
        try:
            self._commands.write(json.dumps(command) + "\n")
            self._commands.flush()
        except BrokenPipeError:
            pass  # the process has ended: receive() tells

    def receive(self, progress=lambda: None, patience=PATIENCE):
        """The next answer; None if the process ended without one, or was ended since progress() has
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

    def last_words(self, size=600):
        """How the process ended, and the end of what it said."""
        code = self._process.wait()
        how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
        return f"{how}: {self._log.read_text(errors='replace')[-size:] or 'it said nothing'}"

    def close(self):
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
