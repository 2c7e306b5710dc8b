"""What this provider brings to tradewind."""

from __future__ import annotations

from tradewind.hookspecs import Register, RegisterConnectionType, hookimpl
from tradewind_aws import extras


@hookimpl
def register_connection_types(register: RegisterConnectionType) -> None:
    register(extras.AWS_TYPE)
    register(extras.S3_TYPE)


@hookimpl
def register_sandboxes(register: Register) -> None:
    register("aws", "tradewind_aws.sandbox:AwsSandbox")
    register("s3", "tradewind_aws.sandbox:S3Sandbox")


@hookimpl
def register_log_stores(register: Register) -> None:
    register("s3", "tradewind_aws.log_store:S3LogStore")


@hookimpl
def register_xcom_stores(register: Register) -> None:
    register("s3", "tradewind_aws.xcom_store:S3XComStore")


#: Airflow's names of the sources, so that its settings mean the same here.
_AIRFLOW = "airflow.providers.amazon.aws.secrets"


@hookimpl
def register_secrets_backends(register: Register) -> None:
    secrets_manager = "tradewind_aws.secrets.secrets_manager:SecretsManagerBackend"
    parameter_store = "tradewind_aws.secrets.parameter_store:SystemsManagerParameterStoreBackend"
    register("aws_secrets_manager", secrets_manager)
    register("aws_parameter_store", parameter_store)
    register(f"{_AIRFLOW}.secrets_manager.SecretsManagerBackend", secrets_manager)
    register(f"{_AIRFLOW}.systems_manager.SystemsManagerParameterStoreBackend", parameter_store)
