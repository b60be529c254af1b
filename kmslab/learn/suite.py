"""The course at a glance: every notebook with its question, every exercise with its tick."""

from IPython.display import Markdown

from kmslab import project
from kmslab.learn import catalogue, exercise_cells, progress
from kmslab.learn.markdown import table


def suite_map() -> Markdown:
    """The course as a table, in reading order; notebooks that are written are links."""
    rows = ["| | notebook | the question it answers | minutes |", "|---|---|---|---|"]
    rows += [_row(entry) for entry in catalogue.load()]
    return Markdown("\n".join(rows))


def progress_table() -> Markdown:
    """Every exercise of the notebooks that are written, and whether it was answered right."""
    ticked = progress.ticked()
    written = catalogue.written(catalogue.load())
    exercises = [
        (entry, found)
        for entry in written
        for found in exercise_cells.exercises(exercise_cells.read(project.NOTEBOOKS / entry.file))
    ]
    if not exercises:
        return Markdown("There are no exercises yet.")
    done = sum(found.exercise_id in ticked for _, found in exercises)
    summary = f"Right so far: {done} of {len(exercises)}." if done else "Nothing is ticked yet."
    rows = [
        (
            found.exercise_id,
            f"[{found.title}]({entry.file})",
            "✓ right" if found.exercise_id in ticked else "· not yet",
        )
        for entry, found in exercises
    ]
    return Markdown(f"{summary}\n\n{table(('', 'exercise', 'your answer'), rows)}")


def _row(entry: catalogue.Entry) -> str:
    title = f"*{entry.title}* (planned)" if entry.planned else f"[{entry.title}]({entry.file})"
    return f"| {entry.number} | {title} | {entry.question} | {entry.minutes} |"
