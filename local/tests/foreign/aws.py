"""botocore clients for given endpoints, and assertions about their errors."""

import os

from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.session import get_session

session = get_session()


def client(service, endpoint):
    return session.create_client(
        service,
        region_name="us-east-1",
        endpoint_url=endpoint,
        aws_access_key_id=os.environ["ACCESS_KEY"],
        aws_secret_access_key=os.environ["SECRET_KEY"],
        config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}, signature_version="s3v4" if service == "s3" else None),
    )


def refused(code, status, call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        told = (error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"])
        assert told == (code, status), (told, error)
        return error
    raise AssertionError(f"{code} was expected")
