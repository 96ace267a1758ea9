"""The HTTP client: how long it waits, how often it tries, and what it never tells."""

import gzip
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from hypothesis import given
from hypothesis import strategies as st
from logged import logged

from umklapp import web
from umklapp.errors import InputError
from umklapp.web import Client, RefusedError, UnreachableError, retry_after

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def server():
    """Answers each request with the next (status, headers) of `answers`, then with json."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_GET(self):
            asked = self.server.answers.pop(0) if self.server.answers else (200, {})
            self.server.count += 1
            content = self.server.content
            self.send_response(asked[0])
            for name, value in {"Content-Length": str(len(content)), **asked[1]}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as made:
        made.answers, made.count = [], 0
        made.content = b'{"detail": "secret-key is not welcome"}'
        thread = threading.Thread(target=made.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield made
        made.shutdown()
        thread.join()


@pytest.fixture
def pauses(monkeypatch):
    """Pauses that were asked for; nobody waits."""
    asked = []
    monkeypatch.setattr(web.time, "sleep", asked.append)
    return asked


def client(server, **changes):
    return Client(f"http://127.0.0.1:{server.server_port}", **({"interval": 0.0} | changes))


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("3", 3), ("0", 0), ("-1", None), ("nan", None), ("inf", None), ("", None), ("soon", None)],
)
def test_retry_after(header, seconds):
    assert retry_after(header, NOW) == seconds


def test_retry_after_as_a_date():
    later = format_datetime(NOW + timedelta(seconds=90), usegmt=True)
    assert retry_after(later, NOW) == 90
    assert retry_after(format_datetime(NOW - timedelta(seconds=90), usegmt=True), NOW) is None


@given(st.text(max_size=20))
def test_no_header_gives_a_pause_that_cannot_be_waited(header):
    seconds = retry_after(header, NOW)
    assert seconds is None or 0 <= seconds < float("inf")


@pytest.mark.parametrize("header", ["0", "nan", "-5"])
def test_a_server_that_asks_for_no_pause_is_not_hammered(server, pauses, header):
    server.answers = [(503, {"Retry-After": header})] * 1000
    with pytest.raises(UnreachableError, match=r"busy \(503"):
        client(server, first_pause=2.0, busy_tries=6).open("x")
    assert server.count == 6
    waits = [seconds for seconds in pauses if seconds]
    assert len(waits) == 5
    assert min(waits) >= 2.0


def test_pauses_double_up_to_a_bound(server, pauses):
    server.answers = [(503, {})] * 8
    assert client(server).json("x")
    assert [seconds for seconds in pauses if seconds] == [1, 2, 4, 8, 16, 32, 60, 60]


def test_patience_is_for_all_pauses_together(server, pauses):
    server.answers = [(429, {"Retry-After": "40"})] * 10
    with pytest.raises(UnreachableError, match="next try after 40 s"):
        client(server, patience=100).open("x")
    assert server.count == 3


def test_a_server_that_is_not_there(server, pauses):
    gone = Client("http://127.0.0.1:9", interval=0.0, timeout=1)
    with pytest.raises(UnreachableError, match=r"refused.*is there a network") as caught:
        gone.open("x")
    assert "refused" in caught.value.reason
    assert [seconds for seconds in pauses if seconds] == [1, 2, 4]


def test_a_secret_is_in_no_message(server, pauses):
    shy = client(server, secrets={"X-API-KEY": "secret-key"})
    server.answers = [(401, {})]
    with pytest.raises(RefusedError, match=r"401 \*\*\* is not welcome") as caught:
        shy.open("x")
    assert caught.value.status == 401
    assert "secret-key" not in repr(shy)
    server.answers = [(503, {})]
    with logged() as messages:
        shy.open("x").close()
    assert messages
    assert "secret-key" not in "".join(messages)


def test_a_secret_follows_no_redirect(server):
    server.answers = [(302, {"Location": "http://127.0.0.1:9/"})]
    with pytest.raises(RefusedError, match="302"):
        client(server, secrets={"X-API-KEY": "secret-key"}).open("x")


@pytest.mark.parametrize("secret", ["abc\ndef", "abc\r\nX: y", "schlüssel-ключ", "two words", ""])
def test_a_secret_that_no_header_carries_is_not_shown(secret):
    """requests would put its value into the error message."""
    with pytest.raises(InputError, match="its value is not shown") as caught:
        Client("http://127.0.0.1:9", secrets={"X-API-KEY": secret})
    assert not secret or secret not in str(caught.value)
    assert "abc" not in str(caught.value)


@pytest.mark.parametrize("user", ["user:passw0rd", "passw0rd"])
def test_an_address_with_a_password_is_refused(user):
    with pytest.raises(InputError, match=r"127\.0\.0\.1") as caught:
        Client(f"http://{user}@127.0.0.1:9/path")
    assert "passw0rd" not in str(caught.value)


def test_a_server_that_sends_us_on_to_another_one_is_not_followed_silently(server):
    elsewhere = f"http://localhost:{server.server_port}/there"
    server.answers = [(302, {"Location": elsewhere})]
    with pytest.raises(RefusedError, match="sends us on to another one, localhost"):
        client(server).json("here")
    server.answers = [(302, {"Location": "/there"})]
    assert client(server).json("here") == {"detail": "secret-key is not welcome"}


@pytest.mark.parametrize("content", [b"[]", b'"text"', b"[" * 100_000, b"<html>"])
def test_what_is_no_mapping_is_no_answer(server, pauses, content, monkeypatch):
    """Also where it comes packed, or nested so deep that a parser would end the process."""
    packed = gzip.compress(content)
    headers = {"Content-Encoding": "gzip", "Content-Length": str(len(packed))}
    server.answers, server.content = [(200, headers)] * 9, packed
    with pytest.raises(UnreachableError, match="an answer that is no json"):
        client(server, tries=2).json("here")


def test_an_answer_that_unpacks_without_end_is_refused(server, monkeypatch):
    monkeypatch.setattr(web, "LARGEST_JSON", 10_000_000)
    packed = gzip.compress(bytes(20_000_000))
    server.answers = [(200, {"Content-Encoding": "gzip", "Content-Length": str(len(packed))})]
    server.content = packed
    with pytest.raises(RefusedError, match=r"an answer of more than 1e\+07 bytes"):
        client(server).json("here")
