"""What imports leave out, and how the program ends.

It ends at once, but with everything said, cleared up and the right status.
"""

import gc
import subprocess
import sys

import pytest

from flows.interpreter import collector_paused

PROGRAM = """
import atexit, sys, threading, time
from flows.interpreter import leave_at_once_after

def command():
    atexit.register(lambda: print("cleared up"))
    threading.Thread(target=lambda: (time.sleep(0.2), print("thread done"))).start()
    print("said", end=" ")
    {ending}

class Slow:
    def __del__(self):
        print("taken apart")

slow = Slow()
slow.itself = slow
leave_at_once_after(command)
"""


@pytest.mark.parametrize(
    ("ending", "status", "shown"),
    [
        ("pass", 0, ""),
        ("sys.exit()", 0, ""),
        ("sys.exit(2)", 2, ""),
        ("sys.exit('refused')", 1, "refused\n"),
        ("raise OSError('no room')", 1, "OSError: no room\n"),
        ("raise KeyboardInterrupt", 130, "KeyboardInterrupt\n"),
    ],
)
def test_output_is_flushed_and_exit_handlers_run_but_no_object_is_destroyed(ending, status, shown):
    code = PROGRAM.format(ending=ending)
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == status
    assert result.stdout == "said thread done\ncleared up\n"
    assert result.stderr.endswith(shown) and bool(result.stderr) == bool(shown)


def test_a_program_without_output_ends_like_any_other():
    code = "import sys; sys.stdout = None\n" + PROGRAM.format(ending="sys.exit(2)")
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (2, "")


def test_garbage_is_collected_again_after_the_imports():
    with pytest.raises(ImportError), collector_paused():
        assert not gc.isenabled()
        import no_such_module  # noqa: F401
    assert gc.isenabled()


def test_tensorflow_comes_without_what_it_offers_for_other_packages():
    code = (
        "import sys\nfrom flows.interpreter import EXTRAS, import_tensorflow\n"
        "import_tensorflow()\n"
        "assert 'tensorflow' in sys.modules and 'keras' in sys.modules\n"
        "print('extras:', sorted(set(EXTRAS) & set(sys.modules)))\n"
        "import matplotlib\n"
        "import_tensorflow()\n"
        "assert sys.modules['matplotlib'] is matplotlib and 'sklearn' not in sys.modules\n"
        "print('what was imported before stays')\n"
        "import matplotlib.pyplot, sklearn.linear_model\n"
        "print('can be imported afterwards')"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.splitlines() == [
        "extras: []", "what was imported before stays", "can be imported afterwards"
    ], result.stderr  # fmt: skip
