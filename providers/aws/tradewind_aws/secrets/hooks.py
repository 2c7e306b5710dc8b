"""`SecretsManagerHook` and `SsmHook`: one secret or parameter by its name."""

from __future__ import annotations

from typing import Any

from tradewind_aws.errors import AwsError, NoSuchResource
from tradewind_aws.hook import AwsBaseHook

#: Stands for "no default was given".
_UNSET: Any = object()


class SecretsManagerHook(AwsBaseHook):
    """Reads from AWS Secrets Manager. What is read is masked in logs from then on."""

    hook_name = "AWS Secrets Manager"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "client_type": "secretsmanager"})

    def get_secret(self, secret_name: str) -> str | bytes:
        """The secret of that name or ARN, text or bytes as it was stored. Raises NoSuchResource."""
        from tradewind.secrets import mask_secret

        with self.explained(thing=f"the secret {secret_name!r}"):
            answer = self.get_conn().get_secret_value(SecretId=secret_name)
        found: str | bytes = answer["SecretString"] if "SecretString" in answer else answer["SecretBinary"]
        mask_secret(found)
        return found

    def get_secret_as_dict(self, secret_name: str) -> dict[str, Any]:
        """A secret that is a JSON object. Raises NoSuchResource, and AwsError if it is something else."""
        import json

        from tradewind.secrets import mask_secret

        found = self.get_secret(secret_name)
        try:
            value = json.loads(found)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise AwsError(f"{self.conn_config.who}: the secret {secret_name!r} is no JSON object.")
        for part in value.values():
            if isinstance(part, str):
                mask_secret(part)
        return value


class SsmHook(AwsBaseHook):
    """Reads the parameters of AWS Systems Manager. Those that are stored encrypted are masked in logs."""

    hook_name = "AWS Systems Manager"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "client_type": "ssm"})

    def get_parameter_value(self, parameter: str, default: Any = _UNSET) -> Any:
        """The value of a parameter, decrypted; `default`, if one is given, for one that is not there.

        Raises NoSuchResource without a default.
        """
        from tradewind.secrets import mask_secret

        try:
            with self.explained(thing=f"the parameter {parameter!r}"):
                found = self.get_conn().get_parameter(Name=parameter, WithDecryption=True)["Parameter"]
        except NoSuchResource:
            if default is _UNSET:
                raise
            return default
        if found.get("Type") == "SecureString":
            mask_secret(found["Value"])
        return str(found["Value"])
