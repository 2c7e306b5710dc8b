"""What a test does behind the back of its client with `Control(connection).act(...)`: what people and time do."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from tradewind.errors import SandboxError
from tradewind_gsheet.sandbox.calls import timestamp, touch
from tradewind_gsheet.sandbox.project import DOMAIN, ROLES, SPREADSHEET, File, Project, permission
from tradewind_gsheet.sandbox.quotas import PER_PROJECT, READS_PER_USER, WRITES_PER_USER
from tradewind_gsheet.sandbox.sheets_api import new_spreadsheet
from tradewind_gsheet.sandbox.tokens import key_file

if TYPE_CHECKING:
    from tradewind_gsheet.sandbox.service import GoogleService

#: The person who is there in every project.
PERSON = f"ann@{DOMAIN}"


def expire_tokens(service: GoogleService, project: Project) -> int:
    """No token that was given is good any more. Answers how many that were."""
    return service.tokens.expire(project.name)


def move_clock(service: GoogleService, project: Project, *, seconds: float) -> None:
    """The clock of the whole server goes ahead: tokens end, and assertions of clients are too old."""
    service.move_clock(seconds)


def set_quota(
    service: GoogleService,
    project: Project,
    *,
    read: int | None = READS_PER_USER,
    write: int | None = WRITES_PER_USER,
    per_project: int | None = PER_PROJECT,
    minute: float = 60.0,
) -> None:
    """Limits as Google has them, requests a minute; None for none. `minute` is how long a minute lasts, in seconds."""
    project.quotas.set(read=read, write=write, project=per_project, minute=minute)


def add_account(service: GoogleService, project: Project, *, name: str) -> dict[str, str]:
    """A further service account. Answers the contents of its key file."""
    return key_file(project, project.add_account(name), service.keys, service.url)


def log_in(service: GoogleService, project: Project, *, email: str = PERSON) -> dict[str, str]:
    """A person logs in. Answers the contents of the file that `gcloud auth application-default login` writes."""
    refresh = f"1//{secrets.token_urlsafe(32)}"
    project.people[refresh] = email
    told = {"client_id": f"{project.number}.apps.googleusercontent.com", "client_secret": "none", "account": email}
    return {"type": "authorized_user", "refresh_token": refresh, **told, "universe_domain": "googleapis.com"}


def let_impersonate(service: GoogleService, project: Project, *, email: str, account: str) -> None:
    """Somebody may act as a service account from now on."""
    project.stand_ins.add((email, account))


def disable_account(service: GoogleService, project: Project, *, email: str) -> None:
    """A service account that gets no token any more."""
    if email not in project.accounts:
        raise SandboxError(f"The project has no account {email!r}. It has: {', '.join(project.accounts)}.")
    project.accounts[email].disabled = True
    service.tokens.expire(project.name)


def create_spreadsheet(
    service: GoogleService, project: Project, *, title: str, owner: str = PERSON, id: str = ""
) -> str:
    """A spreadsheet that a person has made, and shared with nobody. Answers its id."""
    made = new_spreadsheet({"title": title})
    made.id = id or made.id
    now = timestamp(service.now())
    who = permission("user", "owner", owner)
    project.add_file(File(made.id, title, SPREADSHEET, now, now, [who], modified_by=owner, app=owner, spreadsheet=made))
    return made.id


def share(service: GoogleService, project: Project, *, file: str, email: str, role: str = "writer") -> None:
    """Share a file with somebody, or take that back with the role ""."""
    found = project.files.get(file)
    if found is None:
        raise SandboxError(f"The project has no file {file!r}.")
    if role and role not in ROLES:
        raise SandboxError(f"There is no role {role!r}. There are: {', '.join(ROLES)}.")
    others = [one for one in found.permissions if one.get("emailAddress") != email or one["role"] == "owner"]
    found.permissions = others + ([permission("user", role, email)] if role else [])
    touch(found, service.now(), found.owner)


def api_key(service: GoogleService, project: Project) -> str:
    """A key that lets its holder read what is shared with everybody."""
    return project.api_key


ACTIONS: Mapping[str, Callable[..., Any]] = {
    "add_account": add_account,
    "api_key": api_key,
    "create_spreadsheet": create_spreadsheet,
    "disable_account": disable_account,
    "let_impersonate": let_impersonate,
    "log_in": log_in,
    "expire_tokens": expire_tokens,
    "move_clock": move_clock,
    "set_quota": set_quota,
    "share": share,
}
