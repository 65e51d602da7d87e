"""Writes what AWS's endpoint rules, as botocore has them, say of the services that functions call; `--check` fails if the file is stale.

    $(scripts/tools.sh scripts/requirements-network.txt)/bin/python scripts/endpoints.py [--check]

A row has the hosts of a service in regions of the same rule: without dual stack and FIPS, with FIPS, with dual stack, with both; null where the rules
refuse. {region} stands for the region.
"""

import json
import pathlib
import sys

import botocore.session
from botocore.endpoint_provider import EndpointProvider
from botocore.exceptions import EndpointProviderError

FILE = pathlib.Path("shared/tests/it/fixtures/endpoints.json")
SERVICES = {
    "dynamodb": "dynamodb", "execute-api": "apigatewaymanagementapi", "lambda": "lambda", "s3": "s3", "secretsmanager": "secretsmanager", "sqs": "sqs",
}
VARIANTS = [(dual_stack, fips) for dual_stack in (False, True) for fips in (False, True)]


def main():
    loader = botocore.session.get_session().get_component("data_loader")
    partitions = loader.load_data("partitions")
    rows = {}
    for service, model in SERVICES.items():
        rules = EndpointProvider(loader.load_service_model(model, "endpoint-rule-set-1"), partitions)
        for partition in partitions["partitions"]:
            for region in sorted(region for region in partition["regions"] if "global" not in region):
                hosts = tuple(host(rules, service, region, *variant) for variant in VARIANTS)
                rows.setdefault((service, partition["id"], hosts), []).append(region)
    rows = [
        json.dumps({"service": service, "partition": partition, "hosts": hosts, "regions": " ".join(regions)})
        for (service, partition, hosts), regions in rows.items()
    ]
    text = "[\n" + ",\n".join(rows) + "\n]\n"
    if "--check" not in sys.argv:
        FILE.write_text(text, encoding="utf-8")
    elif FILE.read_text(encoding="utf-8") != text:
        sys.exit(f"{FILE} is not what botocore {botocore.__version__} says: run scripts/endpoints.py without --check")


def host(rules, service, region, dual_stack, fips):
    parameters = {"Bucket": "bucket", "UseGlobalEndpoint": False} if service == "s3" else {}
    try:
        url = rules.resolve_endpoint(Region=region, UseDualStack=dual_stack, UseFIPS=fips, **parameters).url
    except EndpointProviderError:
        return None
    return url.removeprefix("https://").removeprefix("bucket.").removesuffix("/bucket").replace(region, "{region}")


if __name__ == "__main__":
    main()
