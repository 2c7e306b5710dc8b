"""The connection type `http` with its extras, whose names the hook knows from here."""

from __future__ import annotations

from tradewind.records import ConnectionType, Extra

EXTRAS = (
    Extra("headers", dict, "headers of every request", secret=True),
    Extra("timeout", float, "seconds to wait for an answer, and for each further part of it (default: 60)"),
    Extra("connect_timeout", float, "seconds to wait for the service to be there (default: 10)"),
    Extra("retries", int, "how often a request that failed is sent again, if that is safe (default: 3)"),
    Extra("retry_backoff", float, "seconds before the second repetition, doubled for each further one (default: 0.5)"),
    Extra("max_retry_after", float, "longest wait, in seconds, that the service may ask for (default: 120)"),
    Extra("verify", bool, "check the certificate of the service (default: true)"),
    Extra("verify_ssl", bool, "another name of verify"),
    Extra("ca_file", str, "file with the certificates to trust"),
    Extra("cert", str, "file with the client's certificate and key"),
    Extra("proxy", str, "URL of a proxy for all requests", secret=True),
    Extra("proxies", dict, "URLs of proxies by scheme: http, https", secret=True),
    Extra("allow_redirects", bool, "go where the service sends us (default: true)"),
    Extra("max_redirects", int, "how often in a row (default: 30)"),
    Extra("trust_env", bool, "use proxies and .netrc of the environment (default: true)"),
    Extra("auth_type", str, "how login and password are sent (default: basic)", choices=("basic", "digest")),
    Extra("token", str, "sent as `Authorization: Bearer ...`", secret=True),
    Extra("check_response", bool, "a status of 400 and above is an error (default: true)"),
    Extra("stream", bool, "do not read answers before somebody does (default: false)"),
    Extra("test_endpoint", str, "what the test of the connection asks for (default: the base address)"),
)

NAMES = frozenset(extra.name for extra in EXTRAS)

CONNECTION_TYPE = ConnectionType(
    "http",
    hook="tradewind_http.hook:HttpHook",
    label="HTTP",
    aliases=("https",),
    extras=EXTRAS,
    schema_label="scheme, or path that all endpoints begin with",
)
