"""Servers of a fault run's own, on loopback: they are stopped, killed and emptied at will.

The machine's own servers are never touched: other work uses them.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING

from kombu import Connection

from tests.system import eventually, free_port

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: How long a server may take to start, seconds: RabbitMQ takes ten on an idle machine.
START_S = 120.0
#: How long one that is asked to stop may take, seconds.
STOP_S = 60.0


class Server(ABC):
    """A program that serves on a port of loopback, with its files in a folder of its own."""

    name: str
    #: What asks it to stop in good order.
    polite: signal.Signals = signal.SIGTERM

    def __init__(self) -> None:
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix=f"reelworks-{self.name}-"))
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def argv(self) -> Sequence[str]:
        """Say how it is started in the foreground."""

    @abstractmethod
    def answers(self) -> bool:
        """Whether it takes connections now."""

    def environment(self) -> Mapping[str, str]:
        return os.environ

    def start(self, environment: Mapping[str, str] | None = None) -> None:
        """Start it, and wait until it answers. `environment` is added to its own."""
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                self.argv(),
                env={**self.environment(), **(environment or {})},
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        eventually(self._has_started, f"{self.name} to answer", START_S)

    def _has_started(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            said = (self.folder / "server.log").read_text(errors="replace")[-2000:]
            raise AssertionError(f"{self.name} does not start: {said}")
        return self.answers()

    def restart(self, environment: Mapping[str, str]) -> None:
        """Stop it and start it with this added to its environment."""
        self.stop()
        self.start(environment)

    def stop(self) -> None:
        """Ask it to stop, and wait until it has."""
        self._end(self.polite)

    def kill(self) -> None:
        """End it and whatever it started, without warning."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        if number is signal.SIGKILL:
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(STOP_S)

    def close(self) -> None:
        """End it for good, and remove its files."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


class Redis(Server):
    """A Redis that keeps what it was told, as a broker must."""

    name = "redis"

    @property
    def address(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def argv(self) -> Sequence[str]:
        program = shutil.which("redis-server") or shutil.which("valkey-server") or "redis-server"
        return (
            *(program, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)),
            *("--appendonly", "yes", "--save", "", "--maxmemory-policy", "noeviction"),
        )

    def answers(self) -> bool:
        return self.said("PING").startswith("+PONG")

    def empty(self) -> None:
        """Forget everything, with clients connected."""
        if not self.said("FLUSHALL").startswith("+OK"):
            raise AssertionError("redis did not empty itself")

    def said(self, command: str, database: int = 0) -> str:
        """Send one inline command, and return how the answer begins; "" when there is none."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), 5) as connection:
                connection.sendall(f"SELECT {database}\r\n{command}\r\n".encode())
                answer = connection.makefile("rb")
                answer.readline()
                return answer.readline().decode()
        except OSError:
            return ""


class Postgres(Server):
    """A PostgreSQL cluster made by `initdb`; it runs as `postgres` where we are root."""

    name = "postgres"
    #: "Fast shutdown": sessions are ended, not waited for (PostgreSQL, "Shutting Down the Server").
    polite = signal.SIGINT

    def __init__(self) -> None:
        super().__init__()
        self._listens = "127.0.0.1"
        self._data = self.folder / "data"
        owner = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
        self._as_owner = (
            ("setpriv", f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups")
            if owner
            else ()
        )
        if owner:
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
        subprocess.run(
            [
                *(*self._as_owner, _postgres("initdb"), "-D", str(self._data), "-U", "reelworks"),
                *("-A", "trust", "-E", "UTF8", "--no-sync", "--no-instructions"),
            ],
            check=True,
            capture_output=True,
            cwd=self.folder,
        )

    @property
    def address(self) -> str:
        return self.address_at("127.0.0.1", self.port)

    @staticmethod
    def address_at(host: str, port: int) -> str:
        return f"postgresql+psycopg://reelworks@{host}:{port}/postgres"

    def let_in(self, network: str) -> None:
        """Have it, from its next start, answer all of a network (`10.0.0.0/24`) besides us."""
        with (self._data / "pg_hba.conf").open("a") as rules:
            rules.write(f"host all all {network} trust\n")
        self._listens = "*"

    def argv(self) -> Sequence[str]:
        # Not flushed: the machine does not lose its power here, and only that would need it.
        settings = (f"listen_addresses={self._listens}", "fsync=off", "max_connections=200")
        return (
            *(*self._as_owner, _postgres("postgres"), "-D", str(self._data), "-k", "/tmp"),
            *("-p", str(self.port), *(word for one in settings for word in ("-c", one))),
        )

    def answers(self) -> bool:
        ready = [_postgres("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(ready, check=False).returncode == 0


class MariaDb(Server):
    """A MariaDB made by `mariadb-install-db`; it runs as `mysql` where we are root.

    Its user may do what the documentation says, and no more. `options` are the server's own.
    """

    name = "mariadb"

    def __init__(self, *options: str) -> None:
        super().__init__()
        self._options = options
        self._data = self.folder / "data"
        self._first = self.folder / "first.sql"
        self._first.write_text(
            "CREATE DATABASE IF NOT EXISTS reelworks;\n"
            "CREATE USER IF NOT EXISTS reelworks@'%' IDENTIFIED BY 'pässword';\n"
            "GRANT ALL ON `reelworks%`.* TO reelworks@'%';\n"
        )
        self._as_owner: tuple[str, ...] = ()
        if os.geteuid() == 0:
            owner = pwd.getpwnam("mysql")
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
            self._as_owner = ("--user=mysql",)
        made = [
            *(_mariadb("mariadb-install-db"), "--no-defaults", *self._as_owner),
            *("--auth-root-authentication-method=normal", "--skip-test-db"),
            f"--datadir={self._data}",
        ]
        subprocess.run(made, check=True, capture_output=True, cwd=self.folder)

    @property
    def address(self) -> str:
        return self.address_at("127.0.0.1", self.port)

    @staticmethod
    def address_at(host: str, port: int) -> str:
        return f"mysql+pymysql://reelworks:p%C3%A4ssword@{host}:{port}/reelworks"

    def argv(self) -> Sequence[str]:
        # Not flushed: the machine does not lose its power here, and only that would need it.
        return (
            *(_mariadb("mariadbd"), "--no-defaults", *self._as_owner, f"--datadir={self._data}"),
            *(f"--port={self.port}", "--bind-address=127.0.0.1", "--skip-name-resolve"),
            *(f"--socket={self.folder}/socket", f"--pid-file={self.folder}/pid"),
            *("--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=64M"),
            *(f"--init-file={self._first}", *self._options),
        )

    def answers(self) -> bool:
        asked = [*self._as_root("mariadb-admin"), "ping"]
        return subprocess.run(asked, check=False, capture_output=True).returncode == 0

    def tell(self, statement: str) -> None:
        """Run a statement as the server's administrator."""
        subprocess.run([*self._as_root("mariadb"), f"--execute={statement}"], check=True)

    def _as_root(self, program: str) -> Sequence[str]:
        own = (f"--socket={self.folder}/socket", "--user=root")
        return (_mariadb(program), "--no-defaults", *own)


class Rabbit(Server):
    """A RabbitMQ node with an Erlang port mapper of its own."""

    name = "rabbitmq"

    def __init__(self) -> None:
        super().__init__()
        self._mapper_port, self._distribution_port = free_port(), free_port()
        self._mapper: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}//"

    def environment(self) -> Mapping[str, str]:
        return {
            **os.environ,
            "HOME": str(self.folder),
            "ERL_EPMD_PORT": str(self._mapper_port),
            "RABBITMQ_NODENAME": f"faults{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self._distribution_port),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_PID_FILE": str(self.folder / "pid"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "plugins"),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq"),
            "RABBITMQ_CONF_ENV_FILE": str(self.folder / "none"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-start_epmd false",
        }

    def argv(self) -> Sequence[str]:
        installed = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
        return (str(installed) if installed.exists() else "rabbitmq-server",)

    def start(self, environment: Mapping[str, str] | None = None) -> None:
        if self._mapper is None:
            mapper = shutil.which("epmd") or "epmd"
            self._mapper = subprocess.Popen(
                [mapper, "-port", str(self._mapper_port), "-address", "127.0.0.1"],
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        super().start(environment)

    def empty(self) -> None:
        """Forget everything: queues, exchanges and messages. Clients lose their connections."""
        self.kill()
        shutil.rmtree(self.folder / "mnesia", ignore_errors=True)
        self.start()

    def answers(self) -> bool:
        with Connection(self.address, connect_timeout=2) as connection:
            errors: tuple[type[BaseException], ...] = (OSError, *connection.connection_errors)
            try:
                connection.connect()
            except errors:
                return False
        return True

    def close(self) -> None:
        super().close()
        if self._mapper is not None:
            self._mapper.terminate()
            self._mapper.wait(STOP_S)


def _mariadb(program: str) -> str:
    """Find a program of the installed MariaDB; the server may be off a user's PATH."""
    found = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if not found:
        raise AssertionError(f"MariaDB's {program} is not installed here")
    return found


def _postgres(program: str) -> str:
    """Find a program of the installed PostgreSQL; Debian keeps them off the PATH."""
    found = shutil.which(program)
    if found:
        return found
    versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"))
    if not versions:
        raise AssertionError(f"PostgreSQL's {program} is not installed here")
    return str(versions[-1])
