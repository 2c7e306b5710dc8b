"""The Drive API: files, who may see them, exports and uploads."""

from __future__ import annotations

import csv
import io
import zipfile

import pytest
from googleapiclient.http import MediaInMemoryUpload

from tradewind_gsheet.sandbox import in_place_of_google

SPREADSHEET = "application/vnd.google-apps.spreadsheet"
FOLDER = "application/vnd.google-apps.folder"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def names(files, query, **more):
    return [file["name"] for file in files.list(q=query, **more).execute()["files"]]


def test_files_are_made_found_renamed_and_deleted(files, sheets, refused):
    folder = files.create(body={"name": "Reports", "mimeType": FOLDER}).execute()["id"]
    body = {"name": "March", "mimeType": SPREADSHEET, "parents": [folder]}
    made = files.create(body=body).execute()
    assert made == {"kind": "drive#file", "id": made["id"], "name": "March", "mimeType": SPREADSHEET}
    assert names(files, f"'{folder}' in parents") == ["March"]
    files.update(fileId=made["id"], body={"name": "April", "starred": True}).execute()
    assert sheets.get(spreadsheetId=made["id"], fields="properties.title").execute()["properties"]["title"] == "April"
    assert names(files, "starred = true") == ["April"]
    files.update(fileId=made["id"], body={"trashed": True}).execute()
    assert names(files, f"'{folder}' in parents and trashed = false") == []
    assert files.get(fileId=made["id"], fields="trashed,owners(me)").execute() == {
        "trashed": True,
        "owners": [{"me": True}],
    }
    files.delete(fileId=folder).execute()
    assert refused(files.get(fileId=made["id"]).execute) == (404, f"File not found: {made['id']}.")


def test_pages_of_a_list(files):
    for number in range(5):
        files.create(body={"name": f"page {number}", "mimeType": SPREADSHEET}).execute()
    asked = files.list(q="name contains 'page'", pageSize=2, orderBy="name", fields="nextPageToken,files(name)")
    pages = []
    while asked is not None:
        told = asked.execute()
        pages.append([file["name"] for file in told["files"]])
        asked = files.list_next(asked, told)
    assert pages == [["page 0", "page 1"], ["page 2", "page 3"], ["page 4"]]


def test_what_a_list_refuses(files, refused):
    assert refused(files.list(q="name = x").execute) == (400, "Invalid Value")
    assert refused(files.list(pageSize=0).execute)[0] == 400
    assert refused(files.list(orderBy="size").execute)[0] == 400
    assert refused(files.list(fields="nothing").execute) == (400, "Invalid field selection nothing")


def test_a_copy_is_apart(book, files, sheets):
    book.write("A1", [["x"]])
    made = files.copy(fileId=book.id, body={"name": "Copied"}).execute()["id"]
    book.write("A1", [["y"]])
    assert sheets.values().get(spreadsheetId=made, range="A1").execute()["values"] == [["x"]]
    assert sheets.get(spreadsheetId=made).execute()["properties"]["title"] == "Copied"


def test_permissions(book, client, control, refused):
    permissions, files = client("drive").permissions(), client("drive").files()
    other = control.act("add_account", name="reader")
    body = {"type": "user", "role": "reader", "emailAddress": other["client_email"]}
    made = permissions.create(fileId=book.id, body=body, sendNotificationEmail=False).execute()
    theirs = type(book)(client("sheets", key=other).spreadsheets(), book.id)
    assert theirs.read() == []
    assert refused(lambda: theirs.write("A1", [[1]])) == (403, "The caller does not have permission")
    told = permissions.list(fileId=book.id, fields="permissions(emailAddress,role)").execute()["permissions"]
    assert [one["role"] for one in told] == ["owner", "reader"]
    permissions.update(fileId=book.id, permissionId=made["id"], body={"role": "writer"}).execute()
    theirs.write("A1", [[1]])
    assert refused(client("drive", key=other).files().delete(fileId=book.id).execute)[0] == 403
    permissions.delete(fileId=book.id, permissionId=made["id"]).execute()
    assert refused(theirs.read) == (403, "The caller does not have permission")
    assert refused(permissions.get(fileId=book.id, permissionId=made["id"]).execute)[0] == 404
    owner = {"type": "user", "role": "owner", "emailAddress": "ann@example.com"}
    assert "transferOwnership" in refused(permissions.create(fileId=book.id, body=owner).execute)[1]
    permissions.create(fileId=book.id, body=owner, transferOwnership=True).execute()
    assert files.get(fileId=book.id, fields="ownedByMe").execute() == {"ownedByMe": False}
    assert refused(files.delete(fileId=book.id).execute)[0] == 403


@pytest.mark.parametrize(
    "body",
    [
        {"role": "reader"},
        {"type": "user", "role": "king", "emailAddress": "a@example.com"},
        {"type": "user", "role": "reader"},
        {"type": "user", "role": "reader", "emailAddress": "nonsense"},
    ],
)
def test_permissions_that_are_none(book, client, refused, body):
    assert refused(client("drive").permissions().create(fileId=book.id, body=body).execute)[0] == 400


def test_exports(book, files, refused):
    book.write("A1", [["name", "share"], ['a "b", c', "5%"], ["", "=1+1"]])
    text = files.export(fileId=book.id, mimeType="text/csv").execute().decode()
    assert list(csv.reader(io.StringIO(text, newline=""))) == [["name", "share"], ['a "b", c', "5%"], ["", "2"]]
    assert files.export(fileId=book.id, mimeType="text/tab-separated-values").execute().startswith(b"name\tshare\r\n")
    content = files.export(fileId=book.id, mimeType=XLSX).execute()
    sheet = zipfile.ZipFile(io.BytesIO(content)).read("xl/worksheets/sheet1.xml").decode()
    assert '<c r="B3"><f>1+1</f><v>2</v></c>' in sheet
    assert refused(files.export(fileId=book.id, mimeType="application/pdf").execute)[0] == 501
    assert refused(files.export(fileId=book.id, mimeType="image/png").execute)[0] == 400
    assert refused(files.get_media(fileId=book.id).execute)[0] == 403


def test_a_table_is_read_from_an_export_by_others(book, files):
    """What is exported is what pandas reads in it."""
    pandas = pytest.importorskip("pandas", reason="pandas")
    book.write("A1", [["id", "name"], [1, "x"], [2, "y"]])
    text = files.export(fileId=book.id, mimeType="text/csv").execute()
    assert pandas.read_csv(io.BytesIO(text)).to_dict("list") == {"id": [1, 2], "name": ["x", "y"]}


def test_uploads_of_csv_become_spreadsheets(google, files, sheets, refused):
    """The client sends uploads over TLS, whatever endpoint it is given."""
    with in_place_of_google(google):
        _upload(files, sheets, refused)


def _upload(files, sheets, refused):
    media = MediaInMemoryUpload(b"day,share\n2024-01-15,5%\n", mimetype="text/csv")
    made = files.create(body={"name": "Uploaded", "mimeType": SPREADSHEET}, media_body=media).execute()
    asked = sheets.values().get(spreadsheetId=made["id"], range="A1:B2", valueRenderOption="UNFORMATTED_VALUE")
    assert asked.execute()["values"] == [["day", "share"], [45306, 0.05]]
    assert sheets.get(spreadsheetId=made["id"]).execute()["properties"]["title"] == "Uploaded"
    picture = MediaInMemoryUpload(b"x", mimetype="image/png")
    assert refused(files.create(body={"name": "x"}, media_body=picture).execute)[0] == 501
    assert refused(files.create(body={"name": "x", "mimeType": "text/plain"}).execute)[0] == 501


def test_who_the_caller_is(client, key, refused):
    about = client("drive").about()
    assert about.get(fields="user(emailAddress)").execute() == {"user": {"emailAddress": key["client_email"]}}
    assert refused(about.get().execute)[0] == 400
