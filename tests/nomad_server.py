"""A small server on 127.0.0.1 that answers as the documented NOMAD API v1 does, faults included."""

import json
import re
import threading
import time
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import PurePosixPath
from urllib.parse import parse_qs, unquote, urlsplit

DOI = "10.17172/NOMAD/2021.11.11-1"


class Store:
    """Uploads (paths and bytes), entries, and what goes wrong next.

    `faults` are taken one by one by requests whose path contains the key:
    `("status", code, headers)`, `("cut", bytes)`, `("short", bytes)`, `("other", bytes)`.
    """

    def __init__(self):
        self.uploads, self.entries, self.faults, self.log = {}, [], {}, []
        self.ignores_offset = False

    def add(self, upload, path, content):
        self.uploads.setdefault(upload, {})[path] = content

    def entry(self, upload, mainfile, formula):
        number = len(self.entries)
        self.entries.append(
            {
                "entry_id": f"entry-{number:03d}",
                "upload_id": upload,
                "mainfile": mainfile,
                "parser_name": "parsers/fhi-aims",
                "results": {"material": {"chemical_formula_reduced": formula}},
            }
        )

    def files_in(self, upload, folder):
        """Names and sizes directly in a folder, and its subfolders."""
        files, folders = {}, set()
        for path, content in self.uploads[upload].items():
            parent = str(PurePosixPath(path).parent)
            parent = "" if parent == "." else parent
            if parent == folder:
                files[PurePosixPath(path).name] = len(content)
            elif parent.startswith(f"{folder}/" if folder else ""):
                folders.add(parent.removeprefix(f"{folder}/" if folder else "").split("/")[0])
        return files, folders


def _handler(store):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def _fault(self, path):
            for key, waiting in store.faults.items():
                if key in path and waiting:
                    return waiting.pop(0)
            return None

        def _send(self, content, status=200, headers=None, chunked=False):
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            if chunked:  # as a StreamingResponse: no length is known
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                for begin in range(0, len(content), 1000):
                    part = content[begin : begin + 1000]
                    self.wfile.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
                self.wfile.write(b"0\r\n\r\n")
            else:
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

        def _json(self, value, status=200, headers=None):
            self._send(json.dumps(value).encode(), status, headers)

        def _begin(self):
            split = urlsplit(self.path)
            path, query = unquote(split.path), parse_qs(split.query)
            store.log.append((time.monotonic(), self.command, path, query))
            fault = self._fault(path)
            if fault and fault[0] == "status":
                self._json({"detail": "not now"}, fault[1], fault[2])
                return None
            return path.removeprefix("/api/v1/"), query, fault

        def do_GET(self):
            begun = self._begin()
            if begun is None:
                return
            path, query, fault = begun
            if path == "datasets/":
                known = query["doi"] == [DOI]
                data = [{"dataset_id": "d1", "dataset_name": "aiGK", "doi": DOI}] if known else []
                self._json({"pagination": {"total": len(data)}, "data": data})
            elif match := re.fullmatch(r"uploads/([^/]+)/rawdir/(.*)", path):
                self._rawdir(*match.groups(), query)
            elif match := re.fullmatch(r"uploads/([^/]+)/raw/(.+)", path):
                self._raw(*match.groups(), query, fault)
            else:
                self._json({"detail": "Not Found"}, 404)

        def _rawdir(self, upload, folder, query):
            files, folders = store.files_in(upload, folder)
            content = [{"name": n, "is_file": False, "size": 0} for n in sorted(folders)]
            content += [{"name": n, "is_file": True, "size": s} for n, s in sorted(files.items())]
            size, page = int(query["page_size"][0]), int(query["page"][0])
            metadata = {"name": folder, "content": content[(page - 1) * size : page * size]}
            self._json(
                {
                    "path": folder,
                    "access": "public",
                    "directory_metadata": metadata,
                    "pagination": {"total": len(content), "page_size": size},
                }
            )

        def _raw(self, upload, path, query, fault):
            content = store.uploads.get(upload, {}).get(path)
            if content is None:
                self._json({"detail": "Not found. Invalid path?"}, 404)
                return
            if fault and fault[0] == "other":
                content = fault[1]
            if not store.ignores_offset:
                content = content[int(query.get("offset", ["0"])[0]) :]
            if fault and fault[0] == "cut":  # the connection breaks within a chunk
                self.send_response(200)
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                self.wfile.write(f"{len(content):x}\r\n".encode() + content[: fault[1]])
                self.close_connection = True
            elif fault and fault[0] == "short":  # ends early as if all were well
                self._send(content[: fault[1]], chunked=True)
            else:
                self._send(content, chunked=not store.ignores_offset)

        def do_POST(self):
            begun = self._begin()
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if begun is None:
                return
            path = begun[0]
            query, pagination = body["query"], body["pagination"]
            assert query["datasets.doi"] == DOI
            wanted = set(query["results.material.elements"]["all"])
            found = [
                e
                for e in store.entries
                if wanted
                <= set(
                    re.findall("[A-Z][a-z]?", e["results"]["material"]["chemical_formula_reduced"])
                )
            ]
            total = len(found)
            after = pagination.get("page_after_value", "")
            found = [e for e in found if e["entry_id"] > after]
            page = found[: pagination["page_size"]]
            answer = {"total": total, **pagination}
            if len(found) > len(page):
                answer["next_page_after_value"] = page[-1]["entry_id"]
            if path == "entries/rawdir/query":
                page = [self._with_files(e) for e in page]
            elif path != "entries/query":
                self._json({"detail": "Not Found"}, 404)
                return
            self._json({"owner": body["owner"], "query": query, "pagination": answer, "data": page})

        def _with_files(self, entry):
            folder = str(PurePosixPath(entry["mainfile"]).parent)
            folder = "" if folder == "." else folder
            files = store.files_in(entry["upload_id"], folder)[0]
            listed = [
                {"path": f"{folder}/{n}" if folder else n, "size": s} for n, s in files.items()
            ]
            keys = ("entry_id", "upload_id", "mainfile")
            return {**{key: entry[key] for key in keys}, "files": listed}

    return Handler


@contextmanager
def running(store):
    """Address of a server for the store."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(store))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/api/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def http_date(seconds):
    """An HTTP date so many seconds from now."""
    return formatdate(time.time() + seconds, usegmt=True)
