"""Extras of SQL connections. The connection types declare them, and the hooks know their names from here."""

from __future__ import annotations

from tradewind.records import Extra

#: Read by `DbApiHook`, whatever the database.
GENERAL = (
    Extra("placeholder", str, "what stands for a value in a statement", choices=("?", "%s")),
    Extra("insert_statement_format", str, 'form of an insert (default: "INSERT INTO {} {} VALUES ({})")'),
    Extra("replace_statement_format", str, 'form of a replace (default: "REPLACE INTO {} {} VALUES ({})")'),
    Extra("escape_word_format", str, "{} between the quotes that names get (default: double quotes)"),
    Extra("escape_column_names", bool, "quote plain column names too (default: true)"),
    Extra("statement_timeout", float, "seconds after which a statement is given up (default: never)"),
)

#: Read by hooks that can log in with a token of AWS: see `tradewind_sql.iam`.
IAM = (
    Extra("iam", bool, "log in with a token of AWS IAM, and not with a password"),
    Extra("aws_conn_id", str, "aws connection with the credentials (default: aws_default, or what boto3 finds)"),
    Extra("region_name", str, "AWS region (default: that of the credentials)"),
)

#: Read by SQLite itself, as parameters of its file URI.
SQLITE_URI = (
    Extra("mode", str, "ro reads only, rw never creates the file", choices=("ro", "rw", "rwc", "memory")),
    Extra("cache", str, "shared: connections of one process share a cache", choices=("shared", "private")),
    Extra("immutable", bool, "nobody writes to the file: no locks, no look for changes"),
    Extra("nolock", bool, "no file locks"),
    Extra("psow", bool, "power-safe overwrite"),
    Extra("vfs", str, "name of SQLite's file system layer"),
)

#: Arguments of `sqlite3.connect`.
SQLITE_CONNECT = (
    Extra("timeout", float, "seconds to wait for a database that somebody else writes to (default: 30)"),
    Extra("isolation_level", str, "how transactions begin", choices=("DEFERRED", "IMMEDIATE", "EXCLUSIVE")),
    Extra("check_same_thread", bool, "refuse use of a connection in another thread (default: true)"),
    Extra("cached_statements", int, "prepared statements that a connection keeps"),
    Extra("detect_types", int, "flags of Python's sqlite3 for converting declared types"),
)

#: Applied with a PRAGMA on each new connection.
SQLITE_PRAGMA = (
    Extra(
        "journal_mode",
        str,
        "wal: readers and one writer do not wait for each other",
        choices=("delete", "truncate", "persist", "memory", "wal", "off"),
    ),
    Extra("foreign_keys", bool, "enforce foreign keys (SQLite's default: false)"),
    Extra("synchronous", str, "when to wait for the disk", choices=("off", "normal", "full", "extra")),
)

SQLITE = (*SQLITE_URI, *SQLITE_CONNECT, *SQLITE_PRAGMA, *GENERAL)
