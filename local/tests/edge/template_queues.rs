//! Queues and event source mappings in templates, valid and invalid ones.

use std::collections::BTreeMap;
use std::time::Duration;

use local::stack::EventSource;

use crate::template::loaded;
use crate::template_errors::with_resources;

#[test]
fn queues_have_their_attributes_and_functions_their_event_sources() {
    let text = "
Resources:
  F:
    Type: AWS::Serverless::Function
    Metadata: {BuildProperties: {Binary: f}}
    Properties:
      Timeout: 30
      Events:
        Jobs:
          Type: SQS
          Properties:
            Queue: !GetAtt Jobs.Arn
            BatchSize: 100
            MaximumBatchingWindowInSeconds: 5
            FunctionResponseTypes: [ReportBatchItemFailures]
            ScalingConfig: {MaximumConcurrency: 7}
        Off: {Type: SQS, Properties: {Queue: !GetAtt Jobs.Arn, Enabled: false}}
      EventInvokeConfig: {DestinationConfig: {OnFailure: {Type: SQS}}}
  M:
    Type: AWS::Lambda::EventSourceMapping
    Properties: {FunctionName: !GetAtt F.Arn, EventSourceArn: !GetAtt Ordered.Arn, Enabled: 'true'}
  Streams:
    Type: AWS::Lambda::EventSourceMapping
    Properties: {FunctionName: !Ref F, EventSourceArn: 'arn:aws:kinesis:us-east-1:000000000000:stream/s'}
  Jobs:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: jobs
      VisibilityTimeout: '180'
      FifoQueue: false
      RedrivePolicy: {deadLetterTargetArn: !GetAtt Letters.Arn, maxReceiveCount: 5}
      Tags: [{Key: a, Value: b}]
  Letters: {Type: AWS::SQS::Queue}
  Ordered: {Type: AWS::SQS::Queue, Properties: {FifoQueue: true, ContentBasedDeduplication: true}}
Outputs:
  Url: {Value: !Ref Ordered}
  Name: {Value: !GetAtt Ordered.QueueName}
  Arn: {Value: !GetAtt Jobs.Arn}
";
    let stack = loaded(text, &[]);
    let jobs = &stack.queues["Jobs"];
    assert_eq!(jobs.name, "jobs");
    let letters = r#"{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:Letters","maxReceiveCount":5}"#;
    let expected: BTreeMap<String, String> =
        [("VisibilityTimeout", "180"), ("RedrivePolicy", letters)].map(|(name, value)| (name.into(), value.into())).into();
    assert_eq!(jobs.attributes, expected);
    assert_eq!(stack.queues["Ordered"].name, "Ordered.fifo");
    assert_eq!(stack.outputs["Url"], "https://sqs.us-east-1.amazonaws.com/000000000000/Ordered.fifo");
    assert_eq!((&*stack.outputs["Name"], &*stack.outputs["Arn"]), ("Ordered.fifo", "arn:aws:sqs:us-east-1:000000000000:jobs"));
    // SAM generates the queue of a destination without an ARN.
    assert_eq!(stack.queues["FEventInvokeConfigOnFailureQueue"].name, "FEventInvokeConfigOnFailureQueue");
    let event = EventSource {
        name: "FJobs".into(),
        queue: "jobs".into(),
        function: "F".into(),
        batch_size: 100,
        batching_window: Duration::from_secs(5),
        reports_failures: true,
        maximum_concurrency: Some(7),
    };
    let mapping = EventSource {
        name: "M".into(),
        queue: "Ordered.fifo".into(),
        function: "F".into(),
        batch_size: 10,
        batching_window: Duration::ZERO,
        reports_failures: false,
        maximum_concurrency: None,
    };
    assert_eq!(stack.event_sources, [event, mapping]);
}

#[test]
fn queues_that_aws_would_refuse_are_refused() {
    let queue = |properties: &str| format!("  Q:\n    Type: AWS::SQS::Queue\n    Properties:\n      {properties}\n");
    for (properties, expected) in [
        ("Colour: red", "9: Q: a queue has no Colour; it has ContentBasedDeduplication"),
        ("DelaySeconds: 901", "9: Q: Invalid value for the parameter DelaySeconds. Reason: Must be between 0 and 900"),
        ("VisibilityTimeout: [1]", "9: Q: VisibilityTimeout must be a string"),
        ("QueueName: a b", "9: Q: \"a b\": Can only include alphanumeric characters"),
        ("QueueName: a.fifo", "9: Q: \"a.fifo\": Can only include alphanumeric characters"),
        ("FifoQueue: true\n      QueueName: a", "10: Q: \"a\": The name of a FIFO queue"),
        ("ContentBasedDeduplication: true", "9: Q: Unknown Attribute ContentBasedDeduplication"),
        ("FifoQueue: true\n      FifoThroughputLimit: perMessageGroupId", "10: Q: The perMessageGroupId value is allowed only"),
        ("RedrivePolicy: {maxReceiveCount: 3}", "9: Q: Value {\"maxReceiveCount\":3} for parameter RedrivePolicy is invalid"),
        (
            "RedrivePolicy: {deadLetterTargetArn: !GetAtt Q.Arn, maxReceiveCount: 3}",
            "9: Q: Q cannot be its own dead-letter queue",
        ),
        (
            "RedrivePolicy: {deadLetterTargetArn: 'arn:aws:sqs:us-east-1:000000000000:X', maxReceiveCount: 3}",
            "9: Q: RedrivePolicy names arn:aws:sqs:us-east-1:000000000000:X, which is not a queue of this template",
        ),
    ] {
        with_resources(&queue(properties), expected);
    }
    let letters = |properties: &str| {
        format!(
            "  D: {{Type: AWS::SQS::Queue, Properties: {{{properties}}}}}\n  Q:\n    Type: AWS::SQS::Queue\n    Properties:\n      \
             RedrivePolicy: {{deadLetterTargetArn: !GetAtt D.Arn, maxReceiveCount: 3}}\n"
        )
    };
    for (text, expected) in [
        (&letters("FifoQueue: true"), "10: Q: the dead-letter queue D.fifo must be of the same type"),
        (&letters("RedriveAllowPolicy: {redrivePermission: denyAll}"), "10: Q: the RedriveAllowPolicy of D does not permit Q"),
    ] {
        with_resources(text, expected);
    }
}

#[test]
fn event_sources_that_lambda_would_refuse_are_refused() {
    let function = |queue: &str, event: &str| {
        format!(
            "  Q: {{Type: AWS::SQS::Queue, Properties: {{{queue}}}}}\n  G:\n    Type: AWS::Serverless::Function\n    \
             Metadata: {{BuildProperties: {{Binary: g}}}}\n    Properties:\n      Timeout: 30\n      Events:\n        \
             E:\n          Type: SQS\n          Properties:\n            Queue: !GetAtt Q.Arn\n            {event}\n"
        )
    };
    for (queue, event, expected) in [
        ("", "BatchSize: 0", "17: G: BatchSize must be between 1 and 10000"),
        ("", "BatchSize: 11", "17: G: Maximum batch window in seconds must be greater than 0"),
        ("FifoQueue: true", "BatchSize: 11", "17: G: BatchSize must be between 1 and 10, not 11"),
        ("FifoQueue: true", "MaximumBatchingWindowInSeconds: 1", "17: G: Batching window is not supported for FIFO queues"),
        ("", "MaximumBatchingWindowInSeconds: 301", "17: G: MaximumBatchingWindowInSeconds must be between 0 and 300"),
        ("", "FunctionResponseTypes: [Other]", "17: G: FunctionResponseTypes has ReportBatchItemFailures, not Other"),
        ("", "ScalingConfig: {MaximumConcurrency: 1}", "17: G: MaximumConcurrency must be between 2 and 1000"),
        ("", "FilterCriteria: {Filters: []}", "17: G: FilterCriteria of an event source is not supported locally: choose"),
        ("", "Enabled: perhaps", "17: G: E.Enabled must be true or false"),
        ("VisibilityTimeout: 29", "BatchSize: 1", "7: G: Queue visibility timeout: 29 seconds is less than Function timeout: 30"),
    ] {
        with_resources(&function(queue, event), expected);
    }
    for (text, expected) in [
        (
            "  G:\n    Type: AWS::Serverless::Function\n    Metadata: {BuildProperties: {Binary: g}}\n    Properties:\n      Events:\n        \
             E: {Type: SQS, Properties: {BatchSize: 1}}\n",
            "10: G: E needs Queue",
        ),
        (
            "  M:\n    Type: AWS::Lambda::EventSourceMapping\n    Properties:\n      FunctionName: !Ref F\n      \
             EventSourceArn: arn:aws:sqs:us-east-1:000000000000:None\n",
            "10: M: the event source arn:aws:sqs:us-east-1:000000000000:None is not a queue",
        ),
        (
            "  Q: {Type: AWS::SQS::Queue}\n  M:\n    Type: AWS::Lambda::EventSourceMapping\n    Properties:\n      FunctionName: Gone\n      \
             EventSourceArn: !GetAtt Q.Arn\n",
            "10: M: FunctionName names Gone, which is not a function",
        ),
    ] {
        with_resources(text, expected);
    }
}
