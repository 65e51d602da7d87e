"""Every operation and error of SQS through botocore, which verifies the digests. Run by tests/compute/sqs.rs."""

import base64
import hashlib
import json
import os
import time

from aws import client, refused

sqs = client("sqs", os.environ["SQS"])
known = sqs.exceptions
ARN = "arn:aws:sqs:us-east-1:000000000000:"
# The prefix of error codes, which SDKs call a namespace.
AWS = "AWS.SimpleQueueService."


def make(name, **attributes):
    return sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]


def send(url, body="a message", **more):
    return sqs.send_message(QueueUrl=url, MessageBody=body, **more)


def receive(url, **more):
    return sqs.receive_message(QueueUrl=url, **more).get("Messages", [])


def bodies(url, **more):
    return [message["Body"] for message in receive(url, **more)]


def attributes(url, *names):
    return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(names) or ["All"]).get("Attributes", {})


def counts(url):
    own = attributes(url)
    return tuple(int(own["ApproximateNumberOfMessages" + state]) for state in ("", "NotVisible", "Delayed"))


def empty(url):
    while messages := receive(url, MaxNumberOfMessages=10, VisibilityTimeout=30):
        for message in messages:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


# ---- Queues ---------------------------------------------------------------------------------------------------------------------------
plain = make("plain")
assert plain == os.environ["SQS"] + "/000000000000/plain", plain
assert sqs.get_queue_url(QueueName="plain")["QueueUrl"] == plain
own = attributes(plain)
created = own.pop("CreatedTimestamp")
assert own.pop("LastModifiedTimestamp") == created and abs(int(created) - time.time()) < 60, created
assert own == {
    "ApproximateNumberOfMessages": "0", "ApproximateNumberOfMessagesDelayed": "0", "ApproximateNumberOfMessagesNotVisible": "0",
    "DelaySeconds": "0", "MaximumMessageSize": "1048576", "MessageRetentionPeriod": "345600", "QueueArn": ARN + "plain",
    "ReceiveMessageWaitTimeSeconds": "0", "SqsManagedSseEnabled": "true", "VisibilityTimeout": "30",
}, own
assert attributes(plain, "QueueArn", "DelaySeconds") == {"QueueArn": ARN + "plain", "DelaySeconds": "0"}
assert make("plain") == plain and make("plain", DelaySeconds="0") == plain
error = refused("QueueAlreadyExists", 400, make, name="plain", DelaySeconds="1")
assert isinstance(error, known.QueueNameExists) and error.response["Error"]["QueryErrorCode"] == "QueueNameExists", error.response
refused("InvalidParameterValue", 400, make, name="no name")
refused("InvalidParameterValue", 400, make, name="x" * 81)
refused("InvalidParameterValue", 400, make, name="other.fifo")
refused("InvalidParameterValue", 400, make, name="other", FifoQueue="true")
refused("InvalidAttributeName", 400, make, name="other", Nonsense="1")
refused("InvalidAttributeName", 400, make, name="other", ContentBasedDeduplication="true")
refused("InvalidAttributeName", 400, make, name="other", DeduplicationScope="queue")
refused("InvalidAttributeValue", 400, make, name="other", DelaySeconds="901")
refused("InvalidAttributeName", 400, sqs.get_queue_attributes, QueueUrl=plain, AttributeNames=["Nonsense"])

nobody = plain.replace("plain", "nobody")
for call, arguments in [
    (sqs.get_queue_url, {"QueueName": "nobody"}),
    (sqs.get_queue_attributes, {"QueueUrl": nobody}),
    (sqs.set_queue_attributes, {"QueueUrl": nobody, "Attributes": {}}),
    (sqs.send_message, {"QueueUrl": nobody, "MessageBody": "x"}),
    (sqs.send_message_batch, {"QueueUrl": nobody, "Entries": [{"Id": "1", "MessageBody": "x"}]}),
    (sqs.receive_message, {"QueueUrl": nobody}),
    (sqs.delete_message, {"QueueUrl": nobody, "ReceiptHandle": "x"}),
    (sqs.delete_message_batch, {"QueueUrl": nobody, "Entries": [{"Id": "1", "ReceiptHandle": "x"}]}),
    (sqs.change_message_visibility, {"QueueUrl": nobody, "ReceiptHandle": "x", "VisibilityTimeout": 1}),
    (sqs.purge_queue, {"QueueUrl": nobody}),
    (sqs.tag_queue, {"QueueUrl": nobody, "Tags": {"a": "b"}}),
    (sqs.list_queue_tags, {"QueueUrl": nobody}),
    (sqs.list_dead_letter_source_queues, {"QueueUrl": nobody}),
    (sqs.delete_queue, {"QueueUrl": nobody}),
]:
    error = refused(AWS + "NonExistentQueue", 400, call, **arguments)
    assert isinstance(error, known.QueueDoesNotExist), call

sqs.set_queue_attributes(QueueUrl=plain, Attributes={"VisibilityTimeout": "10", "Policy": "{}"})
assert attributes(plain, "VisibilityTimeout", "Policy") == {"VisibilityTimeout": "10", "Policy": "{}"}
refused("InvalidAttributeName", 400, sqs.set_queue_attributes, QueueUrl=plain, Attributes={"FifoQueue": "true"})
refused("InvalidAttributeValue", 400, sqs.set_queue_attributes, QueueUrl=plain, Attributes={"VisibilityTimeout": "43201"})

assert "Tags" not in sqs.list_queue_tags(QueueUrl=plain)
sqs.tag_queue(QueueUrl=plain, Tags={"one": "1", "two": ""})
sqs.untag_queue(QueueUrl=plain, TagKeys=["one", "none"])
assert sqs.list_queue_tags(QueueUrl=plain)["Tags"] == {"two": ""}
assert sqs.list_queue_tags(QueueUrl=sqs.create_queue(QueueName="tagged", tags={"a": "b"})["QueueUrl"])["Tags"] == {"a": "b"}

listed = [make(f"list-{n}") for n in range(3)]
assert sqs.list_queues(QueueNamePrefix="list-")["QueueUrls"] == listed
first = sqs.list_queues(QueueNamePrefix="list-", MaxResults=2)
assert first["QueueUrls"] == listed[:2], first
second = sqs.list_queues(QueueNamePrefix="list-", MaxResults=2, NextToken=first["NextToken"])
assert second["QueueUrls"] == listed[2:] and "NextToken" not in second, second
assert "QueueUrls" not in sqs.list_queues(QueueNamePrefix="none-")
refused("InvalidParameterValue", 400, sqs.list_queues, MaxResults=1001)
sqs.delete_queue(QueueUrl=listed[0])
assert sqs.list_queues(QueueNamePrefix="list-")["QueueUrls"] == listed[1:]
error = refused(AWS + "QueueDeletedRecently", 400, make, name="list-0")
assert isinstance(error, known.QueueDeletedRecently)
refused(AWS + "UnsupportedOperation", 400, sqs.add_permission, QueueUrl=plain, Label="l", AWSAccountIds=["1"], Actions=["*"])

# ---- Messages -------------------------------------------------------------------------------------------------------------------------
binary = {"DataType": "Binary", "BinaryValue": b"\x00\xff"}
sent = send(plain, "ü 😀", MessageAttributes={"Bytes": binary, "Count.six": {"DataType": "Number.int", "StringValue": "6"}},
            MessageSystemAttributes={"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1-5759e988-bd862e3fe1be46a994272793"}})
assert sent["MD5OfMessageBody"] == hashlib.md5("ü 😀".encode()).hexdigest() and "SequenceNumber" not in sent, sent
assert len(sent["MD5OfMessageSystemAttributes"]) == 32 and len(sent["MessageId"]) == 36, sent
[got] = receive(plain, MessageAttributeNames=["All"], MessageSystemAttributeNames=["All"], VisibilityTimeout=0)
assert (got["MessageId"], got["Body"], got["MD5OfMessageAttributes"]) == (sent["MessageId"], "ü 😀", sent["MD5OfMessageAttributes"]), got
assert got["MessageAttributes"]["Bytes"] == binary, got
system = got["Attributes"]
assert system["ApproximateReceiveCount"] == "1" and system["AWSTraceHeader"].startswith("Root=") and system["SenderId"], system
assert abs(int(system["SentTimestamp"]) / 1000 - time.time()) < 60 <= int(system["ApproximateFirstReceiveTimestamp"]), system
[got] = receive(plain, MessageAttributeNames=["Count.*"], AttributeNames=["ApproximateReceiveCount"], VisibilityTimeout=0)
assert list(got["MessageAttributes"]) == ["Count.six"] and got["Attributes"] == {"ApproximateReceiveCount": "2"}, got
[got] = receive(plain)
assert "Attributes" not in got and "MessageAttributes" not in got and "MD5OfMessageAttributes" not in got, got
assert counts(plain) == (0, 1, 0) and receive(plain) == []
sqs.change_message_visibility(QueueUrl=plain, ReceiptHandle=got["ReceiptHandle"], VisibilityTimeout=0)
[again] = receive(plain)
assert again["MessageId"] == got["MessageId"] and again["ReceiptHandle"] != got["ReceiptHandle"]
# The older handle succeeds, as on AWS, but the message stays with its current consumer.
sqs.delete_message(QueueUrl=plain, ReceiptHandle=got["ReceiptHandle"])
assert counts(plain) == (0, 1, 0)
refused("InvalidParameterValue", 400, sqs.change_message_visibility, QueueUrl=plain, ReceiptHandle=again["ReceiptHandle"], VisibilityTimeout=43201)
sqs.delete_message(QueueUrl=plain, ReceiptHandle=again["ReceiptHandle"])
sqs.delete_message(QueueUrl=plain, ReceiptHandle=again["ReceiptHandle"])
assert counts(plain) == (0, 0, 0)
error = refused("InvalidParameterValue", 400, sqs.change_message_visibility, QueueUrl=plain, ReceiptHandle=again["ReceiptHandle"], VisibilityTimeout=1)
assert "Message does not exist or is not available" in str(error)
for wrong in ["garbage", "AQEB" + base64.b64encode(b"x" * 24).decode(), "AQEBAAAA"]:
    error = refused("ReceiptHandleIsInvalid", 400, sqs.delete_message, QueueUrl=plain, ReceiptHandle=wrong)
    assert isinstance(error, known.ReceiptHandleIsInvalid)

send(plain, "later", DelaySeconds=1)
assert counts(plain) == (0, 0, 1) and receive(plain) == []
begun = time.time()
assert bodies(plain, WaitTimeSeconds=5) == ["later"] and 0.5 < time.time() - begun < 3
begun = time.time()
assert bodies(plain, WaitTimeSeconds=1) == [] and 0.9 < time.time() - begun < 3
for reason, arguments in [
    ("InvalidParameterValue", {"MaxNumberOfMessages": 11}), ("InvalidParameterValue", {"MaxNumberOfMessages": 0}),
    ("InvalidParameterValue", {"WaitTimeSeconds": 21}), ("InvalidParameterValue", {"WaitTimeSeconds": -1}),
    ("InvalidParameterValue", {"VisibilityTimeout": 43201}), ("InvalidAttributeName", {"AttributeNames": ["Nonsense"]}),
]:
    refused(reason, 400, sqs.receive_message, QueueUrl=plain, **arguments)
for reason, arguments in [
    ("MissingParameter", {"MessageBody": ""}), ("InvalidMessageContents", {"MessageBody": "a\u0000b"}),
    ("InvalidParameterValue", {"DelaySeconds": 901}), ("InvalidParameterValue", {"DelaySeconds": -1}),
    ("InvalidParameterValue", {"MessageDeduplicationId": "x"}), ("InvalidParameterValue", {"MessageGroupId": "a b"}),
    ("InvalidParameterValue", {"MessageBody": "x" * 1048577}),
    ("InvalidParameterValue", {"MessageAttributes": {"AWS.x": {"DataType": "String", "StringValue": "x"}}}),
    ("InvalidParameterValue", {"MessageAttributes": {"x": {"DataType": "String", "StringValue": ""}}}),
    ("InvalidParameterValue", {"MessageAttributes": {f"x{n}": {"DataType": "String", "StringValue": "x"} for n in range(11)}}),
    ("InvalidParameterValue", {"MessageSystemAttributes": {"Other": {"DataType": "String", "StringValue": "x"}}}),
]:
    refused(reason, 400, sqs.send_message, QueueUrl=plain, **{"MessageBody": "x", **arguments})
send(plain, "x" * 1048576)
empty(plain)
small = make("small", MaximumMessageSize="1024")
send(small, "x" * 1024)
refused("InvalidParameterValue", 400, sqs.send_message, QueueUrl=small, MessageBody="x" * 1020, MessageAttributes={"a": {"DataType": "String", "StringValue": "x"}})

# ---- Batches --------------------------------------------------------------------------------------------------------------------------
batch = make("batch")


def entries(*ids, **more):
    return [{"Id": identity, **more} for identity in ids]


done = sqs.send_message_batch(QueueUrl=batch, Entries=[
    {"Id": "good", "MessageBody": "a", "MessageAttributes": {"k": {"DataType": "String", "StringValue": "v"}}},
    {"Id": "bad", "MessageBody": "b", "DelaySeconds": 901}, {"Id": "late", "MessageBody": "c", "DelaySeconds": 900}])
assert [each["Id"] for each in done["Successful"]] == ["good", "late"] and len(done["Successful"][0]["MD5OfMessageAttributes"]) == 32, done
[failed] = done["Failed"]
assert (failed["Id"], failed["Code"], failed["SenderFault"]) == ("bad", "InvalidParameterValue", True), failed
[got] = receive(batch, MaxNumberOfMessages=10)
done = sqs.change_message_visibility_batch(QueueUrl=batch, Entries=[
    {"Id": "1", "ReceiptHandle": got["ReceiptHandle"], "VisibilityTimeout": 0}, {"Id": "2", "ReceiptHandle": "x", "VisibilityTimeout": 0}])
assert done["Successful"] == [{"Id": "1"}] and done["Failed"][0]["Code"] == "ReceiptHandleIsInvalid", done
[got] = receive(batch)
done = sqs.delete_message_batch(QueueUrl=batch, Entries=[{"Id": "1", "ReceiptHandle": got["ReceiptHandle"]}, {"Id": "2", "ReceiptHandle": "x"}])
assert done["Successful"] == [{"Id": "1"}] and done["Failed"][0]["Id"] == "2" and counts(batch) == (0, 0, 1), done
for call, member in [(sqs.send_message_batch, {"MessageBody": "x"}), (sqs.delete_message_batch, {"ReceiptHandle": "x"}),
                     (sqs.change_message_visibility_batch, {"ReceiptHandle": "x", "VisibilityTimeout": 1})]:
    for code, wrong in [("EmptyBatchRequest", []), ("TooManyEntriesInBatchRequest", entries(*map(str, range(11)), **member)),
                        ("BatchEntryIdsNotDistinct", entries("a", "a", **member)), ("InvalidBatchEntryId", entries("a b", **member)),
                        ("InvalidBatchEntryId", entries("x" * 81, **member))]:
        error = refused(AWS + code, 400, call, QueueUrl=batch, Entries=wrong)
        assert isinstance(error, getattr(known, code)), error
refused(AWS + "BatchRequestTooLong", 400, sqs.send_message_batch, QueueUrl=batch, Entries=entries("1", "2", MessageBody="x" * 524289))
sqs.purge_queue(QueueUrl=batch)
assert counts(batch) == (0, 0, 0)
error = refused(AWS + "PurgeQueueInProgress", 403, sqs.purge_queue, QueueUrl=batch)
assert isinstance(error, known.PurgeQueueInProgress)

# ---- FIFO -----------------------------------------------------------------------------------------------------------------------------
fifo = make("in-order.fifo", FifoQueue="true", VisibilityTimeout="20")
own = attributes(fifo, "FifoQueue", "ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit")
assert own == {"FifoQueue": "true", "ContentBasedDeduplication": "false", "DeduplicationScope": "queue", "FifoThroughputLimit": "perQueue"}, own
refused("InvalidAttributeValue", 400, sqs.set_queue_attributes, QueueUrl=fifo, Attributes={"FifoQueue": "false"})
refused("MissingParameter", 400, sqs.send_message, QueueUrl=fifo, MessageBody="x", MessageDeduplicationId="x")
refused("InvalidParameterValue", 400, sqs.send_message, QueueUrl=fifo, MessageBody="x", MessageGroupId="g")
refused("InvalidParameterValue", 400, sqs.send_message, QueueUrl=fifo, MessageBody="x", MessageGroupId="g", MessageDeduplicationId="x", DelaySeconds=2)
refused("InvalidParameterValue", 400, sqs.send_message_batch, QueueUrl=fifo, Entries=entries("1", MessageBody="x", MessageGroupId="g"))
one, two = (send(fifo, body, MessageGroupId="a", MessageDeduplicationId=body) for body in ("1", "2"))
assert len(one["SequenceNumber"]) == 20 and int(one["SequenceNumber"]) < int(two["SequenceNumber"])
same = send(fifo, "another body", MessageGroupId="b", MessageDeduplicationId="1")
assert (same["MessageId"], same["SequenceNumber"]) == (one["MessageId"], one["SequenceNumber"])
send(fifo, "3", MessageGroupId="b", MessageDeduplicationId="3")
[first] = receive(fifo, AttributeNames=["All"])
own = first["Attributes"]
assert (first["Body"], own["MessageGroupId"], own["MessageDeduplicationId"], own["SequenceNumber"]) == ("1", "a", "1", one["SequenceNumber"]), own
assert bodies(fifo, MaxNumberOfMessages=10, VisibilityTimeout=0) == ["3"], "the rest of group a waits for its first"
sqs.delete_message(QueueUrl=fifo, ReceiptHandle=first["ReceiptHandle"])
got = receive(fifo, MaxNumberOfMessages=10, VisibilityTimeout=1)
assert [message["Body"] for message in got] == ["2", "3"], got
time.sleep(1.1)
error = refused("InvalidParameterValue", 400, sqs.delete_message, QueueUrl=fifo, ReceiptHandle=got[0]["ReceiptHandle"])
assert "The receipt handle has expired" in str(error)
error = refused(AWS + "MessageNotInflight", 400, sqs.change_message_visibility, QueueUrl=fifo, ReceiptHandle=got[0]["ReceiptHandle"], VisibilityTimeout=1)
assert isinstance(error, known.MessageNotInflight)
content = make("content.fifo", FifoQueue="true", ContentBasedDeduplication="true", DeduplicationScope="messageGroup", FifoThroughputLimit="perMessageGroupId")
ids = [send(content, body, MessageGroupId=group)["MessageId"] for body, group in [("x", "a"), ("x", "a"), ("x", "b"), ("y", "a")]]
assert ids[0] == ids[1] and len(set(ids)) == 3, ids
[got] = receive(content, AttributeNames=["MessageDeduplicationId"])
assert got["Attributes"]["MessageDeduplicationId"] == hashlib.sha256(b"x").hexdigest()
refused("InvalidAttributeValue", 400, make, name="fast.fifo", FifoQueue="true", FifoThroughputLimit="perMessageGroupId")

# ---- Dead letters ---------------------------------------------------------------------------------------------------------------------
letters = make("letters")
policy = json.dumps({"deadLetterTargetArn": ARN + "letters", "maxReceiveCount": 1})
source = make("source", RedrivePolicy=policy, VisibilityTimeout="0")
assert json.loads(attributes(source, "RedrivePolicy")["RedrivePolicy"]) == json.loads(policy)
assert sqs.list_dead_letter_source_queues(QueueUrl=letters)["queueUrls"] == [source]
assert sqs.list_dead_letter_source_queues(QueueUrl=plain)["queueUrls"] == []
sent = send(source, "poison", MessageAttributes={"k": {"DataType": "String", "StringValue": "v"}})
[got] = receive(source, AttributeNames=["All"])
assert receive(source) == [] and counts(source) == (0, 0, 0) and counts(letters) == (1, 0, 0)
[letter] = receive(letters, AttributeNames=["All"], MessageAttributeNames=["All"], VisibilityTimeout=0)
assert letter["MessageId"] == sent["MessageId"] and letter["MessageAttributes"]["k"]["StringValue"] == "v", letter
assert letter["Attributes"]["DeadLetterQueueSourceArn"] == ARN + "source" and letter["Attributes"]["ApproximateReceiveCount"] == "2", letter
assert letter["Attributes"]["SentTimestamp"] == got["Attributes"]["SentTimestamp"]
for wrong in ["x", "{}", json.dumps({"deadLetterTargetArn": ARN + "nobody", "maxReceiveCount": 1}),
              json.dumps({"deadLetterTargetArn": ARN + "in-order.fifo", "maxReceiveCount": 1}),
              json.dumps({"deadLetterTargetArn": ARN + "source", "maxReceiveCount": 1}),
              json.dumps({"deadLetterTargetArn": ARN + "letters", "maxReceiveCount": 0})]:
    refused("InvalidParameterValue", 400, sqs.set_queue_attributes, QueueUrl=source, Attributes={"RedrivePolicy": wrong})
sqs.set_queue_attributes(QueueUrl=letters, Attributes={"RedriveAllowPolicy": json.dumps({"redrivePermission": "denyAll"})})
refused("InvalidParameterValue", 400, sqs.set_queue_attributes, QueueUrl=plain, Attributes={"RedrivePolicy": policy})
sqs.set_queue_attributes(QueueUrl=letters, Attributes={"RedriveAllowPolicy": ""})

# ---- Moving them back -----------------------------------------------------------------------------------------------------------------
refused("InvalidParameterValue", 400, sqs.start_message_move_task, SourceArn=ARN + "plain")
refused("ResourceNotFoundException", 404, sqs.start_message_move_task, SourceArn=ARN + "nobody")
refused("ResourceNotFoundException", 404, sqs.start_message_move_task, SourceArn=ARN + "letters", DestinationArn=ARN + "nobody")
sqs.start_message_move_task(SourceArn=ARN + "letters")
while (task := sqs.list_message_move_tasks(SourceArn=ARN + "letters")["Results"][0])["Status"] == "RUNNING":
    time.sleep(0.01)
assert (task["Status"], task["ApproximateNumberOfMessagesMoved"], task["ApproximateNumberOfMessagesToMove"]) == ("COMPLETED", 1, 1), task
sqs.set_queue_attributes(QueueUrl=source, Attributes={"RedrivePolicy": "", "VisibilityTimeout": "30"})
[back] = receive(source, AttributeNames=["ApproximateReceiveCount"])
assert back["Body"] == "poison" and back["MessageId"] != sent["MessageId"] and back["Attributes"]["ApproximateReceiveCount"] == "1", back
sqs.set_queue_attributes(QueueUrl=source, Attributes={"RedrivePolicy": policy})
for n in range(5):
    send(letters, f"letter {n}")
handle = sqs.start_message_move_task(SourceArn=ARN + "letters", DestinationArn=ARN + "plain", MaxNumberOfMessagesPerSecond=2)["TaskHandle"]
refused("InvalidParameterValue", 400, sqs.start_message_move_task, SourceArn=ARN + "letters", DestinationArn=ARN + "plain")
moved = sqs.cancel_message_move_task(TaskHandle=handle)["ApproximateNumberOfMessagesMoved"]
task = sqs.list_message_move_tasks(SourceArn=ARN + "letters", MaxResults=10)["Results"][0]
assert task["Status"] == "CANCELLED" and moved < 5 and task["MaxNumberOfMessagesPerSecond"] == 2, task
refused("InvalidParameterValue", 400, sqs.cancel_message_move_task, TaskHandle="x")
sqs.start_message_move_task(SourceArn=ARN + "letters")
while (task := sqs.list_message_move_tasks(SourceArn=ARN + "letters")["Results"][0])["Status"] == "RUNNING":
    time.sleep(0.01)
assert (task["Status"], task["FailureReason"]) == ("FAILED", "CouldNotDetermineMessageSource"), task

print("all is as expected")
