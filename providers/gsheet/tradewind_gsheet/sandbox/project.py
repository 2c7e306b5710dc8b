"""What belongs together: service accounts, their files, and who may see these. One project for each sandbox."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tradewind_gsheet.sandbox.quotas import Quotas
from tradewind_gsheet.sandbox.spreadsheet import Spreadsheet

SPREADSHEET = "application/vnd.google-apps.spreadsheet"
FOLDER = "application/vnd.google-apps.folder"

#: From least to most.
ROLES = ("reader", "commenter", "writer", "fileOrganizer", "organizer", "owner")

#: Whom people are called, and where they are.
DOMAIN = "example.com"


@dataclass
class Account:
    """A service account."""

    email: str
    client_id: str
    disabled: bool = False


@dataclass
class File:
    """A file of Google Drive: a spreadsheet or a folder. `permissions` are those of the API, the owner's among them."""

    id: str
    name: str
    mime_type: str
    created: str
    modified: str
    permissions: list[dict[str, Any]]
    modified_by: str = ""
    app: str = ""  #: account that made it: who has but the scope `drive.file` sees it
    parents: list[str] = field(default_factory=list)
    trashed: bool = False
    more: dict[str, Any] = field(default_factory=dict)  #: description, starred, properties ...
    version: int = 1
    spreadsheet: Spreadsheet | None = None

    @property
    def owner(self) -> str:
        return next((str(one["emailAddress"]) for one in self.permissions if one["role"] == "owner"), "")

    def role(self, email: str) -> str:
        """What somebody may do; empty for nothing."""
        found = [one["role"] for one in self.permissions if _is_for(one, email)]
        return max(found, key=ROLES.index, default="")


def _is_for(permission: dict[str, Any], email: str) -> bool:
    kind = permission["type"]
    if kind == "anyone":
        return True
    if kind == "domain":
        return email.rpartition("@")[2] == permission.get("domain")
    return bool(email) and email.casefold() == str(permission.get("emailAddress", "")).casefold()


def permission(kind: str, role: str, address: str = "") -> dict[str, Any]:
    """A permission of the API. `address` is that of a person or a group, or the name of a domain."""
    made: dict[str, Any] = {"kind": "drive#permission", "type": kind, "role": role}
    if kind == "anyone":
        return {"id": "anyoneWithLink", "allowFileDiscovery": False, **made}
    number = str(abs(hash_of(address)) % 10**20).rjust(20, "0")
    if kind == "domain":
        return {"id": f"{number}k", "domain": address, "displayName": address, **made}
    name = address.partition("@")[0]
    return {"id": number, "emailAddress": address, "displayName": name, "deleted": False, "pendingOwner": False, **made}


def hash_of(text: str) -> int:
    """The same number for the same text in every process."""
    import hashlib

    return int.from_bytes(hashlib.sha256(text.casefold().encode()).digest()[:10], "big")


class Project:
    """All that one sandbox has. Whoever uses it holds its `lock`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.id = f"sandbox-{hash_of(name) % 10**6:06d}"
        self.number = str(hash_of(name) % 10**12)
        self.api_key = "AIza" + secrets.token_urlsafe(26)[:35]
        self.accounts: dict[str, Account] = {}
        self.files: dict[str, File] = {}
        self.people: dict[str, str] = {}  #: refresh token of a person who has logged in -> e-mail
        self.stand_ins: set[tuple[str, str]] = set()  #: who may act as which service account
        self.quotas = Quotas()
        self.lock = threading.RLock()

    def add_account(self, name: str) -> Account:
        """A further service account; the same one for a name that there is."""
        email = f"{name}@{self.id}.iam.gserviceaccount.com"
        if email not in self.accounts:
            self.accounts[email] = Account(email, str(hash_of(self.name + email) % 10**21))
        return self.accounts[email]

    def add_file(self, file: File) -> File:
        self.files[file.id] = file
        return file

    def visible(self, email: str) -> Iterable[File]:
        """Files that somebody may see because they were shared with them, the last changed first."""
        shared = [
            file
            for file in self.files.values()
            if any(one["type"] != "anyone" and _is_for(one, email) for one in file.permissions)
        ]
        return sorted(shared, key=lambda file: file.modified, reverse=True)


def new_id() -> str:
    """An id as those of Google's files are."""
    while True:
        made = "1" + secrets.token_urlsafe(33)[:43]
        if made[-1].isalnum():
            return made
