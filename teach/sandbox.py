"""A kernel for code of strangers: no network, no sight of the disk, limited memory and files.

Bubblewrap shows the kernel the system and the packages, read-only, ``lossbook``, and an empty
folder of its own.  Without bubblewrap the kernel is an ordinary process with the same limits.
"""

import os
import shutil
import sys
import sysconfig
from pathlib import Path

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager

LOSSBOOK = Path(__file__).resolve().parents[1] / "lossbook"
MEMORY, FILE, SECONDS = 2 << 30, 64 << 20, 600  # bytes, bytes, seconds of the processor
# The shell sets the limits: the kernel inherits them, and they hold for what it starts.
LIMITS = f'ulimit -v {MEMORY >> 10} -f {FILE >> 10} -t {SECONDS} -n 256 -c 0; exec "$@"'
PROCESSES = 128  # and threads, inside the sandbox; root's are not counted
THREADS = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def available():
    """Return whether bubblewrap is installed and may make namespaces here."""
    bwrap = shutil.which("bwrap")
    return bool(bwrap) and os.system(f"{bwrap} --unshare-all --ro-bind / / true 2>/dev/null") == 0


def confined(command, own):
    """Return the command that runs ``command`` where nothing but the folder ``own`` is writable."""
    shown = [
        "/usr",
        sys.base_prefix,
        sys.prefix,
        sysconfig.get_path("purelib"),
        "/etc/alternatives",
    ]
    inside = ["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--clearenv"]
    inside += ["--uid", "65534", "--gid", "65534", "--cap-drop", "ALL"]
    inside += ["--proc", "/proc", "--dev", "/dev", "--size", str(FILE), "--tmpfs", "/tmp"]
    for link in ("bin", "lib", "lib64"):
        inside += ["--symlink", f"usr/{link}", f"/{link}"]
    for folder in dict.fromkeys(shown):
        inside += ["--ro-bind-try", folder, folder]
    inside += ["--ro-bind", str(LOSSBOOK), "/book/lossbook", "--bind", str(own), str(own)]
    inside += ["--dir", "/work", "--chdir", "/work"]
    variables = {"PATH": f"{sys.prefix}/bin:/usr/bin:/bin", "HOME": "/tmp", "LANG": "C.UTF-8"}
    variables |= {
        "PYTHONPATH": "/book",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        **THREADS,
    }
    for name, value in variables.items():
        inside += ["--setenv", name, value]
    return [*inside, "prlimit", f"--nproc={PROCESSES}", *command]


class KernelManager(AsyncKernelManager):
    """Starts a kernel behind a socket in a folder of its own, confined where that is possible."""

    transport = "ipc"  # a kernel without a network
    confine = True

    @property
    def kernel_spec(self):
        kernel = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        kernel += ["--HistoryManager.enabled=False"]
        own = Path(self.connection_file).parent
        kernel = confined(kernel, own) if self.confine else kernel
        argv = ["/bin/sh", "-c", LIMITS, "sh", *kernel]
        return KernelSpec(argv=argv, language="python", env={} if self.confine else THREADS)
