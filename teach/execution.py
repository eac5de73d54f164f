"""Run a submission cell by cell, whatever its code does."""

import contextlib
import tempfile
import time
from pathlib import Path
from subprocess import DEVNULL

from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat.v4 import new_output
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Bool, Float, Integer

from .sandbox import KernelManager


class Client(NotebookClient):
    """A client that keeps no more than ``most`` characters of the output of a cell."""

    most = 20_000

    def process_message(self, msg, cell, cell_index):
        content, kept = msg["content"], sum(len(o.get("text", "")) for o in cell.get("outputs", []))
        if msg["msg_type"] == "stream":
            room = self.most - kept
            if room <= 0:
                return None
            if len(content["text"]) > room:
                content["text"] = content["text"][:room] + "\n… cut by the grader\n"
        return super().process_message(msg, cell, cell_index)


class Run(NbGraderPreprocessor):
    """Execute the cells.  One that does not end, or ends the kernel, fails; all others run.

    A kernel that is lost is started anew and the cells are run again without those that were its
    end, so that each question is graded by its own tests.
    """

    timeout = Integer(10, help="seconds for a cell").tag(config=True)
    total = Float(180, help="seconds for a submission").tag(config=True)
    confine = Bool(True, help="whether the kernel is confined by bubblewrap").tag(config=True)

    def preprocess(self, nb, resources):
        self.deadline, failed = time.monotonic() + self.total, {}
        while self._lost_a_kernel(nb, failed):
            pass
        return nb, resources

    def _lost_a_kernel(self, nb, failed):
        """Run all cells but the failed ones; return whether one more has failed."""
        for cell in nb.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        with self._client(nb) as client:
            for number, cell in enumerate(nb.cells):
                if cell.cell_type != "code":
                    continue
                left = self.deadline - time.monotonic()
                if number in failed or left <= 0:
                    text = failed.get(number, "the time for the whole submission is over")
                    cell.outputs = [
                        new_output("error", ename="NotRun", evalue=text, traceback=[text])
                    ]
                    continue
                client.timeout = min(self.timeout, left)
                try:
                    client.execute_cell(cell, number)
                except CellTimeoutError:
                    failed[number] = f"this cell did not end within {self.timeout} seconds"
                    return True
                except DeadKernelError:
                    failed[number] = "this cell ended the kernel"
                    return True
        return False

    @contextlib.contextmanager
    def _client(self, nb):
        with tempfile.TemporaryDirectory(prefix="k") as own:
            Path(own).chmod(0o777)  # the kernel runs as nobody
            manager = KernelManager(connection_file=f"{own}/kernel.json", confine=self.confine)
            client = Client(nb, km=manager, allow_errors=True, store_widget_state=False)
            client.reset_execution_trackers()
            with client.setup_kernel(stdout=DEVNULL, stderr=DEVNULL):
                yield client
