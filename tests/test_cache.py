"""The cache of Verilog knows all files that it comes from."""

import subprocess
import sys
from pathlib import Path

from hwcnn import generator

LIST = """
import sys
import hwcnn.rtl.top, hwcnn.rtl.verilog
print(*(m.__file__ for n, m in sys.modules.items() if n.split(".")[0] == "hwcnn"), sep="\\n")
"""


def test_every_file_that_the_rtl_imports_is_hashed():
    answer = subprocess.run(
        [sys.executable, "-c", LIST], capture_output=True, text=True, check=True
    )
    imported = {Path(line) for line in answer.stdout.split()}
    assert {"limits.py", "isa.py", "config.py", "top.py"} <= {path.name for path in imported}
    hashed = set(generator._sources())
    assert imported <= hashed and any(path.suffix == ".v" for path in hashed)
