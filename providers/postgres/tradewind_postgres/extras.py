"""The connection type `postgres` with its extras, whose names the hook knows from here."""

from __future__ import annotations

from tradewind.records import ConnectionType, Extra
from tradewind_sql import extras

#: Handed to libpq as they are, by `get_conn` and by the SQLAlchemy engine alike.
LIBPQ = (
    Extra("hostaddr", str, "numeric address, which spares the look-up of the host"),
    Extra("passfile", str, "file with passwords (default: ~/.pgpass)"),
    Extra("service", str, "name of a section in pg_service.conf"),
    Extra("application_name", str, "how pg_stat_activity calls this client (default: tradewind)"),
    Extra("fallback_application_name", str, "the same, where nobody gives a name"),
    Extra("client_encoding", str, "encoding of the client (default: UTF8)"),
    Extra("options", str, "command-line options for the server: -c search_path=sales"),
    Extra("connect_timeout", int, "seconds to wait for each host (default: 10; 0: for ever)"),
    Extra("target_session_attrs", str, "which server of several: any, read-write, standby ..."),
    Extra("load_balance_hosts", str, "random: try several hosts in random order", choices=("disable", "random")),
    Extra("keepalives", int, "1: notice a dead server (default), 0: do not", choices=("0", "1")),
    Extra("keepalives_idle", int, "seconds of silence before the first look at the server"),
    Extra("keepalives_interval", int, "seconds between looks"),
    Extra("keepalives_count", int, "looks without answer before the server counts as dead"),
    Extra("tcp_user_timeout", int, "milliseconds that sent data may stay without an answer"),
    Extra(
        "sslmode",
        str,
        "whether TLS is used, and what of the certificate is checked",
        choices=("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    ),
    Extra("sslnegotiation", str, "how TLS begins", choices=("postgres", "direct")),
    Extra("sslcompression", int, "1: compress TLS", choices=("0", "1")),
    Extra("sslcert", str, "file with the client's certificate"),
    Extra("sslkey", str, "file with the key of that certificate"),
    Extra("sslpassword", str, "password of that key", secret=True),
    Extra("sslcertmode", str, "whether a client certificate is sent", choices=("disable", "allow", "require")),
    Extra("sslrootcert", str, "file with the certificates to trust, or system"),
    Extra("sslcrl", str, "file with revoked certificates"),
    Extra("sslcrldir", str, "folder with revoked certificates"),
    Extra("sslsni", int, "0: do not tell the server which host is wanted", choices=("0", "1")),
    Extra("ssl_min_protocol_version", str, "oldest TLS allowed: TLSv1.2 ..."),
    Extra("ssl_max_protocol_version", str, "newest TLS allowed"),
    Extra("channel_binding", str, "tie the login to TLS", choices=("disable", "prefer", "require")),
    Extra("require_auth", str, "ways to log in that the server may ask for: scram-sha-256 ..."),
    Extra("requirepeer", str, "system user that must own the server behind a socket"),
    Extra("krbsrvname", str, "Kerberos service name"),
    Extra("gsslib", str, "library for GSSAPI"),
    Extra("gssencmode", str, "whether GSSAPI encrypts", choices=("disable", "prefer", "require")),
    Extra("gssdelegation", int, "1: pass on Kerberos credentials", choices=("0", "1")),
)

#: How rows look: tuples by default.
CURSORS = ("dictcursor", "realdictcursor", "namedtuplecursor")

#: Read by `PostgresHook` itself.
HOOK = (
    Extra("cursor", str, "rows that know their columns' names", choices=CURSORS),
    Extra("sqlalchemy_scheme", str, "dialect and driver of the SQLAlchemy engine (default: postgresql+psycopg2)"),
    Extra("sqlalchemy_query", dict, "further parameters of the SQLAlchemy URL"),
)

#: Read for a token of Amazon Redshift, where `iam` is true.
REDSHIFT = (
    Extra("redshift", bool, "the server is Amazon Redshift"),
    Extra("redshift-serverless", bool, "the server is Amazon Redshift Serverless"),
    Extra("cluster-identifier", str, "Redshift cluster (default: first part of the host name)"),
    Extra("workgroup-name", str, "Redshift Serverless workgroup (default: first part of the host name)"),
)

POSTGRES = (*LIBPQ, *HOOK, *extras.IAM, *REDSHIFT, *extras.GENERAL)

CONNECTION_TYPE = ConnectionType(
    "postgres",
    hook="tradewind_postgres.hook:PostgresHook",
    label="PostgreSQL",
    aliases=("postgresql",),
    default_port=5432,
    extras=POSTGRES,
    sqlalchemy_url="tradewind_postgres.hook:sqlalchemy_url",
    schema_label="database",
)
