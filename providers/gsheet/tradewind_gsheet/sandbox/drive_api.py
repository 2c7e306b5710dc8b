"""The methods of the Drive API that concern files, and what is uploaded into one."""

from __future__ import annotations

import json
import re
from typing import Any

from tradewind.sandbox.web import Request
from tradewind_gsheet.sandbox import discovery, export, permissions_api
from tradewind_gsheet.sandbox.calls import Call, Handler, timestamp, touch
from tradewind_gsheet.sandbox.discovery import Method
from tradewind_gsheet.sandbox.drive_query import query
from tradewind_gsheet.sandbox.project import FOLDER, SPREADSHEET, File, new_id, permission
from tradewind_gsheet.sandbox.refusals import Refused
from tradewind_gsheet.sandbox.sheets_api import new_spreadsheet

#: Fields of a file that are told when none are asked for.
_BRIEF = ("kind", "id", "name", "mimeType")

#: Fields that a client may set, and that mean nothing here but themselves.
_KEPT = ("description", "starred", "properties", "appProperties", "folderColorRgb", "copyRequiresWriterPermission")

_UPLOAD = re.compile(r"/upload/drive/v[23]/files(?:/(?P<fileId>[^/]+))?")


def create(call: Call) -> dict[str, Any]:
    kind = call.body.get("mimeType", "application/octet-stream")
    if kind not in (SPREADSHEET, FOLDER):
        raise Refused(f"The sandbox makes spreadsheets and folders only, not {kind}.", 501)
    return _told(call, _new_file(call, call.body, kind))


def _new_file(call: Call, body: dict[str, Any], kind: str) -> File:
    name, now, email = body.get("name", "Untitled"), timestamp(call.now), call.caller.email
    for parent in body.get("parents", ()):
        if parent != "root":
            call.file_called(parent, "writer")
    spreadsheet = new_spreadsheet({"title": name}) if kind == SPREADSHEET else None
    made = File(
        spreadsheet.id if spreadsheet else new_id(),
        name,
        kind,
        now,
        now,
        [permission("user", "owner", email)],
        modified_by=email,
        app=email,
        parents=[one for one in body.get("parents", ()) if one != "root"],
        more={field: body[field] for field in _KEPT if field in body},
        spreadsheet=spreadsheet,
    )
    return call.project.add_file(made)


def get(call: Call) -> dict[str, Any]:
    file = call.file("reader")
    if call.parameters.get("alt") == "media":
        told = "Only files with binary content can be downloaded. Use Export with Docs Editors files."
        raise Refused(told, 403, reason="fileNotDownloadable", location="alt")
    return _told(call, file)


def list_files(call: Call) -> dict[str, Any]:
    """Pages begin at a number, which is the token."""
    text = call.parameters.get("q", "")
    test = query(text) if text else lambda file: True
    visible = [
        file
        for file in call.project.visible(call.caller.email)
        if not (call.caller.only_own_files and file.app != call.caller.email)
    ]
    found = _ordered([file for file in visible if test(file)], call.parameters.get("orderBy", ""))
    size, token = int(call.parameters.get("pageSize", 100)), call.parameters.get("pageToken", "~0")
    if not 1 <= size <= 1000:
        raise Refused(
            f"Invalid value '{size}'. Values must be within the range: [1, 1000]",
            reason="invalidParameter",
            location="pageSize",
        )
    if not re.fullmatch(r"~\d+", token):
        raise Refused("Invalid Value", reason="invalid", location="pageToken")
    start = int(token[1:])
    told: dict[str, Any] = {"kind": "drive#fileList", "incompleteSearch": False}
    if start + size < len(found):
        told["nextPageToken"] = f"~{start + size}"
    wanted = call.mask.get("files", {})
    return {**told, "files": [_resource(call, file, brief=not wanted) for file in found[start : start + size]]}


def _ordered(files: list[File], order: str) -> list[File]:
    keys = {
        "name": lambda file: file.name.casefold(),
        "name_natural": lambda file: file.name.casefold(),
        "createdTime": lambda file: file.created,
        "modifiedTime": lambda file: file.modified,
        "recency": lambda file: file.modified,
        "folder": lambda file: file.mime_type != FOLDER,
    }
    for part in reversed([one for one in order.split(",") if one.strip()]):
        name, _, way = part.strip().partition(" ")
        if name not in keys:
            raise Refused("Invalid Value", reason="invalid", location="orderBy")
        files = sorted(files, key=keys[name], reverse=way.strip() == "desc")
    return files


def update(call: Call) -> dict[str, Any]:
    file = call.file("writer")
    body = call.body
    if "trashed" in body:
        if not call.may(file, "owner"):
            raise Refused(
                "The user does not have sufficient permissions for this file.",
                403,
                reason="insufficientFilePermissions",
            )
        file.trashed = bool(body["trashed"])
    if "name" in body:
        file.name = body["name"]
        if file.spreadsheet is not None:
            file.spreadsheet.properties["title"] = body["name"]
            file.spreadsheet.revision += 1
    file.more |= {field: body[field] for field in _KEPT if field in body}
    added = [one for one in call.parameters.get("addParents", "").split(",") if one]
    removed = call.parameters.get("removeParents", "").split(",")
    for parent in added:
        call.file_called(parent, "writer")
    file.parents = [one for one in file.parents if one not in removed] + [
        one for one in added if one not in file.parents
    ]
    touch(file, call.now, call.caller.email)
    return _told(call, file)


def copy(call: Call) -> dict[str, Any]:
    file = call.file("reader")
    if file.spreadsheet is None:
        raise Refused("This file cannot be copied by the user.", 403, reason="cannotCopyFile")
    body = {"name": f"Copy of {file.name}", "parents": file.parents, **call.body}
    made = _new_file(call, body, SPREADSHEET)
    content = file.spreadsheet.copy()
    content.id, content.properties["title"] = made.id, made.name
    made.spreadsheet = content
    return _told(call, made)


def delete(call: Call) -> None:
    file = call.file("reader")
    if not call.may(file, "owner"):
        raise Refused(
            "The user does not have sufficient permissions for this file.", 403, reason="insufficientFilePermissions"
        )
    below = [file.id]
    while below:  # what is in a folder goes with it
        gone = below.pop()
        call.project.files.pop(gone, None)
        below += [one.id for one in call.project.files.values() if gone in one.parents]


def _told(call: Call, file: File) -> dict[str, Any]:
    return _resource(call, file, brief=not call.mask)


def _resource(call: Call, file: File, *, brief: bool) -> dict[str, Any]:
    """`File`."""
    told = {"kind": "drive#file", "id": file.id, "name": file.name, "mimeType": file.mime_type}
    if brief:
        return told
    email = call.caller.email
    owner, is_mine = permissions_api.person(file.owner, email), file.owner == email
    kind = "folders" if file.mime_type == FOLDER else "spreadsheets/d"
    capable = {
        "canEdit": call.may(file, "writer"),
        "canShare": call.may(file, "writer"),
        "canCopy": file.mime_type != FOLDER,
        "canComment": call.may(file, "commenter"),
        "canDelete": call.may(file, "owner"),
        "canTrash": call.may(file, "owner"),
    }
    more = {
        "starred": False,
        "trashed": file.trashed,
        "parents": file.parents or (["root"] if is_mine else []),
        "version": str(file.version),
        "webViewLink": f"{call.url}/{kind}/{file.id}" + ("" if file.mime_type == FOLDER else "/edit"),
        "createdTime": file.created,
        "modifiedTime": file.modified,
        "modifiedByMe": file.modified_by == email,
        "owners": [owner],
        "lastModifyingUser": permissions_api.person(file.modified_by, email),
        "shared": len(file.permissions) > 1,
        "ownedByMe": is_mine,
        "capabilities": capable,
        "spaces": ["drive"],
        "permissionIds": [one["id"] for one in file.permissions],
        **({"permissions": file.permissions} if call.may(file, "writer") else {}),
        **file.more,
    }
    if file.spreadsheet is not None:
        more["exportLinks"] = {
            kind: f"{call.url}/drive/v3/files/{file.id}/export?mimeType={kind}" for kind in export.KINDS
        }
    return {**told, **more}


# -- uploads ----------------------------------------------------------------------------------------------------------


def upload_method(request: Request) -> tuple[Method, dict[str, str]] | None:
    """The method that an upload is for, and the parameters in its path."""
    found = _UPLOAD.fullmatch(request.path)
    wanted = {
        ("POST", False): "drive.files.create",
        ("PUT", True): "drive.files.update",
        ("PATCH", True): "drive.files.update",
    }
    id = wanted.get((request.method, bool(found and found["fileId"]))) if found else None
    method = next((one for one in discovery.drive().methods if one.id == id), None)
    if method is None or found is None:
        return None
    return method, {"fileId": found["fileId"]} if found["fileId"] else {}


def upload(call: Call, request: Request) -> dict[str, Any]:
    """Make a spreadsheet of a CSV file, or replace the sheets of one by it."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip()
    told: dict[str, Any] = {}
    content = request.body
    if kind == "multipart/related":
        told, kind, content = _parts(request)
    if kind != "text/csv":
        raise Refused(f"The sandbox takes uploads of text/csv only, not {kind}.", 501)
    is_update = call.method.id == "drive.files.update"
    file = call.file("writer") if is_update else _new_file(call, told, SPREADSHEET)
    if file.spreadsheet is None:
        raise Refused("The file is no spreadsheet.", 400)
    export.import_csv(file.spreadsheet, content, call.now.date())
    call.touch(file.spreadsheet)
    return _resource(call, file, brief=False)


def _parts(request: Request) -> tuple[dict[str, Any], str, bytes]:
    """Metadata, content type and content of an upload in two parts."""
    from email.parser import BytesParser
    from email.policy import HTTP

    head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
    message = BytesParser(policy=HTTP).parsebytes(head + request.body)
    parts = list(message.iter_parts()) if message.is_multipart() else []
    try:
        first, second = parts
        metadata = json.loads(_payload(first))
    except ValueError:
        raise Refused("Malformed multipart body.", reason="badContent") from None
    return metadata, second.get_content_type(), _payload(second)


def _payload(part: Any) -> bytes:
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


HANDLERS: dict[str, Handler] = {
    "drive.files.create": create,
    "drive.files.get": get,
    "drive.files.list": list_files,
    "drive.files.update": update,
    "drive.files.copy": copy,
    "drive.files.delete": delete,
    "drive.files.export": export.export,
    **permissions_api.HANDLERS,
}
