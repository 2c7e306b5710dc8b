"""The connection types `aws` and `s3` with their extras, whose names the hooks know from here."""

from __future__ import annotations

from tradewind.records import ConnectionType, Extra

#: Ways to take on a role.
ASSUME_ROLE = "assume_role"
WEB_IDENTITY = "assume_role_with_web_identity"
ROLE_METHODS = (ASSUME_ROLE, WEB_IDENTITY)

#: What both types have.
GENERAL = (
    Extra("region_name", str, "AWS region: eu-central-1 ..."),
    Extra("verify", str, "false: do not check the server's certificate; or a file with the certificates to trust"),
    Extra("tls", bool, "false: plain HTTP to the host of the connection (default: true)"),
    Extra("config_kwargs", dict, "options of botocore's Config: connect_timeout, read_timeout, retries, proxies ..."),
    Extra("service_config", dict, "settings by service: endpoint_url; for s3 bucket_name, transfer_config_args ..."),
    Extra("aws_access_key_id", str, "access key, if it is not the login", secret=True),
    Extra("aws_secret_access_key", str, "secret key, if it is not the password", secret=True),
    Extra("aws_session_token", str, "session token of temporary keys", secret=True),
    Extra("session_kwargs", dict, "old place of the keys above", secret=True),
)

#: Read for finding credentials, and other servers than those of AWS.
AWS_ONLY = (
    Extra("endpoint_url", str, "server for all services, in place of those of AWS; never used for roles"),
    Extra("profile_name", str, "profile in the files of the AWS command line"),
    Extra("role_arn", str, "role to take on: arn:aws:iam::123456789012:role/loader"),
    Extra("assume_role_method", str, "how the role is taken on (default: assume_role)", choices=ROLE_METHODS),
    Extra("assume_role_kwargs", dict, "more for that call: ExternalId, DurationSeconds, RoleSessionName, Policy ..."),
    Extra("assume_role_with_web_identity_federation", str, "where the identity is from: file", choices=("file",)),
    Extra(
        "assume_role_with_web_identity_token_file",
        str,
        "file with the identity, read again at each refresh",
        secret=True,
    ),
)

AWS = (*GENERAL, *AWS_ONLY)

AWS_TYPE = ConnectionType(
    "aws",
    hook="tradewind_aws.hook:AwsBaseHook",
    label="Amazon Web Services",
    extras=AWS,
    schema_label="bucket",
)

S3_TYPE = ConnectionType(
    "s3",
    hook="tradewind_aws.s3.hook:S3Hook",
    label="S3, or a store that speaks its protocol",
    extras=GENERAL,
    schema_label="bucket",
)
