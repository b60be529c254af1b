"""Run one program in our place: its terminal, its signals and its exit code are passed through.

Standard library only. It knows nothing of what it runs.
"""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType


def run(
    command: Sequence[str], *, cwd: Path | None = None, environment: Mapping[str, str] | None = None
) -> int:
    """Wait for `command` and return its exit code as a shell would give it.

    Ctrl-C reaches the child by itself, because it shares our terminal: JupyterLab asks what to do
    then, so we must not die before it has been answered. SIGTERM reaches only us and is passed on.
    """
    process = subprocess.Popen(command, cwd=cwd, env=environment)

    def pass_on(_number: int, _frame: FrameType | None) -> None:
        process.terminate()

    def leave_to_child(_number: int, _frame: FrameType | None) -> None:
        return None

    # Handlers, unlike SIG_IGN, are not inherited: the child keeps its own way with both signals.
    before = {
        signal.SIGINT: signal.signal(signal.SIGINT, leave_to_child),
        signal.SIGTERM: signal.signal(signal.SIGTERM, pass_on),
    }
    try:
        code = process.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return code if code >= 0 else 128 - code


def clean_environment() -> dict[str, str]:
    """Our environment without what would lead boto3 or the AWS CLI to a real account.

    Nor does a learner's progress reach what we build and test. UTF-8 mode, because Windows would
    else read notebooks in the encoding of its locale.
    """
    unwanted = ("AWS_", "KMSLAB_PROGRESS")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
    return {**kept, "PYTHONUTF8": "1"}
