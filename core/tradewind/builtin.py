"""What the core itself brings, registered through the same hooks that providers use."""

from __future__ import annotations

from tradewind.hookspecs import Register, RegisterConnectionType, hookimpl
from tradewind.records import ConnectionType, Extra


@hookimpl
def register_connection_types(register: RegisterConnectionType) -> None:
    register(ConnectionType("generic", label="Generic (no hook)"))
    register(
        ConnectionType(
            "fs",
            hook="tradewind.operators.filesystem:FSHook",
            label="Folder",
            aliases=("file",),
            extras=(Extra("path", str, "folder that relative paths start from"),),
        )
    )
    register(
        ConnectionType(
            "smtp",
            hook="tradewind.operators.email:SmtpHook",
            label="SMTP (outgoing mail)",
            aliases=("smtps", "email"),
            default_port=587,
            extras=(
                Extra("from_email", str, "sender address"),
                Extra("starttls", bool, "upgrade to TLS after connecting (default: true except on smtps)"),
                Extra("ssl", bool, "TLS from the first byte"),
                Extra("timeout", float, "seconds to wait for the server (default: 30)"),
            ),
        )
    )


@hookimpl
def register_executors(register: Register) -> None:
    register("local", "tradewind.executor.local:LocalExecutor")


@hookimpl
def register_secrets_backends(register: Register) -> None:
    register("environment", "tradewind.secrets:EnvironmentSource")
    register("metastore", "tradewind.store.secrets:MetastoreSource")
    register("local_file", "tradewind.secrets:LocalFileSource")


@hookimpl
def register_log_stores(register: Register) -> None:
    register("file", "tradewind.remote.folder:FolderLogStore")


@hookimpl
def register_xcom_stores(register: Register) -> None:
    register("file", "tradewind.remote.folder:FolderXComStore")


@hookimpl
def register_dag_runners(register: Register) -> None:
    register("in_process", "tradewind.scheduler.in_process:run_dag")


@hookimpl
def register_task_decorators(register: Register) -> None:
    register("python", "tradewind.operators.python:PythonOperator")
    register("branch", "tradewind.operators.python:BranchPythonOperator")
    register("short_circuit", "tradewind.operators.python:ShortCircuitOperator")
    register("bash", "tradewind.operators.bash:BashOperator")
    register("sensor", "tradewind.sensors.python:PythonSensor")
