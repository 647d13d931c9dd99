"""A W&B server on 127.0.0.1, just enough of one for a run to be created, filled and finished."""

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class WandbServer(ThreadingHTTPServer):
    """Remembers what clients sent; told to (`healthy`), it answers 500 to everything."""

    daemon_threads = True

    def __init__(self, *, healthy: bool = True) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.healthy = healthy
        self.operations: list[tuple[str, dict[str, Any]]] = []  # GraphQL operation name and its variables
        self.streams: list[tuple[str, dict[str, Any]]] = []  # path and body of each file_stream request
        self.uploads: dict[str, bytes] = {}

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is none of a test's business."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def runs(self) -> list[dict[str, Any]]:
        """The variables of every request that created or changed a run, in order."""
        return [variables for name, variables in self.operations if name == "UpsertBucket"]

    def history(self, run_id: str) -> list[dict[str, Any]]:
        """The lines of a run's history, in the order they came."""
        return [line for _, body in self._bodies(run_id) for line in _content(body, "wandb-history.jsonl")]

    def summary(self, run_id: str) -> dict[str, Any]:
        """The last summary that a run sent."""
        lines = [line for _, body in self._bodies(run_id) for line in _content(body, "wandb-summary.json")]
        return lines[-1] if lines else {}

    def exit_codes(self, run_id: str) -> list[int]:
        """The exit code that a run closed with: one, if it was closed once."""
        return [body["exitcode"] for _, body in self._bodies(run_id) if body.get("complete")]

    def _bodies(self, run_id: str) -> list[tuple[str, dict[str, Any]]]:
        return [(path, body) for path, body in self.streams if f"/{run_id}/" in path]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: WandbServer

    def handle_request(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self._answer(self._respond(body) if self.server.healthy else None)

    do_GET = do_POST = do_PUT = do_HEAD = handle_request  # noqa: N815 (http.server's names)

    def _respond(self, body: bytes) -> dict[str, Any]:
        if self.path == "/graphql":
            request = json.loads(body)
            self.server.operations.append((request["operationName"], request.get("variables") or {}))
            return {"data": _graphql(self.server, request["operationName"], request.get("variables") or {})}
        if self.path.endswith("/file_stream"):
            self.server.streams.append((self.path, json.loads(body)))
        elif self.command == "PUT":
            self.server.uploads[self.path.removeprefix("/upload/")] = body
        return {}

    def _answer(self, payload: dict[str, Any] | None) -> None:
        content = json.dumps(payload).encode()
        self.send_response(500 if payload is None else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (http.server's name)
        """Say nothing on stderr."""


def _graphql(server: WandbServer, operation: str, variables: dict[str, Any]) -> dict[str, Any]:
    if operation == "UpsertBucket":
        project = {"name": variables.get("project"), "entity": {"name": "tester"}}
        bucket = {"id": "bucket-id", "name": variables.get("name"), "displayName": variables.get("displayName")}
        num_lines = len(server.history(variables.get("name") or ""))
        bucket |= {"historyLineCount": num_lines, "project": project}
        return {"upsertBucket": {"bucket": bucket, "inserted": num_lines == 0}}
    if operation == "CreateRunFiles":
        files = [{"name": name, "uploadUrl": f"{server.url}/upload/{name}"} for name in variables["files"]]
        return {"createRunFiles": {"runID": variables["run"], "uploadHeaders": [], "files": files}}
    if operation == "Viewer":
        return {"viewer": {"id": "viewer-id", "entity": "tester", "username": "tester", "flags": "{}"}}
    if "Artifact" in operation:
        return _artifact(server, variables)
    return {"project": None}


def _artifact(server: WandbServer, variables: dict[str, Any]) -> dict[str, Any]:
    """A table travels as an artifact: created, its files uploaded, then its manifest, then committed."""

    def upload(name: str) -> dict[str, Any]:
        address = {"uploadUrl": f"{server.url}/upload/{name}", "uploadHeaders": [], "uploadMultipartUrls": None}
        return {"id": name, "name": name, "displayName": name, "storagePath": name, **address}

    manifest = {"artifactManifest": {"id": "manifest-id", "file": upload("manifest.json")}}
    artifact = {
        "id": "artifact-id",
        "state": "PENDING",
        "artifactSequence": {"id": "sequence-id", "latestArtifact": None},
    }
    files = variables["input"].get("artifactFiles", []) if "input" in variables else []
    nodes = [{"node": {**upload(file["name"]), "artifact": {"id": "artifact-id"}}} for file in files]
    return {
        "createArtifact": {"artifact": artifact},
        "createArtifactManifest": manifest,
        "updateArtifactManifest": manifest,
        "createArtifactFiles": {"files": {"edges": nodes}},
        "commitArtifact": {"artifact": {"id": "artifact-id", "digest": "digest"}},
    }


def _content(body: dict[str, Any], file: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in body.get("files", {}).get(file, {}).get("content", [])]


@contextmanager
def serve(*, healthy: bool = True) -> Iterator[WandbServer]:
    """A server in a daemon thread on a free port; gone when the block ends."""
    server = WandbServer(healthy=healthy)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
