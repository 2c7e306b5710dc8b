"""A database per test on a real MariaDB or MySQL, and a server of our own that has TLS and a socket."""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tradewind.connection import Connection
from tradewind_mysql import MySqlHook, MySqlSandbox


@pytest.fixture
def server(sandbox: Callable[[str], Connection]) -> Connection:
    """A connection to a new, empty database."""
    return sandbox("mysql")


@pytest.fixture
def hook(server: Connection) -> MySqlHook:
    return MySqlHook(connection=server)


@pytest.fixture
def changed(server: Connection) -> Callable[..., MySqlHook]:
    """`changed(extra={...}, port=1)`: a hook whose connection differs from the server's in these fields."""

    def make(**fields: object) -> MySqlHook:
        given = server.to_dict()
        params = fields.pop("hook", {})
        given["extra"] = {**given["extra"], **fields.pop("extra", {})}  # type: ignore[dict-item]
        return MySqlHook(connection=Connection(**{**given, **fields}), **params)  # type: ignore[arg-type]

    return make


@dataclass(frozen=True)
class TlsServer:
    """A server whose certificate is for `localhost` and not for 127.0.0.1."""

    connection: Connection
    ca: str  #: file with the certificate that signed the server's
    other_ca: str  #: file with one that did not
    client: tuple[str, str]  #: files with a client's certificate and key
    socket: str


@pytest.fixture(scope="session")
def tls_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsServer]:
    folder = tmp_path_factory.mktemp("certificates")
    _write_certificates(folder)
    server = _WithTls(folder)
    with pytest.MonkeyPatch.context() as patch:  # a server that is there already has no TLS of ours
        patch.delenv(MySqlSandbox.url_variable(), raising=False)
        connection = server.start()
    try:
        yield TlsServer(
            connection,
            str(folder / "ca.pem"),
            str(folder / "other.pem"),
            (str(folder / "client.pem"), str(folder / "client-key.pem")),
            str(server.folder / "data" / "server.sock"),
        )
    finally:
        server.stop()


class _WithTls(MySqlSandbox):
    def __init__(self, certificates: Path) -> None:
        super().__init__()
        self.certificates = certificates
        self.folder = Path()

    def command(self, folder: Path, port: int) -> Sequence[str | Path]:
        self.folder = folder
        at = self.certificates
        tls = [f"--ssl-ca={at}/ca.pem", f"--ssl-cert={at}/server.pem", f"--ssl-key={at}/server-key.pem"]
        return [*super().command(folder, port), *tls]


def _write_certificates(folder: Path) -> None:
    """ca.pem signs server.pem (for localhost) and client.pem; other.pem signs nothing."""
    ca_key, ca = _certificate("tradewind test CA")
    _, other = _certificate("another CA")
    for name, certificate in (("ca", ca), ("other", other)):
        (folder / f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    for name, subject in (("server", "localhost"), ("client", "a client")):
        key, certificate = _certificate(subject, signed_by=(ca_key, ca))
        (folder / f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        (folder / f"{name}-key.pem").write_bytes(pem)
        (folder / f"{name}-key.pem").chmod(0o644)  # the server may run as another user


def _certificate(
    subject: str, signed_by: tuple[ec.EllipticCurvePrivateKey, x509.Certificate] | None = None
) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    signer, issuer = (signed_by[0], signed_by[1].subject) if signed_by else (key, name)
    now = datetime.datetime.now(datetime.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca=signed_by is None, path_length=None), critical=True)
    )
    if subject == "localhost":
        names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("192.0.2.1"))]
        built = built.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return key, built.sign(signer, hashes.SHA256())
