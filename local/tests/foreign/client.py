"""botocore calls each service of the local cloud as it would call AWS. Run by tests/compute/sdk.rs."""

import json
import os
import urllib.request

from aws import client, refused

connections = client("apigatewaymanagementapi", os.environ["CONNECTIONS"])
me = os.environ["CONNECTION"]
connections.post_to_connection(ConnectionId=me, Data="from Python: ü".encode())
told = connections.get_connection(ConnectionId=me)
assert told["Identity"]["SourceIp"] == "127.0.0.1" and told["ConnectedAt"] <= told["LastActiveAt"], told
refused("PayloadTooLargeException", 413, connections.post_to_connection, ConnectionId=me, Data=b"x" * (128 * 1024 + 1))
connections.delete_connection(ConnectionId=me)
gone = refused("GoneException", 410, connections.post_to_connection, ConnectionId=me, Data=b"x")
assert isinstance(gone, connections.exceptions.GoneException)

functions = client("lambda", os.environ["LAMBDA"])
done = functions.invoke(FunctionName="EchoFunction", Payload=b'{"n": 1}')
assert done["StatusCode"] == 200 and done["ExecutedVersion"] == "$LATEST" and "FunctionError" not in done, done
assert json.load(done["Payload"])["event"] == {"n": 1}
failed = functions.invoke(FunctionName="EchoFunction", Payload=b'{"error": "no"}')
assert failed["StatusCode"] == 200 and failed["FunctionError"] == "Unhandled", failed
assert json.load(failed["Payload"])["errorMessage"] == "no"
queued = functions.invoke(FunctionName="EchoFunction", InvocationType="Event", Payload=b'{"asynchronous": true}')
assert queued["StatusCode"] == 202 and queued["Payload"].read() == b"", queued
assert functions.invoke(FunctionName="EchoFunction", InvocationType="DryRun")["StatusCode"] == 204
refused("ResourceNotFoundException", 404, functions.invoke, FunctionName="Nobody")
refused("InvalidRequestContentException", 400, functions.invoke, FunctionName="EchoFunction", Payload=b"{")

tables = client("dynamodb", os.environ["DYNAMODB"])
item = {"id": {"S": "ü"}, "list": {"L": [{"N": "1.50"}, {"BOOL": True}, {"NULL": True}]}, "bytes": {"B": b"\x00\xff"}}
tables.put_item(TableName="Things", Item=item)
read = tables.get_item(TableName="Things", Key={"id": {"S": "ü"}}, ConsistentRead=True)["Item"]
assert read["bytes"] == item["bytes"] and read["list"]["L"][0]["N"] in ("1.5", "1.50"), read
refused("ConditionalCheckFailedException", 400, tables.put_item, TableName="Things", Item=item, ConditionExpression="attribute_not_exists(id)")
found = tables.query(TableName="Things", KeyConditionExpression="id = :id", ExpressionAttributeValues={":id": {"S": "ü"}})
assert found["Count"] == 1, found
refused("ResourceNotFoundException", 400, tables.get_item, TableName="Nothing", Key={"id": {"S": "a"}})

files = client("s3", os.environ["S3"])
bucket = files.list_buckets()["Buckets"][0]["Name"]
etag = files.put_object(Bucket=bucket, Key="a/ü.txt", Body=b"0123456789", ContentType="text/plain")["ETag"]
head = files.head_object(Bucket=bucket, Key="a/ü.txt")
assert (head["ContentLength"], head["ContentType"], head["ETag"]) == (10, "text/plain", etag), head
part = files.get_object(Bucket=bucket, Key="a/ü.txt", Range="bytes=2-4")
assert part["Body"].read() == b"234" and part["ContentRange"] == "bytes 2-4/10", part
url = files.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "a/ü.txt"})
assert urllib.request.urlopen(url).read() == b"0123456789"
files.delete_object(Bucket=bucket, Key="a/ü.txt")
refused("NoSuchKey", 404, files.get_object, Bucket=bucket, Key="a/ü.txt")

print("all is as expected")
