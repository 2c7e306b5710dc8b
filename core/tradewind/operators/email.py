"""Mail: SmtpHook sends it through the server that a connection names, EmailOperator does so as a task."""

from __future__ import annotations

import mimetypes
import re
import smtplib
import ssl
from collections.abc import Iterable, Mapping
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from pathlib import Path
from typing import Any

from tradewind import settings
from tradewind.errors import TradewindError
from tradewind.hook import BaseHook
from tradewind.operator import BaseOperator

Addresses = str | Iterable[str] | None

#: Unless the connection says otherwise, a server gets this long for each answer.
_TIMEOUT = 30.0  # seconds


class SmtpHook(BaseHook):
    """Sends mail through an SMTP server.

        SmtpHook("mail").send_email_smtp(to="a@example.com", subject="Done", html_content="<b>7 rows</b>")

    The connection's login and password are used if there are any. Its extras: `from_email`, `starttls` (default true,
    for a password must not travel in the clear), `ssl` (TLS from the first byte, also chosen by the scheme `smtps://`),
    `timeout`. A server in your own network that knows no TLS needs `?starttls=false`.
    """

    conn_name_attr = "smtp_conn_id"
    default_conn_name = "smtp_default"
    conn_type = "smtp"
    hook_name = "SMTP"

    def __init__(self, smtp_conn_id: str = "smtp_default", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.smtp_conn_id = smtp_conn_id
        self._client: smtplib.SMTP | None = None

    def get_conn(self) -> smtplib.SMTP:
        """The client, connected and logged in."""
        if self._client is None:
            self._client = self._open()
        return self._client

    def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            try:
                client.quit()
            except smtplib.SMTPException:
                client.close()

    def test_connection(self) -> tuple[bool, str]:
        try:
            with self:
                self.get_conn().noop()
        except TradewindError as error:
            return False, str(error)
        return True, "The server answers."

    def send_email_smtp(
        self,
        to: Addresses,
        subject: str,
        html_content: str,
        from_email: str | None = None,
        files: Iterable[str | Path] | None = None,
        dryrun: bool = False,
        cc: Addresses = None,
        bcc: Addresses = None,
        mime_subtype: str = "mixed",
        mime_charset: str = "utf-8",
        custom_headers: Mapping[str, str] | None = None,
    ) -> None:
        """Send one mail. Addresses are text, separated by comma or semicolon, or lists; `files` are attached.

        Raises TradewindError if the server refuses it, or only some of the addresses: these are named then.
        """
        sender = from_email or self._extras().get("from_email") or self.get_connection(self.smtp_conn_id).login
        if not sender:
            raise TradewindError(
                f"Mail through the connection {self.smtp_conn_id!r} needs a sender: pass from_email, or set the extra "
                "from_email."
            )
        message = compose(sender, to, subject, html_content, cc=cc, bcc=bcc, charset=mime_charset)
        for name, value in (custom_headers or {}).items():
            _set_header(message, name, value)
        _attach(message, files or (), mime_subtype)
        if dryrun:
            self.log.info("Dry run: the mail %r to %s is not sent", subject, message["To"])
            return
        self._send(message)

    def _send(self, message: EmailMessage) -> None:
        try:
            refused = self.get_conn().send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            refused = error.recipients
        except (smtplib.SMTPException, OSError) as error:
            raise self._failed("refused the mail", error) from error
        if refused:
            reasons = "; ".join(f"{address}: {_said(*answer)}" for address, answer in refused.items())
            raise TradewindError(f"The mail server of connection {self.smtp_conn_id!r} refused addresses: {reasons}")

    def _open(self) -> smtplib.SMTP:
        connection = self.get_connection(self.smtp_conn_id)
        extras = self._extras()
        encrypted = bool(extras.get("ssl", connection.scheme == "smtps"))
        timeout = float(extras.get("timeout") or _TIMEOUT)
        host, port = connection.host or "localhost", connection.port or (465 if encrypted else 587)
        try:
            if encrypted:
                client: smtplib.SMTP = smtplib.SMTP_SSL(
                    host, port, timeout=timeout, context=ssl.create_default_context()
                )
            else:
                client = smtplib.SMTP(host, port, timeout=timeout)
        except (smtplib.SMTPException, OSError) as error:
            raise self._failed(f"cannot be reached at {host}:{port}", error) from error
        try:
            if not encrypted and extras.get("starttls", True):
                client.starttls(context=ssl.create_default_context())
            if connection.login:
                client.login(connection.login, connection.password or "")
        except smtplib.SMTPNotSupportedError as error:
            client.close()
            raise self._failed("cannot do what is asked (?starttls=false does without TLS)", error) from error
        except (smtplib.SMTPException, OSError) as error:
            client.close()
            raise self._failed("refused the connection", error) from error
        return client

    def _extras(self) -> dict[str, Any]:
        return dict(self.get_connection(self.smtp_conn_id).extra_dejson)

    def _failed(self, what: str, error: Exception) -> TradewindError:
        told = _said(error.smtp_code, error.smtp_error) if isinstance(error, smtplib.SMTPResponseException) else error
        return TradewindError(f"The mail server of connection {self.smtp_conn_id!r} {what}: {told}")


class EmailOperator(BaseOperator):
    """Sends a mail.

        EmailOperator(task_id="report", to="team@example.com", subject="Sales of {{ ds }}", html_content="report.html")

    - `to`, `cc`, `bcc`: addresses, as text separated by comma or semicolon, or lists.
    - `html_content`: HTML, or the name of a template file ending in `.html`.
    - `files`: paths of files to attach.
    - `conn_id`: connection of type `smtp`; default: the setting `smtp_conn_id`.
    - `from_email`: sender; default: the connection's extra `from_email`, else its login.
    """

    template_fields = (
        "to",
        "subject",
        "html_content",
        "from_email",
        "files",
        "cc",
        "bcc",
        "mime_subtype",
        "custom_headers",
    )
    template_fields_renderers = {"html_content": "html"}  # noqa: RUF012
    template_ext = (".html",)
    ui_color = "#e6faf9"

    def __init__(
        self,
        *,
        to: Addresses,
        subject: str,
        html_content: str,
        from_email: str | None = None,
        files: list[str] | None = None,
        cc: Addresses = None,
        bcc: Addresses = None,
        mime_subtype: str = "mixed",
        mime_charset: str = "utf-8",
        conn_id: str | None = None,
        custom_headers: dict[str, str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.to = to
        self.subject = subject
        self.html_content = html_content
        self.from_email = from_email
        self.files = files or []
        self.cc = cc
        self.bcc = bcc
        self.mime_subtype = mime_subtype
        self.mime_charset = mime_charset
        self.conn_id = conn_id
        self.custom_headers = custom_headers

    def execute(self, context: Any) -> None:
        with SmtpHook(self.conn_id or settings.read().smtp_conn_id) as hook:
            hook.send_email_smtp(
                self.to,
                self.subject,
                self.html_content,
                from_email=self.from_email,
                files=self.files,
                cc=self.cc,
                bcc=self.bcc,
                mime_subtype=self.mime_subtype,
                mime_charset=self.mime_charset,
                custom_headers=self.custom_headers,
            )


def compose(
    sender: str, to: Addresses, subject: str, html: str, *, cc: Addresses = None, bcc: Addresses = None, charset: str
) -> EmailMessage:
    """The mail, without attachments."""
    recipients = addresses(to)
    if not recipients and not addresses(cc) and not addresses(bcc):
        raise TradewindError(f"The mail {subject!r} has no address to go to.")
    message = EmailMessage()
    _set_header(message, "From", sender)
    for name, found in (("To", recipients), ("Cc", addresses(cc)), ("Bcc", addresses(bcc))):
        if found:
            _set_header(message, name, ", ".join(found))
    _set_header(message, "Subject", subject)
    message["Date"] = formatdate(localtime=True)
    message["Message-ID"] = make_msgid(domain="tradewind.invalid")
    message.set_content(html, subtype="html", charset=charset)
    return message


def addresses(value: Addresses) -> list[str]:
    """A list of addresses out of a list, or of text in which comma or semicolon separates them."""
    if value is None:
        return []
    parts = re.split(r"[,;]", value) if isinstance(value, str) else [str(part) for part in value]
    return [part.strip() for part in parts if part.strip()]


def _set_header(message: EmailMessage, name: str, value: str) -> None:
    try:
        message[name] = value
    except ValueError as error:  # for instance a line break, with which a subject could add headers
        raise TradewindError(f"The mail's header {name} cannot be {value!r}: {error}") from error


def _attach(message: EmailMessage, files: Iterable[str | Path], subtype: str) -> None:
    for file in files:
        path = Path(file)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise TradewindError(f"The file {path} cannot be attached to the mail: {error.strerror}.") from error
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        major, _, minor = kind.partition("/")
        message.add_attachment(content, maintype=major, subtype=minor, filename=path.name)
    if message.is_multipart() and subtype != "mixed":
        message.set_type(f"multipart/{subtype}")


def _said(code: int, answer: bytes | str) -> str:
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    return f"{code} {text}"
