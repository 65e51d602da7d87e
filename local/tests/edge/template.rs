//! Valid templates: intrinsics, parameters, conditions, globals, and each kind of resource.

use std::collections::BTreeMap;
use std::path::PathBuf;

use local::stack::{EventInvoke, HttpRoute, Stack};
use local::template::{TemplateError, load, samconfig_parameters};
use serde_json::json;

/// Loads a template; `overrides` are `Name=Value`.
pub(crate) fn read(text: &str, overrides: &[&str]) -> Result<Stack, TemplateError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("template.yaml");
    std::fs::write(&path, text).unwrap();
    let overrides: BTreeMap<String, String> = overrides
        .iter()
        .map(|pair| pair.split_once('=').unwrap())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    load(&path, &overrides).map_err(|error| TemplateError { file: PathBuf::from("template.yaml"), ..error })
}

pub(crate) fn loaded(text: &str, overrides: &[&str]) -> Stack {
    read(text, overrides).unwrap_or_else(|error| panic!("{error}"))
}

/// The outputs of a template that declares a few resources to refer to.
fn outputs(given: &str, overrides: &[&str]) -> BTreeMap<String, String> {
    let text = format!(
        "
Parameters:
  Stage: {{Type: String, Default: dev}}
  Origins: {{Type: CommaDelimitedList, Default: 'https://a, https://b'}}
  Count: {{Type: Number, Default: 5}}
  Nothing: {{Type: String, Default: ''}}
Mappings:
  Sizes: {{dev: {{memory: 128}}, prod: {{memory: 1024}}}}
Conditions:
  IsProd: !Equals [!Ref Stage, prod]
  IsNotProd: !Not [!Condition IsProd]
  IsFive: !Equals [!Ref Count, '5']
  Both: !And [!Condition IsNotProd, !Condition IsFive]
  Either: {{'Fn::Or': [{{Condition: IsProd}}, {{'Fn::Equals': [a, b]}}]}}
Resources:
  F:
    Type: AWS::Serverless::Function
    Metadata: {{BuildProperties: {{Binary: f}}}}
  Rows: {{Type: 'AWS::DynamoDB::Table', Properties: {{TableName: !Sub '${{Stage}}-rows', KeySchema: [], AttributeDefinitions: []}}}}
  MediaBucket: {{Type: AWS::S3::Bucket}}
  Letters: {{Type: AWS::SQS::Queue}}
  Sockets:
    Type: AWS::Serverless::WebSocketApi
    Properties: {{StageName: !Ref Stage, RouteSelectionExpression: $request.body.action, Routes: {{ping: {{FunctionArn: !GetAtt F.Arn}}}}}}
  Http: {{Type: AWS::Serverless::HttpApi}}
  Hidden: {{Type: AWS::SNS::Topic, Condition: IsProd}}
  Role: {{Type: AWS::IAM::Role}}
Outputs:
{given}"
    );
    loaded(&text, overrides).outputs
}

fn output(value: &str) -> String {
    outputs(&format!("  O: {{Value: {value}}}\n"), &[])["O"].clone()
}

#[test]
fn references_and_attributes_give_names_and_arns() {
    for (value, expected) in [
        ("!Ref Stage", "dev"),
        ("!Ref F", "F"),
        ("!GetAtt F.Arn", "arn:aws:lambda:us-east-1:000000000000:function:F"),
        ("{'Fn::GetAtt': [F, Arn]}", "arn:aws:lambda:us-east-1:000000000000:function:F"),
        ("!Ref Rows", "dev-rows"),
        ("!GetAtt Rows.Arn", "arn:aws:dynamodb:us-east-1:000000000000:table/dev-rows"),
        ("!Ref MediaBucket", "local-mediabucket"),
        ("!GetAtt MediaBucket.Arn", "arn:aws:s3:::local-mediabucket"),
        ("!Ref Letters", "https://sqs.us-east-1.amazonaws.com/000000000000/Letters"),
        ("!GetAtt Letters.Arn", "arn:aws:sqs:us-east-1:000000000000:Letters"),
        ("!GetAtt Letters.QueueName", "Letters"),
        ("!Ref Sockets", "Sockets"),
        ("!Sub '${Sockets.Stage}'", "dev"),
        ("!Ref SocketsPingRoute", "SocketsPingRoute"),
        ("!GetAtt Role.Arn", "arn:aws:iam::000000000000:role/Role"),
        ("!GetAtt FRole.Arn", "arn:aws:local:us-east-1:000000000000:FRole"),
        ("!Ref AWS::Region", "us-east-1"),
        ("!Ref AWS::AccountId", "000000000000"),
        ("!Ref AWS::Partition", "aws"),
        ("!Ref AWS::StackName", "local"),
    ] {
        assert_eq!(output(value), expected, "{value}");
    }
}

#[test]
fn intrinsics_are_evaluated_in_both_forms() {
    for (value, expected) in [
        (
            "!Sub 'https://${Sockets}.execute-api.${AWS::Region}.${AWS::URLSuffix}/${Stage}'",
            "https://Sockets.execute-api.us-east-1.amazonaws.com/dev",
        ),
        ("!Sub ['${A}-${Stage}-${F.Arn}', {A: !Ref Count}]", "5-dev-arn:aws:lambda:us-east-1:000000000000:function:F"),
        ("{'Fn::Sub': 'a ${!Literal} $ {x}'}", "a ${Literal} $ {x}"),
        ("!Join ['-', [a, !Ref Stage, 5]]", "a-dev-5"),
        ("{'Fn::Join': ['', !Ref Origins]}", "https://ahttps://b"),
        ("!Select [1, !Ref Origins]", "https://b"),
        ("!Select ['1', !Split ['/', 'a/b/c']]", "b"),
        ("!If [IsProd, then, otherwise]", "otherwise"),
        ("!If [IsNotProd, a, !Ref Absent]", "a"),
        ("!If [Both, both, not]", "both"),
        ("!If [Either, either, neither]", "neither"),
        ("!FindInMap [Sizes, !Ref Stage, memory]", "128"),
        ("!FindInMap [Sizes, other, memory, {DefaultValue: 1}]", "1"),
        ("!Length [1, 2, 3]", "3"),
        ("!ToJsonString {a: !Ref Count}", r#"{"a":5}"#),
        ("!Base64 abc", "YWJj"),
        ("!Join [',', !GetAZs '']", "us-east-1a,us-east-1b,us-east-1c"),
        ("!Join ['', [a, !If [IsProd, b, !Ref AWS::NoValue], c]]", "ac"),
    ] {
        assert_eq!(output(value), expected, "{value}");
    }
}

#[test]
fn overrides_change_parameters_and_with_them_conditions() {
    let given = "  Stage: {Value: !Ref Stage}\n  Size: {Value: !FindInMap [Sizes, !Ref Stage, memory]}\n  \
                 Topic: {Condition: IsProd, Value: !Ref Hidden}\n  Region: {Value: !Ref AWS::Region}\n  Origins: {Value: !Join ['|', !Ref Origins]}\n";
    let dev = outputs(given, &[]);
    assert_eq!((dev["Size"].as_str(), dev.get("Topic")), ("128", None));
    let prod = outputs(given, &["Stage=prod", "AWS::Region=eu-west-1", "Origins=x,y"]);
    assert_eq!((prod["Stage"].as_str(), prod["Size"].as_str(), prod["Origins"].as_str()), ("prod", "1024", "x|y"));
    assert_eq!(prod["Topic"], "arn:aws:sns:eu-west-1:000000000000:Hidden");
}

const FUNCTIONS: &str = "
Globals:
  Function:
    Runtime: provided.al2023
    MemorySize: 512
    Timeout: 15
    Environment: {Variables: {LOG: info, SHARED: global, PORT: 80}}
Conditions:
  Never: !Equals [a, b]
Resources:
  Plain:
    Type: AWS::Serverless::Function
    Metadata: {BuildMethod: rust-cargolambda, BuildProperties: {Binary: plain}}
    Properties:
      MemorySize: '256'
      Environment: {Variables: {SHARED: own, ON: true, RATE: 0.5, GONE: !Ref AWS::NoValue, TABLE: !Ref Rows}}
      Policies: [{Statement: [{Effect: Allow, Action: 'dynamodb:*', Resource: !GetAtt Rows.Arn, Condition: {Bool: {x: 'true'}}}]}]
      Events: {Nightly: {Type: Schedule, Properties: {Schedule: rate(1 day)}}}
  Fanout:
    Type: AWS::Serverless::Function
    Metadata: {BuildProperties: {Binary: fanout}}
    Properties:
      ReservedConcurrentExecutions: 3
      EventInvokeConfig:
        MaximumEventAgeInSeconds: 120
        MaximumRetryAttempts: 1
        DestinationConfig: {OnFailure: {Type: SQS, Destination: !GetAtt Letters.Arn}}
  Own:
    Type: AWS::Serverless::Function
    Metadata: {BuildProperties: {Binary: own}}
    Properties: {EventInvokeConfig: {DestinationConfig: {OnFailure: {Type: SQS}}}}
  Absent: {Type: AWS::Serverless::Function, Condition: Never}
  Letters: {Type: AWS::SQS::Queue}
  Rows:
    Type: AWS::DynamoDB::Table
    DeletionPolicy: Delete
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: pk, AttributeType: S}]
      KeySchema: [{AttributeName: pk, KeyType: HASH}]
      TimeToLiveSpecification: {AttributeName: ttl, Enabled: true}
      PointInTimeRecoverySpecification: {PointInTimeRecoveryEnabled: false}
      SSESpecification: {SSEEnabled: true}
      StreamSpecification: {StreamViewType: NEW_IMAGE}
      ProvisionedThroughput: {ReadCapacityUnits: '5', WriteCapacityUnits: 5}
      DeletionProtectionEnabled: 'false'
  Media:
    Type: AWS::S3::Bucket
    Properties: {BucketName: media-files, CorsConfiguration: {CorsRules: [{AllowedOrigins: [!Sub 'https://${AWS::Region}'], AllowedMethods: [PUT]}]}}
  Migration: {Type: 'Custom::Migration', DependsOn: Rows, Properties: {ServiceToken: !GetAtt Plain.Arn, Version: 3, Table: !Ref Rows}}
  Alarm: {Type: AWS::CloudWatch::Alarm, Properties: {Dimensions: [{Name: Queue, Value: !GetAtt Letters.QueueName}]}}
Outputs:
  Alarm: {Value: !GetAtt Alarm.Arn}
";

#[test]
fn functions_have_their_globals_and_their_own() {
    let stack = loaded(FUNCTIONS, &[]);
    assert_eq!(stack.functions.keys().collect::<Vec<_>>(), ["Fanout", "Own", "Plain"]);
    let plain = &stack.functions["Plain"];
    assert_eq!((plain.id.as_str(), plain.binary.as_str(), plain.memory_size, plain.timeout), ("Plain", "plain", 256, 15));
    let environment: Vec<(&str, &str)> = plain.environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let expected = [("LOG", "info"), ("ON", "true"), ("PORT", "80"), ("RATE", "0.5"), ("SHARED", "own"), ("TABLE", "Rows")];
    assert_eq!(environment, expected);
    assert_eq!((plain.reserved_concurrency, &plain.event_invoke), (None, &EventInvoke::default()));
    let fanout = &stack.functions["Fanout"];
    assert_eq!((fanout.memory_size, fanout.reserved_concurrency), (512, Some(3)));
    let letters = Some("Letters".to_owned());
    assert_eq!(fanout.event_invoke, EventInvoke { maximum_retry_attempts: 1, maximum_event_age: 120, on_failure: letters });
    assert_eq!(stack.functions["Own"].event_invoke.on_failure.as_deref(), Some("OwnEventInvokeConfigOnFailureQueue"));
    assert_eq!(stack.outputs["Alarm"], "arn:aws:cloudwatch:us-east-1:000000000000:alarm:Alarm");
}

#[test]
fn tables_buckets_and_custom_resources_are_as_their_apis_take_them() {
    let stack = loaded(FUNCTIONS, &[]);
    let rows = &stack.tables["Rows"];
    assert_eq!((rows.name.as_str(), rows.ttl_attribute.as_deref()), ("Rows", Some("ttl")));
    let create = json!({
        "TableName": "Rows", "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}], "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "StreamSpecification": {"StreamEnabled": true, "StreamViewType": "NEW_IMAGE"},
        "ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5}, "DeletionProtectionEnabled": false
    });
    assert_eq!(rows.create, create);
    let media = &stack.buckets["Media"];
    assert_eq!(media.name, "media-files");
    assert_eq!(media.cors_rules, json!([{"AllowedOrigins": ["https://us-east-1"], "AllowedMethods": ["PUT"]}]));
    let migration = &stack.custom_resources["Migration"];
    assert_eq!((migration.kind.as_str(), migration.function.as_str()), ("Custom::Migration", "Plain"));
    assert_eq!(migration.properties, json!({"Version": 3, "Table": "Rows"}));
}

#[test]
fn aliases_and_merge_keys_are_what_they_stand_for() {
    let stack = loaded(
        "
Metadata:
  Shared:
    Where: &where !Sub '${AWS::Region}-1'
    A: &a {ONE: a, TWO: a}
    B: &b {TWO: b, THREE: *where, FOUR: b}
Resources:
  F:
    Type: AWS::Serverless::Function
    Metadata: {BuildProperties: {Binary: f}}
    Properties:
      Environment:
        Variables:
          <<: [*a, *b]
          FOUR: own
",
        &[],
    );
    let variables: Vec<_> = stack.functions["F"].environment.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(variables, ["FOUR=own", "ONE=a", "THREE=us-east-1-1", "TWO=a"]);
}

#[test]
fn routes_are_gathered_from_functions() {
    let stack = loaded(
        "
Globals: {HttpApi: {CorsConfiguration: {AllowOrigins: ['*'], MaxAge: '60'}}}
Resources:
  Api: {Type: AWS::Serverless::HttpApi, Properties: {CorsConfiguration: {AllowMethods: [GET]}}}
  A:
    Type: AWS::Serverless::Function
    Metadata: {BuildProperties: {Binary: a}}
    Properties:
      Events:
        One: {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: get, Path: '/rooms/{id}'}}
        Two: {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: '*', Path: '/rooms/{id}'}}
  B:
    Type: AWS::Serverless::Function
    Metadata: {BuildProperties: {Binary: b}}
    Properties: {Events: {Rest: {Type: HttpApi}}}
",
        &[],
    );
    let api = &stack.http_apis["Api"];
    let route = |method: &str| HttpRoute { method: method.into(), path: "/rooms/{id}".into(), function: "A".into() };
    assert_eq!(api.routes, [route("GET"), route("ANY")]);
    let cors = api.cors.as_ref().unwrap();
    assert_eq!(
        (cors.allow_origins.as_slice(), cors.allow_methods.as_slice(), cors.max_age),
        (&["*".to_owned()][..], &["GET".to_owned()][..], Some(60))
    );
    let rest = HttpRoute { method: "ANY".into(), path: "$default".into(), function: "B".into() };
    assert_eq!(stack.http_apis["ServerlessHttpApi"].routes, [rest]);
}

#[test]
fn a_websocket_api_has_its_routes_authorizer_and_responses() {
    let stack = loaded(crate::fixture::TEMPLATE, &[]);
    let api = &stack.websocket_apis["Sockets"];
    assert_eq!((api.stage.as_str(), api.route_selection_expression.as_str()), ("ws", "$request.body.action"));
    let authorizer = api.authorizer.as_ref().unwrap();
    assert_eq!(
        (authorizer.function.as_str(), authorizer.identity_sources.as_slice()),
        ("Authorizer", &["route.request.querystring.ticket".to_owned()][..])
    );
    let routes: Vec<(&str, &str, u32, bool)> = api
        .routes
        .iter()
        .map(|(key, route)| (key.as_str(), route.function.as_str(), route.integration_timeout_ms, route.responds))
        .collect();
    let expected = [
        ("$connect", "Connect", 29_000, false),
        ("$default", "Send", 29_000, false),
        ("$disconnect", "Disconnect", 29_000, false),
        ("echo", "Send", 29_000, true),
        ("quiet", "Send", 29_000, false),
        ("send", "Send", 300, false),
    ];
    assert_eq!(routes, expected);
    assert!(stack.websocket_apis["Open"].authorizer.is_none());
}

#[test]
fn overrides_are_read_from_samconfig() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("samconfig.toml");
    let text = r#"
version = 0.1
[default.global.parameters]
parameter_overrides = "Stage=dev"
[dev.deploy.parameters]
parameter_overrides = ["StageName=ws", "Text=two\\ words", "Quoted=\"v 2\"", "Empty="]
[prod.deploy.parameters]
parameter_overrides = "A=1 B=\"two words\" C='x=y' ParameterKey=D,ParameterValue=4"
[bare.deploy.parameters]
[bad.deploy.parameters]
parameter_overrides = ["Text=two words"]
"#;
    std::fs::write(&path, text).unwrap();
    let read = |environment: &str| {
        let pairs = samconfig_parameters(&path, environment).map_err(|error| error.to_string())?;
        Ok::<_, String>(pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>())
    };
    assert_eq!(read("dev").unwrap(), ["Empty=", "Quoted=v 2", "StageName=ws", "Text=two words"]);
    assert_eq!(read("prod").unwrap(), ["A=1", "B=two words", "C=x=y", "D=4"]);
    assert_eq!(read("default").unwrap(), ["Stage=dev"]);
    assert_eq!(read("bare").unwrap(), Vec::<String>::new());
    assert!(
        read("bad")
            .unwrap_err()
            .ends_with(": the parameter override \"words\" is not Name=Value; a value with spaces needs quotes")
    );
    assert!(read("other").unwrap_err().contains("the file has no environment other; it has bad, bare, default, dev, prod"));
    assert!(samconfig_parameters(folder.path().join("none.toml"), "dev").unwrap_err().to_string().contains("cannot be read"));
    std::fs::write(&path, "a = 1\nb = [\n").unwrap();
    assert_eq!(samconfig_parameters(&path, "dev").unwrap_err().line, 2);
}
