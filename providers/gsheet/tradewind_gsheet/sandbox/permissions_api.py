"""The methods of the Drive API about who may see a file, and who the caller is. Comments: there never are any."""

from __future__ import annotations

from typing import Any

from tradewind_gsheet.sandbox.calls import Call, Handler, touch
from tradewind_gsheet.sandbox.project import ROLES, File, hash_of, permission
from tradewind_gsheet.sandbox.refusals import Refused

#: Fields of a permission that are told when none are asked for.
_BRIEF = ("id", "type", "kind", "role")


def person(email: str, caller: str) -> dict[str, Any]:
    """`User`."""
    return {
        "kind": "drive#user",
        "displayName": email.partition("@")[0],
        "me": email == caller,
        "permissionId": str(hash_of(email) % 10**20).rjust(20, "0"),
        "emailAddress": email,
    }


def create(call: Call) -> dict[str, Any]:
    file = call.file("writer")
    kind, role = call.body.get("type"), call.body.get("role")
    address = call.body.get("domain" if kind == "domain" else "emailAddress", "")
    if kind not in ("user", "group", "domain", "anyone"):
        raise Refused("The permission type field is required.", reason="required", location="permission.type")
    if role not in ROLES or role in ("organizer", "fileOrganizer"):
        raise Refused("The specified role is invalid or not supported.", reason="invalid", location="permission.role")
    if kind != "anyone" and not address:
        told = f"The {'domain' if kind == 'domain' else 'emailAddress'} field is required for this permission type."
        raise Refused(told, reason="required")
    if kind in ("user", "group") and "@" not in address:
        raise Refused(
            "The specified emailAddress is invalid or not applicable for the given permission type.",
            reason="invalid",
            location="permission.emailAddress",
        )
    if role == "owner":
        _check_transfer(call, file)
    made = permission(kind, role, address)
    file.permissions = [one for one in file.permissions if one["id"] != made["id"]] + [made]
    touch(file, call.now, call.caller.email)
    return _told(call, made)


def _check_transfer(call: Call, file: File) -> None:
    """Let the file have a new owner: the old one may still write."""
    if not call.parameters.get("transferOwnership"):
        told = "The transferOwnership parameter must be enabled when the permission role is 'owner'."
        raise Refused(told, 403, reason="forbidden", location="transferOwnership")
    if not call.may(file, "owner"):
        raise _insufficient()
    file.permissions = [{**one, "role": "writer"} if one["role"] == "owner" else one for one in file.permissions]


def _insufficient() -> Refused:
    told = "The user does not have sufficient permissions for this file."
    return Refused(told, 403, reason="insufficientFilePermissions")


def list_permissions(call: Call) -> dict[str, Any]:
    file = call.file("writer")
    wanted = call.mask.get("permissions") is not None and "permissions" in call.mask
    shown = [one if wanted else _brief(one) for one in file.permissions]
    return {"kind": "drive#permissionList", "permissions": shown}


def get(call: Call) -> dict[str, Any]:
    return _told(call, _found(call, call.file("writer")))


def update(call: Call) -> dict[str, Any]:
    file = call.file("writer")
    found, role = _found(call, file), call.body.get("role", "")
    if role not in ROLES:
        raise Refused("The specified role is invalid or not supported.", reason="invalid", location="permission.role")
    if role == "owner":
        _check_transfer(call, file)
    elif found["role"] == "owner":
        raise _insufficient()
    place = next(at for at, one in enumerate(file.permissions) if one["id"] == found["id"])
    file.permissions[place] = {**file.permissions[place], "role": role}
    touch(file, call.now, call.caller.email)
    return _told(call, file.permissions[place])


def delete(call: Call) -> None:
    file = call.file("reader")
    found = _found(call, file)
    is_own = found.get("emailAddress") == call.caller.email
    if found["role"] == "owner" or not (is_own or call.may(file, "writer")):
        raise _insufficient()
    file.permissions = [one for one in file.permissions if one["id"] != found["id"]]
    touch(file, call.now, call.caller.email)


def _found(call: Call, file: File) -> dict[str, Any]:
    wanted = call.parameters["permissionId"]
    for one in file.permissions:
        if one["id"] == wanted:
            return one
    raise Refused(f"Permission not found: {wanted}.", 404, location="permissionId")


def _told(call: Call, one: dict[str, Any]) -> dict[str, Any]:
    return one if call.mask else _brief(one)


def _brief(one: dict[str, Any]) -> dict[str, Any]:
    return {name: one[name] for name in (*_BRIEF, *(("allowFileDiscovery",) if one["type"] == "anyone" else ()))}


def about(call: Call) -> dict[str, Any]:
    if not call.mask:
        told = "The 'fields' parameter is required for this method."
        raise Refused(told, reason="required", location="fields")
    return {
        "kind": "drive#about",
        "user": person(call.caller.email, call.caller.email),
        "storageQuota": {"limit": "16106127360", "usage": "0", "usageInDrive": "0", "usageInDriveTrash": "0"},
        "canCreateDrives": False,
    }


def comments(call: Call) -> dict[str, Any]:
    call.file("reader")
    return {"kind": "drive#commentList", "comments": []}


HANDLERS: dict[str, Handler] = {
    "drive.permissions.create": create,
    "drive.permissions.list": list_permissions,
    "drive.permissions.get": get,
    "drive.permissions.update": update,
    "drive.permissions.delete": delete,
    "drive.about.get": about,
    "drive.comments.list": comments,
}
