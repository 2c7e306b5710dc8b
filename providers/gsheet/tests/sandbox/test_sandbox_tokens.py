"""Who asks is looked at as Google looks at it: signatures, times, scopes, what was shared with whom."""

from __future__ import annotations

import json
import time

import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import crypt, impersonated_credentials, jwt
from google.auth.exceptions import RefreshError
from google.auth.transport.requests import Request
from google.oauth2 import service_account

from tradewind.errors import SandboxError

SHEETS = "https://www.googleapis.com/auth/spreadsheets"
READ_ONLY = f"{SHEETS}.readonly"
AUDIENCE = "https://oauth2.googleapis.com/token"


def exchange(key, *, signer=None, **claims):
    """The answer to an assertion."""
    now = int(time.time())
    told = {"iss": key["client_email"], "aud": AUDIENCE, "scope": SHEETS, "iat": now, "exp": now + 3600, **claims}
    signer = signer or crypt.RSASigner.from_service_account_info(key)
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": jwt.encode(signer, told)}
    return requests.post(key["token_uri"], data=form, timeout=60)


def test_an_assertion_is_exchanged_for_a_token(key, google):
    told = exchange(key).json()
    assert told["token_type"] == "Bearer"
    assert told["expires_in"] == 3599
    url = google.extra_dejson["api_endpoint"] + "/v4/spreadsheets"
    made = requests.post(url, headers={"Authorization": f"Bearer {told['access_token']}"}, json={}, timeout=60)
    assert made.status_code == 200
    assert exchange(key, aud=key["token_uri"]).status_code == 200


def test_assertions_that_are_refused(key):
    def why(**claims):
        answer = exchange(key, **claims)
        assert answer.status_code in (400, 401)
        return answer.json()["error"], answer.json()["error_description"]

    now = int(time.time())
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = stranger.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    forged = crypt.RSASigner.from_string(pem, key["private_key_id"])
    assert why(signer=forged) == ("invalid_grant", "Invalid JWT Signature.")
    assert why(iss="nobody@example.com") == ("invalid_grant", "Invalid grant: account not found")
    assert why(aud="https://example.com") == ("invalid_grant", "Invalid JWT: Failed audience check.")
    for times in ({"iat": now - 9000, "exp": now - 5400}, {"iat": now + 900, "exp": now + 4500}, {"exp": now + 90_000}):
        assert why(**times)[1].startswith("Invalid JWT: Token must be a short-lived token (60 minutes)")
    assert why(scope="")[0] == "invalid_scope"
    assert why(sub="ann@example.com")[0] == "unauthorized_client"
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": "nonsense"}
    assert requests.post(key["token_uri"], data=form, timeout=60).json()["error"] == "invalid_grant"
    assert requests.post(key["token_uri"], data={}, timeout=60).json()["error"] == "unsupported_grant_type"


def test_a_disabled_account(control, client):
    other = control.act("add_account", name="leaver")
    theirs = client("sheets", key=other).spreadsheets()
    theirs.create(body={}).execute()
    control.act("disable_account", email=other["client_email"])
    with pytest.raises(RefreshError, match="invalid_grant"):
        theirs.create(body={}).execute()


def test_tokens_end(book, control):
    book.write("A1", [[1]])
    control.clear()
    assert control.act("expire_tokens") > 0
    assert book.read() == [["1"]]  # the client gets another one
    assert [call.status for call in control.calls()] == [401, 200, 200]


def test_requests_without_a_token_or_with_a_wrong_one(google):
    url = google.extra_dejson["api_endpoint"] + "/v4/spreadsheets/x"
    assert (
        requests.get(url, timeout=60).json()["error"]["message"].startswith("Method doesn't allow unregistered callers")
    )
    wrong = requests.get(url, headers={"Authorization": "Bearer nonsense"}, timeout=60)
    assert (wrong.status_code, wrong.json()["error"]["status"]) == (401, "UNAUTHENTICATED")


# -- scopes and shares


def test_scopes_limit_what_may_be_done(book, client, refused):
    told = (403, "Request had insufficient authentication scopes.")
    reader = client("sheets", scopes=[READ_ONLY]).spreadsheets()
    assert reader.get(spreadsheetId=book.id).execute()["spreadsheetId"] == book.id
    write = reader.values().clear(spreadsheetId=book.id, range="A1")
    assert refused(write.execute) == told
    # Airflow's default scope, which has been many a user's first failure.
    cloud = client("sheets", scopes=["https://www.googleapis.com/auth/cloud-platform"]).spreadsheets()
    assert refused(cloud.get(spreadsheetId=book.id).execute) == told
    drive = client("drive", scopes=[SHEETS]).files()
    assert refused(drive.list().execute) == told


def test_the_scope_drive_file_sees_only_what_it_made(book, client, control, refused):
    narrow = ["https://www.googleapis.com/auth/drive.file"]
    mine = client("sheets", scopes=narrow).spreadsheets()
    made = mine.create(body={}).execute()["spreadsheetId"]
    assert mine.get(spreadsheetId=made).execute()["spreadsheetId"] == made
    given = control.act("create_spreadsheet", title="Shared")
    email = mine._http.credentials.service_account_email
    control.act("share", file=given, email=email)
    assert refused(mine.get(spreadsheetId=given).execute)[0] == 404
    assert client("sheets").spreadsheets().get(spreadsheetId=given).execute()["spreadsheetId"] == given


def test_what_is_not_shared(control, key, sheets, files, refused):
    secret = control.act("create_spreadsheet", title="Secret")

    def read():
        return sheets.values().get(spreadsheetId=secret, range="A1").execute()

    def write():
        return sheets.values().clear(spreadsheetId=secret, range="A1").execute()

    denied = (403, "The caller does not have permission")
    assert refused(read) == denied
    assert refused(files.get(fileId=secret).execute) == (404, f"File not found: {secret}.")
    assert refused(sheets.get(spreadsheetId="nothing").execute) == (404, "Requested entity was not found.")
    control.act("share", file=secret, email=key["client_email"], role="reader")
    read()
    assert refused(write) == denied
    assert refused(files.update(fileId=secret, body={"name": "x"}).execute)[0] == 403
    control.act("share", file=secret, email=key["client_email"], role="writer")
    write()
    control.act("share", file=secret, email=key["client_email"], role="")
    assert refused(read) == denied


def test_an_api_key_reads_what_is_public(book, client, control, google):
    url = f"{google.extra_dejson['api_endpoint']}/v4/spreadsheets/{book.id}/values/A1"
    params = {"key": control.act("api_key")}
    assert requests.get(url, params=params, timeout=60).status_code == 403
    client("drive").permissions().create(fileId=book.id, body={"type": "anyone", "role": "reader"}).execute()
    assert requests.get(url, params=params, timeout=60).status_code == 200
    assert requests.post(f"{url}:clear", params=params, timeout=60).status_code == 403
    assert requests.get(url, params={"key": "wrong"}, timeout=60).status_code == 400


# -- other logins


def test_acting_as_another_account(book, control, key, google, refused):
    robot = control.act("add_account", name="robot")["client_email"]
    base = google.extra_dejson["api_endpoint"]
    source = service_account.Credentials.from_service_account_info(key)
    acting = impersonated_credentials.Credentials(
        source,
        robot,
        [SHEETS],
        iam_endpoint_override=f"{base}/v1/projects/-/serviceAccounts/{robot}:generateAccessToken",
    )
    with pytest.raises(RefreshError, match=r"iam\.serviceAccounts\.getAccessToken"):
        acting.refresh(Request())
    control.act("let_impersonate", email=key["client_email"], account=robot)
    acting.refresh(Request())
    url, headers = f"{base}/v4/spreadsheets/{book.id}", {"Authorization": f"Bearer {acting.token}"}
    assert requests.get(url, headers=headers, timeout=60).status_code == 403
    control.act("share", file=book.id, email=robot)
    assert requests.get(url, headers=headers, timeout=60).status_code == 200


def test_a_person_who_has_logged_in(control, google):
    login = control.act("log_in", email="bob@example.com")
    base = google.extra_dejson["api_endpoint"]
    form = {"grant_type": "refresh_token", "refresh_token": login["refresh_token"], "scope": SHEETS}
    token = requests.post(f"{base}/token", data=form, timeout=60).json()["access_token"]
    made = requests.post(f"{base}/v4/spreadsheets", headers={"Authorization": f"Bearer {token}"}, json={}, timeout=60)
    assert made.status_code == 200
    form["refresh_token"] = "1//nonsense"
    assert requests.post(f"{base}/token", data=form, timeout=60).json()["error"] == "invalid_grant"


def test_projects_are_apart(sandbox, book, client, refused):
    other = json.loads(sandbox("google_cloud_platform").extra_dejson["keyfile_dict"])
    theirs = client("sheets", key=other).spreadsheets()
    assert refused(theirs.get(spreadsheetId=book.id).execute) == (404, "Requested entity was not found.")


def test_an_action_that_there_is_not(control):
    with pytest.raises(SandboxError, match="has no action 'explode'"):
        control.act("explode")
