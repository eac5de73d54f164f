"""What a student is told: points and messages, not the hidden tests."""

import re

from nbgrader.preprocessors import NbGraderPreprocessor

from .submission import CANARY, name_of

HIDDEN = re.compile(r"(?ms)^[ \t]*### BEGIN HIDDEN TESTS.*?^[ \t]*### END HIDDEN TESTS[^\n]*\n?")


class HideTests(NbGraderPreprocessor):
    """Leave of a test what the student has seen, and of its failure the message."""

    def preprocess(self, nb, resources):
        nb.cells = [cell for cell in nb.cells if name_of(cell) != CANARY]  # it fails for everyone
        return super().preprocess(nb, resources)

    def preprocess_cell(self, cell, resources, index):
        if cell.metadata.get("nbgrader", {}).get("grade") and cell.cell_type == "code":
            cell.source = HIDDEN.sub("", cell.source)
            for output in cell.outputs:
                if output.output_type == "error":
                    output.traceback = [f"{output.ename}: {output.evalue}"]
        return cell, resources
