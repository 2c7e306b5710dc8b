"""Mail goes out through a real SMTP server, started here."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from collections.abc import Callable, Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import aiosmtpd
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tradewind.dag import DAG
from tradewind.errors import ConnectionNotFound, TradewindError
from tradewind.operators.email import EmailOperator, SmtpHook, addresses

pytestmark = pytest.mark.usefixtures("fresh_secrets")


class Inbox:
    """What the server took, and whom it refuses."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []
        self.refused: set[str] = set()

    async def handle_RCPT(self, server: Any, session: Any, envelope: Envelope, address: str, options: Any) -> str:
        if address in self.refused:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:
        self.envelopes.append(envelope)
        return "250 taken"

    def mail(self) -> EmailMessage:
        """The one mail that came."""
        assert len(self.envelopes) == 1
        content = self.envelopes[0].content
        assert isinstance(content, bytes)
        return message_from_bytes(content, policy=policy.default)  # type: ignore[return-value]


class OnAnyPort(Controller):
    """A server on a port that is free."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@pytest.fixture
def inbox(note_server: Callable[[str], None]) -> Inbox:
    note_server(f"SMTP (aiosmtpd {aiosmtpd.__version__})")
    return Inbox()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail of the tests")])
    now = datetime.datetime.now(datetime.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "mail.pem"
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, *form) + built.public_bytes(serialization.Encoding.PEM)
    )
    return path


def serve(inbox: Inbox, **more: Any) -> Iterator[int]:
    controller = OnAnyPort(inbox, hostname="127.0.0.1", port=0, **more)
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture
def plain_port(inbox: Inbox) -> Iterator[int]:
    yield from serve(inbox)


def _login(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    return AuthResult(success=(data.login, data.password) == (b"me", b"p@ss/word"), handled=False)


@pytest.fixture
def starttls_port(inbox: Inbox, tls: ssl.SSLContext) -> Iterator[int]:
    yield from serve(inbox, tls_context=tls, require_starttls=True, authenticator=_login, auth_required=True)


@pytest.fixture
def ssl_port(inbox: Inbox, tls: ssl.SSLContext) -> Iterator[int]:
    yield from serve(inbox, ssl_context=tls)


@pytest.fixture
def mail(plain_port: int, monkeypatch: pytest.MonkeyPatch) -> SmtpHook:
    uri = f"smtp://127.0.0.1:{plain_port}?starttls=false&from_email=robot@example.com"
    monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", uri)
    return SmtpHook()


# -- what is sent ------------------------------------------------------------------------------------------------------


def test_a_mail_arrives(mail: SmtpHook, inbox: Inbox) -> None:
    with mail:
        mail.send_email_smtp("a@example.com", "Sales of München", "<b>7 Zeilen, 3 €</b>")
    assert (inbox.mail()["From"], inbox.mail()["To"], inbox.mail()["Subject"]) == (
        "robot@example.com",
        "a@example.com",
        "Sales of München",
    )
    body = inbox.mail().get_body()
    assert body is not None
    assert (body.get_content_type(), body.get_content().strip()) == ("text/html", "<b>7 Zeilen, 3 €</b>")
    assert inbox.mail()["Date"]
    assert inbox.mail()["Message-ID"]


def test_copies_go_out_and_blind_ones_stay_blind(mail: SmtpHook, inbox: Inbox) -> None:
    with mail:
        mail.send_email_smtp(["a@x.com", "b@x.com"], "s", "h", cc="c@x.com; d@x.com", bcc="e@x.com")
    assert sorted(inbox.envelopes[0].rcpt_tos) == ["a@x.com", "b@x.com", "c@x.com", "d@x.com", "e@x.com"]
    headers = [inbox.mail()[name] for name in ("To", "Cc", "Bcc")]
    assert headers == ["a@x.com, b@x.com", "c@x.com, d@x.com", None]
    content = inbox.envelopes[0].content
    assert isinstance(content, bytes)
    assert b"e@x.com" not in content


def test_files_are_attached(mail: SmtpHook, inbox: Inbox, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n")
    (tmp_path / "blob.xyz9").write_bytes(b"\x00\xff")
    with mail:
        mail.send_email_smtp("a@x.com", "s", "h", files=[tmp_path / "rows.csv", str(tmp_path / "blob.xyz9")])
    found = {part.get_filename(): part for part in inbox.mail().iter_attachments()}
    assert found["rows.csv"].get_content_type() == "text/csv"
    assert found["blob.xyz9"].get_payload(decode=True) == b"\x00\xff"
    assert inbox.mail().get_content_type() == "multipart/mixed"


def test_headers_of_its_own(mail: SmtpHook, inbox: Inbox) -> None:
    with mail:
        mail.send_email_smtp("a@x.com", "s", "h", custom_headers={"Reply-To": "b@x.com"}, from_email="me@x.com")
    assert (inbox.mail()["Reply-To"], inbox.mail()["From"]) == ("b@x.com", "me@x.com")


def test_several_mails_go_through_one_connection(mail: SmtpHook, inbox: Inbox) -> None:
    with mail:
        for number in range(3):
            mail.send_email_smtp("a@x.com", f"s{number}", "h")
    assert len(inbox.envelopes) == 3


def test_a_dry_run_sends_nothing(mail: SmtpHook, inbox: Inbox) -> None:
    mail.send_email_smtp("a@x.com", "s", "h", dryrun=True)
    assert inbox.envelopes == []


# -- what is refused ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("refused", [{"b@x.com"}, {"a@x.com", "b@x.com"}])
def test_refused_addresses_are_named(refused: set[str], mail: SmtpHook, inbox: Inbox) -> None:
    inbox.refused = refused
    with mail, pytest.raises(TradewindError, match=r"'smtp_default' refused addresses: .*b@x.com: 550 no such mailbox"):
        mail.send_email_smtp("a@x.com,b@x.com", "s", "h")
    assert len(inbox.envelopes) == (1 if len(refused) == 1 else 0)


@pytest.mark.parametrize("field", ["subject", "to", "from_email"])
def test_a_line_break_cannot_add_headers(field: str, mail: SmtpHook) -> None:
    values = {"to": "a@x.com", "subject": "s", "html_content": "h", field: "x@x.com\nBcc: evil@x.com"}
    with pytest.raises(TradewindError, match="header"):
        mail.send_email_smtp(**values)


def test_a_mail_to_nobody_is_refused(mail: SmtpHook) -> None:
    with pytest.raises(TradewindError, match="no address"):
        mail.send_email_smtp(" ; ", "s", "h")


def test_a_missing_file_is_named(mail: SmtpHook, tmp_path: Path) -> None:
    with pytest.raises(TradewindError, match=r"gone.csv cannot be attached to the mail: No such file"):
        mail.send_email_smtp("a@x.com", "s", "h", files=[tmp_path / "gone.csv"])


def test_without_a_sender_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", "smtp://127.0.0.1:1")
    with pytest.raises(TradewindError, match="'smtp_default' needs a sender: pass from_email, or set the extra"):
        SmtpHook().send_email_smtp("a@x.com", "s", "h")


def test_a_server_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_MAIL", "smtp://127.0.0.1:1?timeout=2")
    with pytest.raises(TradewindError, match=r"connection 'mail' cannot be reached at 127.0.0.1:1"):
        SmtpHook("mail").get_conn()
    works, told = SmtpHook("mail").test_connection()
    assert not works
    assert "cannot be reached" in told


# -- encryption and login ----------------------------------------------------------------------------------------------


def test_a_password_never_travels_in_the_clear(
    mail: SmtpHook, plain_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_MAIL", f"smtp://me:p%40ss@127.0.0.1:{plain_port}")
    with pytest.raises(
        TradewindError, match=r"cannot do what is asked \(\?starttls=false does without TLS\): STARTTLS"
    ):
        SmtpHook("mail").get_conn()


def test_starttls_and_login(
    starttls_port: int, certificate: Path, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    monkeypatch.setenv("AIRFLOW_CONN_MAIL", f"smtp://me:p%40ss%2Fword@127.0.0.1:{starttls_port}?from_email=me@x.com")
    assert SmtpHook("mail").test_connection() == (True, "The server answers.")
    with SmtpHook("mail") as hook:
        hook.send_email_smtp("a@x.com", "s", "h")
    assert inbox.mail()["From"] == "me@x.com"


def test_a_wrong_password_is_told_and_not_shown(
    starttls_port: int, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    monkeypatch.setenv("AIRFLOW_CONN_MAIL", f"smtp://me:wrong-pw@127.0.0.1:{starttls_port}")
    with pytest.raises(TradewindError, match="'mail' refused the connection: 535") as caught:
        SmtpHook("mail").get_conn()
    assert "wrong-pw" not in str(caught.value)


def test_a_certificate_that_nobody_vouches_for_is_refused(starttls_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_MAIL", f"smtp://127.0.0.1:{starttls_port}")
    with pytest.raises(TradewindError, match=r"refused the connection: .*certificate verify failed"):
        SmtpHook("mail").get_conn()


@pytest.mark.parametrize("form", ["smtps://127.0.0.1:{port}", "smtp://127.0.0.1:{port}?ssl=true"])
def test_tls_from_the_first_byte(
    form: str, ssl_port: int, certificate: Path, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    monkeypatch.setenv("AIRFLOW_CONN_MAIL", form.format(port=ssl_port))
    with SmtpHook("mail") as hook:
        hook.send_email_smtp("a@x.com", "s", "h", from_email="me@x.com")
    assert inbox.mail()["Subject"] == "s"


# -- the operator ------------------------------------------------------------------------------------------------------


def test_the_operator_sends_a_rendered_mail(mail: SmtpHook, inbox: Inbox, execution: Any, tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text("<p>{{ params.rows }} rows</p>")
    (tmp_path / "2025-11-21.csv").write_text("a\n")
    with DAG("sales", schedule=None, template_searchpath=str(tmp_path), params={"rows": 7, "who": "a@x.com"}):
        task = EmailOperator(
            task_id="report",
            to=["{{ params.who }}"],
            subject="Sales of {{ ds }}",
            html_content="report.html",
            files=[f"{tmp_path}/{{{{ ds }}}}.csv"],
        )
    execution.execute(task)
    body = inbox.mail().get_body()
    assert body is not None
    assert (inbox.mail()["To"], inbox.mail()["Subject"]) == ("a@x.com", "Sales of 2025-11-21")
    assert body.get_content().strip() == "<p>7 rows</p>"
    assert [part.get_filename() for part in inbox.mail().iter_attachments()] == ["2025-11-21.csv"]


def test_the_setting_names_the_connection(
    mail: SmtpHook, plain_port: int, inbox: Inbox, execution: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = EmailOperator(task_id="report", to="a@x.com", subject="s", html_content="h")
    monkeypatch.setenv("TRADEWIND_SMTP_CONN_ID", "elsewhere")
    with pytest.raises(ConnectionNotFound, match="elsewhere"):
        execution.execute(task)
    monkeypatch.setenv("AIRFLOW_CONN_ELSEWHERE", f"smtp://127.0.0.1:{plain_port}?starttls=0&from_email=e@x.com")
    execution.execute(task)
    assert inbox.mail()["From"] == "e@x.com"


@pytest.mark.parametrize(
    ("value", "found"),
    [(None, []), ("", []), ("a@x;b@x , c@x,", ["a@x", "b@x", "c@x"]), (["a@x ", ""], ["a@x"]), (("a@x",), ["a@x"])],
)
def test_addresses(value: Any, found: list[str]) -> None:
    assert addresses(value) == found
