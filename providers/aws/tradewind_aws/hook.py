"""`AwsBaseHook`: clients of boto3, made from a connection.

    aws://key:secret@/?region_name=eu-central-1
    aws://?role_arn=arn:aws:iam::123456789012:role/loader
    s3://key:secret@minio.example:9000/bucket?tls=false

boto3 is imported when the first client is made.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tradewind.errors import BrokenConnection, ConnectionNotFound, TradewindError, UsageError
from tradewind.hook import BaseHook

if TYPE_CHECKING:
    from tradewind.connection import Connection
    from tradewind_aws.connecting import AwsSettings


class AwsBaseHook(BaseHook):
    """Makes clients of one AWS service.

    `aws_conn_id=None` is boto3's own search for credentials (environment, profile, instance role), and so is
    `aws_default` as long as no connection is called so. Any other id must be defined and readable. `verify`,
    `region_name` and `config` (a mapping or botocore's Config) take the place of what the connection says. Give one of
    `client_type` and `resource_type`: "s3", "sqs". With `connection` nothing is looked up.
    """

    conn_name_attr = "aws_conn_id"
    default_conn_name = "aws_default"
    conn_type = "aws"
    hook_name = "Amazon Web Services"

    def __init__(
        self,
        aws_conn_id: str | None = default_conn_name,
        verify: bool | str | None = None,
        region_name: str | None = None,
        client_type: str | None = None,
        resource_type: str | None = None,
        config: Any = None,
        *,
        connection: Connection | None = None,
    ) -> None:
        if client_type and resource_type:
            raise UsageError(f"{type(self).__name__} takes client_type or resource_type, and not both.")
        self.aws_conn_id = (connection.conn_id or "aws_unnamed") if connection is not None else aws_conn_id or None
        self.client_type = client_type
        self.resource_type = resource_type
        self._verify = verify
        self._region_name = region_name
        self._config = config
        self._opened: list[Any] = []
        if connection is not None:
            self.use_connection(str(self.aws_conn_id), connection)

    # What the connection says

    @cached_property
    def conn_config(self) -> AwsSettings:
        """What the connection says. Raises ConnectionNotFound or BrokenConnection."""
        from tradewind.connection import stand_ins
        from tradewind_aws.connecting import AwsSettings, read

        if self.aws_conn_id is None:
            if stand_ins.in_force():
                raise BrokenConnection(
                    "aws_conn_id=None means the credentials of this machine, which are not used with --sandbox. Name a "
                    "connection."
                )
            return AwsSettings()
        try:
            connection = self.get_connection(self.aws_conn_id)
        except ConnectionNotFound:
            if self.aws_conn_id != self.default_conn_name or stand_ins.in_force():
                raise
            self.log.info("There is no connection %r: credentials are those that boto3 finds.", self.aws_conn_id)
            return AwsSettings()
        return read(connection, connection.conn_id)

    @property
    def service_name(self) -> str:
        """Name of the service: "s3". Raises UsageError if the hook was given none."""
        name = self.client_type or self.resource_type
        if not name:
            raise UsageError(f"{type(self).__name__} needs client_type= or resource_type=: the name of a service.")
        return name

    @property
    def service_config(self) -> dict[str, Any]:
        """The connection's `service_config` of this service."""
        return self.conn_config.get_service_config(self.service_name)

    @property
    def region_name(self) -> str | None:
        """Region that the hook or the connection names; None: boto3 looks for one."""
        return self._region_name or self.conn_config.region_name

    @property
    def verify(self) -> bool | str | None:
        """False, or a file with certificates to trust; None and True: as botocore has it."""
        return self.conn_config.verify if self._verify is None else self._verify

    @property
    def config(self) -> Any:
        """botocore's Config for clients of this service."""
        return self._client_config(self.service_name)

    def place(self, service: str | None = None) -> str:
        """Where the service is, for messages: "http://minio:9000", "s3 in eu-central-1"."""
        service = service or self.service_name
        endpoint = self.conn_config.get_service_endpoint_url(service)
        if endpoint:
            return endpoint
        return f"{service} in {self.region_name}" if self.region_name else service

    # Clients

    @cached_property
    def session(self) -> Any:
        """The `boto3.Session` of the connection."""
        return self.get_session()

    def get_session(self, region_name: str | None = None) -> Any:
        """A new `boto3.Session` with the connection's credentials; those of a role refresh themselves."""
        from tradewind_aws import sessions

        with self.explained():
            return sessions.make(self.conn_config, region_name or self.region_name)

    def get_conn(self) -> Any:
        """The boto3 client (or resource) of the hook's service, the same at each call; `close` closes it."""
        return self.conn

    @cached_property
    def conn(self) -> Any:
        """The same as `get_conn()`."""
        return self.get_resource_type() if self.resource_type else self.get_client_type()

    @property
    def conn_client_meta(self) -> Any:
        """`meta` of the client."""
        return self.conn.meta.client.meta if self.resource_type else self.conn.meta

    @property
    def conn_region_name(self) -> str:
        """Region of the client, wherever it is from."""
        return str(self.conn_client_meta.region_name)

    @property
    def conn_partition(self) -> str:
        """Partition of the client's region: "aws", "aws-cn" ..."""
        return str(self.conn_client_meta.partition)

    def get_client_type(self, region_name: str | None = None, config: Any = None) -> Any:
        """A new client of the hook's service. `close` closes it."""
        return self.make_client(self.service_name, region_name=region_name, config=config)

    def get_resource_type(self, region_name: str | None = None, config: Any = None) -> Any:
        """A new resource (`boto3.resource`) of the hook's service. `close` closes it."""
        options = self._client_options(self.service_name, region_name, config)
        with self.explained():
            made = self.session.resource(self.service_name, **options)
        self._opened.append(made.meta.client)
        return made

    def make_client(self, service: str, *, region_name: str | None = None, config: Any = None) -> Any:
        """A new client of any service, with the hook's credentials and options. `close` closes it."""
        options = self._client_options(service, region_name, config)
        with self.explained(service=service):
            made = self.session.client(service, **options)
        self._opened.append(made)
        return made

    def close(self) -> None:
        """Close all clients that were made here. The hook can be used again."""
        self.__dict__.pop("conn", None)
        while self._opened:
            self._opened.pop().close()

    def _client_options(self, service: str, region_name: str | None, config: Any) -> dict[str, Any]:
        settings = self.conn_config
        self._refuse_lacking(service)
        region = region_name or self.region_name
        if region is None and not settings.speaks_to_aws(service):
            from tradewind_aws.connecting import STORE_REGION

            region = self.session.region_name or STORE_REGION
        return {
            "region_name": region,
            "endpoint_url": settings.get_service_endpoint_url(service),
            "verify": self.verify,
            "config": self._client_config(service, config),
        }

    def _refuse_lacking(self, service: str) -> None:
        """Keys of a store are shown to nobody else: what it lacks is not asked of AWS instead."""
        settings = self.conn_config
        if settings.is_store and settings.get_service_endpoint_url(service) is None:
            raise BrokenConnection(f"{settings.who} leads to a store that has S3, and no {service!r}.")

    def _client_config(self, service: str, config: Any = None) -> Any:
        """Options of the connection, then those of the hook, then those of the call."""
        from tradewind_aws import client_config

        return client_config.make(self.conn_config, service, (self._config, config))

    @contextmanager
    def explained(
        self, bucket: str | None = None, key: str | None = None, *, service: str | None = None, thing: str = ""
    ) -> Generator[None, None, None]:
        """Errors of boto3 in the block become `AwsError`s, which name the connection, and the bucket and key.

        `thing` is what the block is about if it is not S3: "the secret 'x'".
        """
        try:
            yield
        except TradewindError:
            raise
        except Exception as error:
            from tradewind_aws import failures

            service = service or self.client_type or self.resource_type
            place = self.place(service) if service else "AWS"
            told = failures.explained(error, self.conn_config, place, failures.Subject(bucket, key, thing))
            if told is None:
                raise
            raise told from error

    # Who one is

    def get_credentials(self, region_name: str | None = None) -> Any:
        """The keys as they are now, with `access_key`, `secret_key` and `token`. Raises BadCredentials without any."""
        from tradewind.secrets import mask_secret
        from tradewind_aws.errors import BadCredentials

        with self.explained(service="sts"):
            found = (self.get_session(region_name) if region_name else self.session).get_credentials()
            frozen = found.get_frozen_credentials() if found is not None else None
        if frozen is None:
            raise BadCredentials(f"{self.conn_config.who}: there are no credentials, and boto3 finds none.")
        mask_secret(frozen.secret_key)
        if frozen.token:
            mask_secret(frozen.token)
        return frozen

    @property
    def account_id(self) -> str:
        """Number of the AWS account, as STS says it."""
        return str(self._identity()["Account"])

    def expand_role(self, role: str, region_name: str | None = None) -> str:
        """The ARN of a role, given by name or as an ARN already."""
        if "/" in role:
            return role
        with self.explained(service="iam", thing=f"the role {role!r}"):
            client = self.make_client("iam", region_name=region_name)
            return str(client.get_role(RoleName=role)["Role"]["Arn"])

    def _identity(self, **config: Any) -> Mapping[str, Any]:
        from contextlib import closing

        from tradewind_aws import sessions

        settings = self.conn_config
        self._refuse_lacking("sts")
        with (
            self.explained(service="sts"),
            closing(sessions.sts_client(self.session, settings, self.verify, **config)) as sts,
        ):
            found: Mapping[str, Any] = sts.get_caller_identity()
        return found

    # Waiting

    def list_waiters(self) -> list[str]:
        """Names of what boto3 can wait for with this service."""
        return list((self.conn.meta.client if self.resource_type else self.conn).waiter_names)

    def get_waiter(
        self,
        waiter_name: str,
        parameters: Mapping[str, str] | None = None,
        config_overrides: Mapping[str, Any] | None = None,
        deferrable: bool = False,
        client: Any = None,
    ) -> Any:
        """boto3's waiter of that name. `config_overrides`: `delay` in seconds, `max_attempts`.

        `parameters` and `deferrable` belong to waiters that only Airflow has, and are refused.
        """
        if parameters or deferrable:
            raise UsageError(
                "get_waiter has boto3's own waiters only: they take no parameters, and none is deferrable."
            )
        client = client or (self.conn.meta.client if self.resource_type else self.conn)
        if waiter_name not in client.waiter_names:
            raise UsageError(f"There is no waiter {waiter_name!r}; there are {', '.join(client.waiter_names)}.")
        waiter = client.get_waiter(waiter_name)
        for name, value in (config_overrides or {}).items():
            attribute = {"maxAttempts": "max_attempts"}.get(name, name)
            if attribute not in ("delay", "max_attempts"):
                raise UsageError(f"get_waiter: config_overrides has delay and max_attempts, and no {name!r}.")
            setattr(waiter.config, attribute, value)
        return waiter

    # Testing

    def test_connection(self) -> tuple[bool, str]:
        """Whether the credentials work: asks STS, or S3 where the connection has a bucket or leads to a store."""
        from tradewind_aws import probing

        try:
            return True, probing.probe(self)
        except Exception as error:
            from tradewind.secrets import redact

            return False, redact(str(error) or type(error).__name__)


#: Airflow's other name of the hook.
AwsGenericHook = AwsBaseHook
