"""The connection type `mysql` with its extras, whose names the hook knows from here."""

from __future__ import annotations

from tradewind.records import ConnectionType, Extra
from tradewind_sql import extras

#: Handed to PyMySQL as they are, by `get_conn` and by the SQLAlchemy engine alike.
DRIVER = (
    Extra("unix_socket", str, "file of the server's socket, instead of host and port"),
    Extra("charset", str, "character set of the connection (default: utf8mb4)"),
    Extra("collation", str, "collation of the connection (default: the server's for the charset)"),
    Extra("sql_mode", str, "the session's sql_mode (default: the server's)"),
    Extra("init_command", str, "SQL that each new connection executes first"),
    Extra("connect_timeout", float, "seconds till the connection must be ready (default: 10)"),
    Extra("read_timeout", float, "seconds to wait for any answer of the server (default: for ever)"),
    Extra("write_timeout", float, "seconds that sending may take (default: for ever)"),
    Extra("local_infile", bool, "allow LOAD DATA LOCAL in any SQL; bulk_load and insert_rows do not need it"),
    Extra("bind_address", str, "address of this machine to connect from"),
    Extra("program_name", str, "how performance_schema calls this client"),
    Extra("client_flag", int, "further flags of MySQL's protocol"),
    Extra("max_allowed_packet", int, "PyMySQL's own limit for the pieces of LOAD DATA LOCAL"),
    Extra("read_default_file", str, "option file, such as ~/.my.cnf, for what the connection does not say"),
    Extra("read_default_group", str, "section of that file (default: client)"),
    Extra("server_public_key", str, "the server's RSA key in PEM form, for logins without TLS"),
)

SSL_MODES = ("DISABLED", "PREFERRED", "REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY")

#: How the connection is encrypted.
TLS = (
    Extra("ssl_mode", str, "whether TLS is used, and what of the certificate is checked", choices=SSL_MODES),
    Extra("ssl_ca", str, "file with the certificates to trust; alone it means ssl_mode=VERIFY_CA"),
    Extra("ssl_capath", str, "folder with the certificates to trust"),
    Extra("ssl_cert", str, "file with the client's certificate"),
    Extra("ssl_key", str, "file with the key of that certificate"),
    Extra("ssl_key_password", str, "password of that key", secret=True),
    Extra("ssl_cipher", str, "ciphers that may be used, in OpenSSL's form"),
    Extra("ssl", dict, 'the same as one mapping: {"ca": ..., "cert": ..., "key": ..., "check_hostname": true}'),
    Extra("ssl_disabled", bool, "true: as ssl_mode=DISABLED"),
    Extra("ssl_verify_cert", bool, "true: as ssl_mode=VERIFY_CA"),
    Extra("ssl_verify_identity", bool, "true: as ssl_mode=VERIFY_IDENTITY"),
)

#: How rows look (tuples by default), and whether they are fetched one by one.
CURSORS = ("dictcursor", "sscursor", "ssdictcursor")

#: Read by `MySqlHook` itself.
HOOK = (
    Extra("cursor", str, "rows as dicts, unbuffered rows, or both", choices=CURSORS),
    Extra("client", str, "Airflow's choice of a driver; here it is always pymysql"),
    Extra("sqlalchemy_scheme", str, "dialect and driver of the SQLAlchemy engine (default: mysql+pymysql)"),
    Extra("sqlalchemy_query", dict, "further parameters of the SQLAlchemy URL"),
)

MYSQL = (*DRIVER, *TLS, *HOOK, *extras.IAM, *extras.GENERAL)

CONNECTION_TYPE = ConnectionType(
    "mysql",
    hook="tradewind_mysql.hook:MySqlHook",
    label="MySQL, MariaDB",
    aliases=("mariadb",),
    default_port=3306,
    extras=MYSQL,
    sqlalchemy_url="tradewind_mysql.connecting:sqlalchemy_url",
    schema_label="database",
)
