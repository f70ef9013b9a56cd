"""Files on servers: copied whole and once, known by their tags, read as files of this machine."""

import hashlib
import os
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import boto3
import pytest
from gcp_storage_emulator.server import create_server
from moto.server import ThreadedMotoServer

from pipeline.config.data import DataConfig
from pipeline.config.loading import check
from pipeline.data.sources.read import read_rows
from pipeline.data.sources.remote import copies, server
from pipeline.data.sources.remote.server import local_copy
from pipeline.errors import InputError
from tests.pipeline.data.reading import fingerprint_of, read

TABLE = b"a,b,y\n1,2.5,p\n3,4.5,q\n5,1.5,p\n7,0.5,q\n"


class Site(ThreadingHTTPServer):
    """A web server whose files a test sets, with what it was asked for."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.files: dict[str, bytes] = {}
        self.asked: Counter[str] = Counter()
        self.tagged, self.length, self.cut_at = True, True, sys.maxsize
        self.password, self.stalls = "", False

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{path}"


class _Answer(BaseHTTPRequestHandler):
    server: Site

    def do_HEAD(self) -> None:
        self._answer(b"")

    def do_GET(self) -> None:
        path = self.path.partition("?")[0].strip("/")
        self.server.asked[path] += 1
        self._answer(self.server.files.get(path, b"")[: self.server.cut_at])

    def _answer(self, body: bytes) -> None:
        path = self.path.partition("?")[0].strip("/")
        if path == "private.csv" and self.headers["Authorization"] != self.server.password:
            self.send_error(403)
        elif path not in self.server.files:
            self.send_error(404)
        else:
            whole = self.server.files[path]
            self.send_response(200)
            if self.server.tagged:
                self.send_header("ETag", f'"{hashlib.md5(whole).hexdigest()}"')
            if self.server.length:
                self.send_header("Content-Length", str(len(whole)))
            self.end_headers()
            half = len(body) // 2
            self.wfile.write(body[:half])
            while body and self.server.stalls:
                time.sleep(0.05)
            with suppress(ConnectionError):  # the process was killed
                self.wfile.write(body[half:])

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAYERWISE_SCRATCH", str(tmp_path / "scratch"))
    return tmp_path / "scratch" / "copies"


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as found:
        found.files["flowers.csv"] = TABLE
        Thread(target=found.serve_forever, daemon=True).start()
        yield found
        found.shutdown()


def test_a_file_is_copied_once_and_its_fingerprint_is_that_of_its_rows(site: Site, tmp_path: Path):
    (tmp_path / "here.csv").write_bytes(TABLE)
    here = read(DataConfig(source=str(tmp_path / "here.csv"), label="y"))
    config = DataConfig(source=site.url("flowers.csv"), label="y")
    there = [read(config) for _ in range(3)]
    assert {fingerprint_of(source) for source in there} == {fingerprint_of(here)}
    assert (there[0].name, there[0].origin) == ("flowers", "flowers.csv")
    assert site.asked == {"flowers.csv": 1}


def test_a_file_that_changed_is_copied_again(site: Site):
    config = DataConfig(source=site.url("flowers.csv"), label="y")
    before = read(config)
    site.files["flowers.csv"] = TABLE + b"9,9.5,q\n"
    after = read(config)
    assert (before.rows, after.rows) == (4, 5)
    site.files["flowers.csv"] = TABLE
    assert read(config).rows == 4
    assert site.asked == {"flowers.csv": 2}  # the first state is still there


def test_without_a_tag_it_is_copied_each_time_and_kept_once(site: Site, scratch: Path):
    site.tagged = False
    paths = {local_copy(site.url("flowers.csv?from=here")) for _ in range(2)}
    assert site.asked == {"flowers.csv": 2}
    assert [Path(path).name for path in paths] == ["flowers.csv"]
    assert len(list(scratch.iterdir())) == 1


def test_a_copy_that_was_cut_short_is_never_used(site: Site, scratch: Path):
    site.cut_at = 20
    with pytest.raises(ConnectionError, match="cannot be copied"):
        local_copy(site.url("flowers.csv"))
    assert list(scratch.iterdir()) == []
    site.cut_at = sys.maxsize
    assert Path(local_copy(site.url("flowers.csv"))).read_bytes() == TABLE


def test_a_copy_whose_process_was_killed_is_never_used(site: Site, scratch: Path):
    site.files["flowers.csv"] = TABLE * 1000
    site.stalls = True
    url = site.url("flowers.csv")
    code = f"from pipeline.data.sources.remote.server import local_copy; local_copy({url!r})"
    copying = subprocess.Popen([sys.executable, "-c", code])
    while not any(path.stat().st_size for path in scratch.rglob("flowers.csv")):
        assert copying.poll() is None
        time.sleep(0.05)
    copying.kill()
    copying.wait()
    site.stalls = False
    assert Path(local_copy(url)).read_bytes() == TABLE * 1000


def test_a_file_that_never_stays_the_same_is_refused(site: Site, monkeypatch: pytest.MonkeyPatch):
    get = _Answer.do_GET

    def changing(self: _Answer) -> None:
        get(self)
        self.server.files["flowers.csv"] = TABLE + str(time.time_ns()).encode()

    monkeypatch.setattr(_Answer, "do_GET", changing)
    with pytest.raises(InputError, match="changes while it is copied"):
        local_copy(site.url("flowers.csv"))
    assert site.asked["flowers.csv"] == server.TRIES


def test_what_is_not_there_or_may_not_be_read_is_said(site: Site):
    site.files["private.csv"] = TABLE
    with pytest.raises(InputError, match=r"There is nothing at http://127.*/none.csv"):
        local_copy(site.url("none.csv"))
    with pytest.raises(InputError, match=r"may not be read \(403.*~/\.netrc"):
        local_copy(site.url("private.csv"))


def test_a_server_that_is_away_is_said_as_an_error_that_may_pass():
    with socket.socket() as taken:  # bound, and nobody listens
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectionError, match="Is the server there, and reachable"):
            local_copy(f"http://127.0.0.1:{taken.getsockname()[1]}/a.csv")


def test_a_login_comes_from_netrc(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    site.files["private.csv"] = TABLE
    site.password = "Basic bWU6c2VjcmV0"
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert Path(local_copy(site.url("private.csv"))).read_bytes() == TABLE


@pytest.mark.parametrize(
    "address",
    [
        "https://me:secret@host/a.csv",
        "s3://secret@bucket/a.csv",
        "https://host/a.csv?X-Amz-Signature=secret&x=1",
        "https://host/a.csv?sv=1&sig=secret",
    ],
)
def test_an_address_with_a_secret_is_refused_and_not_shown(address: str):
    """It would be stored with each run, in MLflow and in Prefect."""
    for key in ("source", "unlabelled_rows"):
        with pytest.raises(InputError, match="no password and no signature") as refused:
            check({"data": {key: address}})
        assert "secret" not in str(refused.value)
    with pytest.raises(InputError, match="no password and no signature") as refused:
        read_rows(address, ())
    assert "secret" not in str(refused.value)


def test_other_schemes_are_named(site: Site):
    with pytest.raises(InputError, match=r"read from s3://, gs://, http://, https://. Given: ftp"):
        read(DataConfig(source="ftp://host/a.csv", label="y"))


@pytest.mark.parametrize(
    ("scheme", "package"), [("s3", "s3fs"), ("gs", "gcsfs"), ("https", "aiohttp")]
)
def test_a_package_that_is_missing_is_named(
    scheme: str, package: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delitem(sys.modules["fsspec.registry"]._registry, scheme, raising=False)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(InputError, match=f"{scheme}:// needs the package {package}"):
        local_copy(f"{scheme}://host/a.csv")


@pytest.mark.parametrize("length", [True, False])
def test_a_file_that_would_fill_the_disk_is_not_copied(
    site: Site, scratch: Path, monkeypatch: pytest.MonkeyPatch, length: bool
):
    """Also one of which nobody says how long it is."""
    site.length = length
    monkeypatch.setattr(copies, "KEPT_FREE", 2**60)
    with pytest.raises(InputError, match="LAYERWISE_SCRATCH"):
        local_copy(site.url("flowers.csv"))
    assert list(scratch.iterdir()) == []


def test_copies_that_nobody_uses_go(site: Site, scratch: Path):
    local_copy(site.url("flowers.csv"))
    (old,) = scratch.iterdir()
    (scratch / ".killed").mkdir()
    week_ago = time.time() - copies.KEPT_SECONDS - 60
    os.utime(scratch / ".killed", (week_ago, week_ago))
    os.utime(old, (week_ago, week_ago))
    local_copy(site.url("flowers.csv"))  # it is used: it stays
    assert list(scratch.iterdir()) == [old]
    os.utime(old, (week_ago, week_ago))
    site.files["flowers.csv"] += b"9,9.5,q\n"
    local_copy(site.url("flowers.csv"))
    assert len(list(scratch.iterdir())) == 1 and not old.exists()


# Buckets, on servers that speak as S3 and as Google's storage


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """The address of an S3 server with a bucket called bucket."""
    found = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    found.start()
    host, port = found.get_host_and_port()
    yield f"http://{host}:{port}"
    found.stop()


@pytest.fixture
def s3(bucket: str, monkeypatch: pytest.MonkeyPatch):
    """A client of that server, whose address and key the environment has."""
    for name, value in (
        ("AWS_ENDPOINT_URL", bucket), ("AWS_ACCESS_KEY_ID", "me"),
        ("AWS_SECRET_ACCESS_KEY", "secret"), ("AWS_DEFAULT_REGION", "us-east-1"),
    ):  # fmt: skip
        monkeypatch.setenv(name, value)
    client = boto3.client("s3")
    client.create_bucket(Bucket="bucket")
    return client


def test_a_file_of_s3_is_copied_once(s3, tmp_path: Path):
    s3.put_object(Bucket="bucket", Key="in/flowers.csv", Body=TABLE)
    config = DataConfig(source="s3://bucket/in/flowers.csv", label="y")
    assert read(config).rows == 4
    copy = Path(local_copy(config.source))
    first = copy.stat()
    assert local_copy(config.source) == str(copy)
    assert copy.stat().st_ctime_ns == first.st_ctime_ns
    s3.put_object(Bucket="bucket", Key="in/flowers.csv", Body=TABLE + b"9,9.5,q\n")
    assert read(config).rows == 5


@pytest.mark.parametrize(
    ("spec", "rows"), [("nights", 8), ("nights/", 8), ("nights/*/*.jsonl", 8), ("nights/*=1/*", 4)]
)
def test_folders_and_patterns_of_s3_are_tables_of_parts(s3, spec: str, rows: int):
    """With the columns that folders called NAME=VALUE are."""
    cells = b'{"a": 1.5, "y": "p"}\n{"a": 2.5, "y": "q"}\n'
    for night in (1, 2):
        for part in "ab":
            s3.put_object(Bucket="bucket", Key=f"nights/night={night}/{part}.jsonl", Body=cells)
    source = read(DataConfig(source=f"s3://bucket/{spec}", label="y", categorical=("night",)))
    assert (source.name, source.rows) == ("nights", rows)
    assert {column.name for column in source.columns} == {"a", "night"}


@pytest.mark.parametrize("name", ["{elsewhere}/evil.csv", "../../../evil.csv"])
def test_names_on_s3_lead_nowhere_else(s3, tmp_path: Path, name: str):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    key = f"{tmp_path.name}/{name.format(elsewhere=elsewhere)}"
    s3.put_object(Bucket="bucket", Key=key, Body=TABLE)
    with pytest.raises(InputError, match="leads elsewhere"):
        local_copy(f"s3://bucket/{tmp_path.name}")
    copies_of_it = [path for path in tmp_path.rglob("evil.csv") if "copies" not in path.parts]
    assert copies_of_it == [] and not any(elsewhere.iterdir())


def test_a_part_of_s3_that_came_later_is_read_too(s3):
    s3.put_object(Bucket="bucket", Key="days/1.csv", Body=TABLE)
    config = DataConfig(source="s3://bucket/days/*.csv", label="y")
    assert read(config).rows == 4
    s3.put_object(Bucket="bucket", Key="days/2.csv", Body=TABLE)
    assert read(config).rows == 8


def test_what_s3_refuses_is_said(s3, monkeypatch: pytest.MonkeyPatch):
    for missing in ("s3://bucket/none.csv", "s3://bucket/none*.csv", "s3://no-bucket/a.csv"):
        with pytest.raises(InputError, match=f"There is nothing at {missing[:-5]}"):
            local_copy(missing)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(InputError, match="may not be read.*AWS_SECRET_ACCESS_KEY"):
        local_copy("s3://bucket/in/flowers.csv")


def test_buckets_of_google_are_read_alike(monkeypatch: pytest.MonkeyPatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    found = create_server("127.0.0.1", port, in_memory=True, default_bucket="bucket")
    found.start()
    # Else gcsfs asks for the kind of the bucket by another protocol, which the emulator has not.
    monkeypatch.setenv("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{port}")
    try:
        import gcsfs
        from fsspec import config

        monkeypatch.setitem(config.conf, "gs", {"token": "anon"})
        files = gcsfs.GCSFileSystem(token="anon")
        files.pipe_file("bucket/flowers.csv", TABLE)
        for day in (1, 2):
            files.pipe_file(f"bucket/days/{day}.csv", TABLE)
        assert read(DataConfig(source="gs://bucket/flowers.csv", label="y")).rows == 4
        assert read(DataConfig(source="gs://bucket/days/*.csv", label="y")).rows == 8
        assert local_copy("gs://bucket/days") == local_copy("gs://bucket/days")
        with pytest.raises(InputError, match="There is nothing at gs://bucket/none"):
            local_copy("gs://bucket/none.csv")
    finally:
        found.stop()
