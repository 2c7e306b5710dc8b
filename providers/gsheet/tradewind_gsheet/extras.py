"""The connection type `google_cloud_platform` with its extras, whose names the hook knows from here."""

from __future__ import annotations

from tradewind.records import ConnectionType, Extra

#: What the names of extras began with in old versions of Airflow.
OLD_PREFIX = "extra__google_cloud_platform__"

#: Ways to say whose login it is. At most one of them is given; with none, what the machine is logged in with is used.
KEYS = (
    Extra("key_path", str, "file with the key: that of a service account, as the console of Google Cloud gives it"),
    Extra("keyfile_dict", str, "the content of such a file: JSON, or base64 of it", secret=True),
    Extra("credential_config_file", str, "file that says how to log in as somebody of another cloud", secret=True),
)

#: Further ones of the login.
LOGIN = (
    Extra("scope", str, "what the login may do, separated by commas (default: spreadsheets and drive)"),
    Extra("scopes", str, "another name of scope"),
    Extra("impersonation_chain", str, "accounts to act as, one for the other, the last one for the requests"),
    Extra("project", str, "project of the account, as Airflow has it; spreadsheets need none"),
    Extra("quota_project_id", str, "project that requests are counted for (default: that of the account)"),
    Extra("token_uri", str, "where tokens are fetched (default: what the key says)", secret=True),
)

#: Of how requests are made.
REQUESTS = (
    Extra("api_endpoint", str, "address of a server in the place of Google's, for Sheets and Drive"),
    Extra("num_retries", int, "how often a request is repeated that was refused for now (default: 6)"),
    Extra(
        "retry_delay", float, "seconds before the first repetition; each further one waits twice as long (default: 1)"
    ),
    Extra("reads_per_minute", int, "requests that read, at most (default: 60; 0: no limit)"),
    Extra("writes_per_minute", int, "requests that write, at most (default: 60; 0: no limit)"),
    Extra("connect_timeout", float, "seconds to wait for a server (default: 10)"),
    Extra("timeout", float, "seconds to wait for an answer (default: 180, the longest that Google works on one)"),
)

ALL = (*KEYS, *LOGIN, *REQUESTS)

CONNECTION_TYPE = ConnectionType(
    "google_cloud_platform",
    hook="tradewind_gsheet.hook:GSheetsHook",
    label="Google Sheets",
    aliases=("google-cloud-platform", "gcp", "gsheet", "gsheets"),
    extras=ALL,
    key_files=tuple(
        (kind, "keyfile_dict")
        for kind in ("service_account", "authorized_user", "external_account", "impersonated_service_account")
    ),
)
