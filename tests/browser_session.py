"""JupyterLab in a real browser, for tests that see what a learner sees.

One server on 127.0.0.1 serves a temporary copy of the notebooks, one headless Chromium opens them,
both for the tests of one file: other files have event loops of their own.
Every page writes down its console errors and every request that leaves the machine.
"""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from kmslab import child, project
from kmslab.learn import workspace

START_SECONDS = 60
STEP_MILLISECONDS = 60_000

KERNEL_IS_READY = """() => {
    const kernel = window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel;
    return kernel?.connectionStatus === 'connected' && kernel.status === 'idle';
}"""
# The model rather than the page is asked: JupyterLab attaches cells below the fold late.
CODE_CELLS = """() => [...window.jupyterapp.shell.currentWidget.content.model.cells]
    .filter(cell => cell.type === 'code' && cell.sharedModel.source.trim())
    .map(cell => ({count: cell.executionCount, outputs: cell.outputs.toJSON()}))"""
NOT_RUN = f"({CODE_CELLS})().filter(cell => cell.count === null).length"
CLEAR = "() => window.jupyterapp.commands.execute('notebook:clear-all-cell-outputs')"
RUN_ALL = "() => window.jupyterapp.commands.execute('notebook:run-all-cells')"


@dataclass
class NotebookPage:
    """One open notebook, and what the browser complained about."""

    page: Any
    console_errors: list[str] = field(default_factory=list)
    foreign_requests: list[str] = field(default_factory=list)

    def run_all(self) -> list[dict[str, Any]]:
        """Run every cell, wait for the last and return the code cells as they stand."""
        self.page.wait_for_function(KERNEL_IS_READY)
        self.page.evaluate(CLEAR)
        assert self.page.evaluate(NOT_RUN) > 0
        self.page.evaluate(RUN_ALL)
        self.page.wait_for_function(f"() => {NOT_RUN} === 0")
        return list(self.page.evaluate(CODE_CELLS))


@dataclass
class LabServer:
    """A JupyterLab of our own over a folder of copies."""

    address: str
    token: str
    folder: Path

    def url(self, name: str) -> str:
        return f"{self.address}/lab/tree/{name}?token={self.token}&reset"


@pytest.fixture(scope="module")
def lab_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    root = tmp_path_factory.mktemp("jupyterlab")
    copies = root / "work"
    workspace.copy_notebooks(project.NOTEBOOKS, copies)
    (root / "data").symlink_to(project.FOLDER / "data", target_is_directory=True)
    with running_lab(copies, root) as server:
        yield server


@pytest.fixture(scope="module")
def browser(need_program: Any) -> Iterator[Any]:
    executable = need_program("chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        chromium = playwright.chromium.launch(executable_path=executable, args=flags)
        yield chromium
        chromium.close()


@pytest.fixture
def open_notebook(browser: Any, lab_server: LabServer, request: pytest.FixtureRequest) -> Any:
    """A context manager: `with open_notebook("00_start_here.ipynb") as notebook:`."""

    @contextmanager
    def opened(name: str, size: tuple[int, int] = (1280, 900)) -> Iterator[NotebookPage]:
        context = browser.new_context(viewport={"width": size[0], "height": size[1]})
        context.set_default_timeout(STEP_MILLISECONDS)
        notebook = NotebookPage(context.new_page())
        notebook.page.on("console", lambda said: _note_error(notebook, said))
        notebook.page.on("request", lambda sent: _note_foreign(notebook, sent.url))
        picture = f"{request.node.name}-{Path(name).stem}-{size[0]}.png"
        assert (lab_server.folder / name).is_file(), f"no notebook {name} to open"
        try:
            notebook.page.goto(lab_server.url(name))
            notebook.page.wait_for_selector(".jp-NotebookPanel .jp-CodeCell")
            yield notebook
        except BaseException:
            _screenshot(notebook.page, project.FOLDER / "artefacts" / picture)
            raise
        finally:
            if "KMSLAB_SCREENSHOTS" in os.environ:
                _screenshot(notebook.page, Path(os.environ["KMSLAB_SCREENSHOTS"]) / picture)
            context.close()
            _end_sessions(lab_server)

    return opened


@contextmanager
def running_lab(folder: Path, home: Path) -> Iterator[LabServer]:
    """Start JupyterLab with every setting in `home`; stop it and its kernels at the end."""
    port, token = _free_port(), secrets.token_hex(16)
    command = [
        *[sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root"],
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        f"--IdentityProvider.token={token}",
        f"--ServerApp.root_dir={folder}",
        "--expose-app-in-browser",
        # Should the tests be killed, the server ends by itself.
        "--ServerApp.shutdown_no_activity_timeout=300",
        "--MappingKernelManager.cull_idle_timeout=120",
    ]
    server = LabServer(f"http://127.0.0.1:{port}", token, folder)
    log = home / "jupyterlab.log"
    with log.open("wb") as said:
        process = subprocess.Popen(
            command,
            env=_own_settings(home, folder),
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
    try:
        _wait_until_up(server, process, log)
        yield server
    finally:
        _stop(process)


def _own_settings(home: Path, folder: Path) -> dict[str, str]:
    """What `kmslab lab` sets, and no setting, kernel or start-up file of this machine's user."""
    places = {
        name: str(home / name.lower())
        for name in (
            "JUPYTER_CONFIG_DIR",
            "JUPYTER_DATA_DIR",
            "JUPYTER_RUNTIME_DIR",
            "JUPYTERLAB_SETTINGS_DIR",
            "JUPYTERLAB_WORKSPACES_DIR",
            "IPYTHONDIR",
        )
    }
    # Otherwise JupyterLab asks its project's server for news.
    quiet = {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True}
    settings = Path(places["JUPYTERLAB_SETTINGS_DIR"]) / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text(json.dumps(quiet))
    return {**child.clean_environment(), **workspace.jupyterlab_settings(folder), **places}


def _ask(server: LabServer, path: str, method: str = "GET") -> Any:
    authorized = {"Authorization": f"token {server.token}"}
    asked = urllib.request.Request(server.address + path, headers=authorized, method=method)
    with urllib.request.urlopen(asked, timeout=10) as answer:
        return json.loads(answer.read() or "null")


def _end_sessions(server: LabServer) -> None:
    """JupyterLab gives a notebook its old kernel back; the next test wants a new one."""
    for session in _ask(server, "/api/sessions"):
        _ask(server, f"/api/sessions/{session['id']}", "DELETE")


def _wait_until_up(server: LabServer, process: Any, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            _ask(server, "/api/status")
            return
        except urllib.error.URLError:
            time.sleep(0.2)
    raise RuntimeError(f"JupyterLab did not start:\n{log.read_text()[-3000:]}")


def _stop(process: Any) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _note_error(notebook: NotebookPage, said: Any) -> None:
    if said.type == "error":
        notebook.console_errors.append(said.text)


def _note_foreign(notebook: NotebookPage, url: str) -> None:
    if url.startswith(("http", "ws")) and "://127.0.0.1:" not in url:
        notebook.foreign_requests.append(url)


def _screenshot(page: Any, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=path)
