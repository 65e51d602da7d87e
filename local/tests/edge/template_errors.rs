//! Invalid templates: each error names the line, the entry and the problem.

use crate::template::read;

/// A valid function.
const F: &str = "
  F:
    Type: AWS::Serverless::Function
    Metadata: {BuildProperties: {Binary: f}}
";

/// Asserts that the text is refused with `line: entry: part of the message`.
fn refuses(text: &str, expected: &str) {
    let error = match read(text, &[]) {
        Ok(_) => panic!("taken, although: {expected}\n{text}"),
        Err(error) => error.to_string(),
    };
    let expected = format!("template.yaml:{expected}");
    assert!(error.starts_with(&expected), "expected {expected}\n     got {error}\n{text}");
}

/// Resources after the one of [`F`], which is on lines 2 to 5.
pub(crate) fn with_resources(resources: &str, expected: &str) {
    refuses(&format!("Resources:{F}\n{resources}"), expected);
}

#[test]
fn what_is_no_template_is_refused() {
    for (text, expected) in [
        ("", "1: "),
        ("- a\n- b\n", "1: a template is a mapping"),
        ("Resources:\n  A: [\n", "3: invalid YAML"),
        ("Resources:\n  A: {Type: X}\n  A: {Type: Y}\n", "2: invalid YAML"),
        ("Description: x\n", "1: a template needs Resources"),
        ("Resouces: {}\n", "1: a template has no section \"Resouces\""),
        ("Resources: []\n", "1: Resources is a mapping"),
        ("Resources:\n  A:\n    Properties: {}\n", "2: A: the resource needs a Type"),
        ("Resources:\n  A: text\n", "2: A: a resource is a mapping"),
        ("Resources:\n  A:\n    Type: AWS::SNS::Topic\n    Propertys: {}\n", "4: A: a resource has no Propertys"),
        ("Resources:\n  A-B: {Type: AWS::SNS::Topic}\n", "2: A-B: a logical id must consist of letters and digits"),
        ("Resources:\n  A: {Type: Nonsense}\n", "2: A: unknown resource type \"Nonsense\""),
        ("Resources:\n  A: {Type: AWS::Serverless::Api}\n", "2: A: AWS::Serverless::Api is not supported locally"),
        ("Resources:\n  A:\n    Type: AWS::ApiGatewayV2::Route\n", "3: A: AWS::ApiGatewayV2::Route is not supported locally"),
        ("Globals:\n  Functions: {}\nResources: {}\n", "2: Functions: Globals has mappings for"),
    ] {
        refuses(text, expected);
    }
}

#[test]
fn a_schedule_says_how_often() {
    with_resources(
        "  G:\n    Type: AWS::Serverless::Function\n    Metadata: {BuildProperties: {Binary: g}}\n    Properties:\n      Events:
        Clock: {Type: ScheduleV2, Properties: {ScheduleExpression: every day}}\n",
        "11: G: \"every day\" is not a supported schedule",
    );
}

#[test]
fn an_unknown_intrinsic_names_its_line_and_its_resource() {
    for (text, expected) in [
        (
            "  Q:\n    Type: AWS::SQS::Queue\n    Properties:\n      # !Foo\n      QueueName: !Foo bar\n",
            "10: Q: !Foo is not a known intrinsic function",
        ),
        (
            "  Q:\n    Type: AWS::SQS::Queue\n    Properties:\n      QueueName: {'Fn::Foo': bar}\n",
            "9: Q: Fn::Foo is not a known intrinsic function",
        ),
        (
            "  Q:\n    Type: AWS::SQS::Queue\n    Properties:\n      A: 1\n      QueueName: {'Fn::Sub': bar, x: 1}\n",
            "10: Q: Fn::Sub must be the only key",
        ),
        (
            "  Q:\n    Type: AWS::SQS::Queue\n    Properties:\n      QueueName: !ImportValue x\n",
            "9: Q: ImportValue needs a real account",
        ),
        (
            "  Q:\n    Type: AWS::SQS::Queue\n    Properties:\n      <<: {<<: {QueueName: q}}\n",
            "9: Q: a merge key (<<) inside of what another one merges",
        ),
    ] {
        with_resources(text, expected);
    }
}

#[test]
fn what_refers_to_nothing_is_refused() {
    for (text, expected) in [
        (
            "  Q:\n    Type: AWS::SQS::Queue\n    Properties:\n      QueueName: !Ref Absent\n",
            "9: Q: no parameter or resource is named Absent",
        ),
        (
            "  Q:\n    Type: AWS::SQS::Queue\n    Properties:\n      QueueName: !Sub 'a-${Absent.Arn}'\n",
            "9: Q: no parameter or resource is named Absent",
        ),
        (
            "  Q:\n    Type: AWS::SQS::Queue\n    Properties:\n      QueueName: !GetAtt F.Nonsense\n",
            "9: Q: AWS::Serverless::Function has no attribute Nonsense",
        ),
        (
            "  Q:\n    Type: AWS::SQS::Queue\n    Properties:\n      QueueName: !GetAtt F\n",
            "9: Q: GetAtt needs Resource.Attribute",
        ),
        (
            "  Q:\n    Type: AWS::SQS::Queue\n    Properties:\n      QueueName: !If [Never, a, b]\n",
            "9: Q: the condition Never does not exist",
        ),
        ("  Q:\n    Type: AWS::SQS::Queue\n    Condition: Never\n", "8: Q: the condition Never does not exist"),
        (
            "  Q:\n    Type: AWS::SQS::Queue\n    Properties:\n      QueueName: !FindInMap [A, b, c]\n",
            "9: Q: Mappings has no A.b.c",
        ),
        ("  Q:\n    Type: AWS::SQS::Queue\n    Properties:\n      QueueName: !Ref Q\n", "6: Q: Q refers to itself in a cycle"),
        ("Outputs:\n  O:\n    Value: !Ref Absent\n", "8: O: no parameter or resource is named Absent"),
        ("Outputs:\n  O: {Description: x}\n", "7: O: an output needs a Value"),
    ] {
        with_resources(text, expected);
    }
    for (text, expected) in [
        ("Conditions:\n  A: !Condition B\n  B: !Condition A\nResources: {}\n", "3: B: A refers to itself in a cycle"),
        ("Conditions:\n  A: !Equals [a]\nResources: {}\n", "2: A: Equals needs a list of two"),
        ("Conditions:\n  A: yes\nResources: {}\n", "2: A: a condition is !Equals"),
        (
            "Conditions:\n  Off: !Equals [a, b]\nResources:\n  T: {Type: AWS::SNS::Topic, Condition: Off}\nOutputs:\n  O:\n    Value: !Ref T\n",
            "7: O: T does not exist because its condition Off is false",
        ),
    ] {
        refuses(text, expected);
    }
}

#[test]
fn intrinsics_with_wrong_arguments_are_refused() {
    for (value, expected) in [
        ("!Ref [a]", "Ref needs a name"),
        ("!If [A, b]", "If needs [condition"),
        ("!Join ['-', text]", "Join needs a list"),
        ("!Join ['-', [[a]]]", "Join needs texts"),
        ("!Split ['', a]", "Split needs a non-empty separator"),
        ("!Select [3, [a]]", "Select has no item 3 among 1"),
        ("!Select [-1, [a]]", "Select has no item -1"),
        ("!Sub [a]", "Sub needs a string"),
        ("!Sub 'a ${b'", "Sub has a ${ without its }"),
        ("!Sub '${List}'", "${List} in a Sub must be a string"),
        ("!Length text", "Length needs a list"),
    ] {
        let text = format!(
            "Parameters:\n  List: {{Type: CommaDelimitedList, Default: a}}\nResources: {{}}\nOutputs:\n  O:\n    Value: {value}\n"
        );
        refuses(&text, &format!("6: O: {expected}"));
    }
}

#[test]
fn parameters_are_checked() {
    for (text, expected) in [
        ("Parameters:\n  A: {}\nResources: {}\n", "2: A: the parameter needs a Type"),
        ("Parameters:\n  A: {Type: Strin, Default: x}\nResources: {}\n", "2: A: unknown parameter type \"Strin\""),
        ("Parameters:\n  A: {Type: String}\nResources: {}\n", "2: A: the parameter has no Default"),
        ("Parameters:\n  A: {Type: Number, Default: x}\nResources: {}\n", "2: A: the parameter is a Number, \"x\" is not"),
        ("Parameters:\n  A: {Type: Number, Default: 5, MaxValue: 4}\nResources: {}\n", "2: A: 5 is outside"),
        (
            "Parameters:\n  A:\n    Type: String\n    Default: c\n    AllowedValues: [a, b]\nResources: {}\n",
            "5: A: \"c\" is not among the allowed values: a, b",
        ),
        ("Parameters:\n  A: {Type: String, Default: '', MinLength: 1}\nResources: {}\n", "2: A: the value has 0 characters"),
    ] {
        refuses(text, expected);
    }
    let error = read("Parameters:\n  A: {Type: String}\nResources: {}\n", &["B=1"]).unwrap_err().to_string();
    assert!(error.contains("A: the parameter has no Default"), "{error}");
    let error = read("Parameters:\n  A: {Type: String, Default: x}\nResources: {}\n", &["B=1"]).unwrap_err().to_string();
    assert_eq!(error, "template.yaml:1: the template has no parameter B; it has: A");
}

#[test]
fn functions_that_cannot_run_are_refused() {
    for (text, expected) in [
        ("Resources:\n  A:\n    Type: AWS::Serverless::Function\n", "2: A: the function needs Metadata.BuildProperties.Binary"),
        (
            "Resources:\n  A: {Type: AWS::Serverless::Function, Metadata: {BuildProperties: {Binary: ../a}}}\n",
            "2: A: the function needs Metadata",
        ),
    ] {
        refuses(text, expected);
    }
    let function = |properties: &str| {
        format!(
            "  G:\n    Type: AWS::Serverless::Function\n    Metadata: {{BuildProperties: {{Binary: g}}}}\n    Properties:\n      {properties}\n"
        )
    };
    for (properties, expected) in [
        ("MemorySize: much", "10: G: Properties.MemorySize must be a whole number"),
        ("Timeout: 901", "10: G: Timeout must be between 1 and 900, not 901"),
        ("Environment: {Variables: {A: [1]}}", "10: G: the environment variable A must be a string"),
        ("EventInvokeConfig: {MaximumRetryAttempts: 3}", "10: G: MaximumRetryAttempts must be between 0 and 2"),
        (
            "EventInvokeConfig: {DestinationConfig: {OnFailure: {Type: SQS, Destination: arn}}}",
            "10: G: the on-failure destination arn",
        ),
        ("Events: {E: {Type: Api, Properties: {Path: /, Method: get}}}", "10: G: events of type Api are not supported locally"),
        ("Events: {E: {Type: Nonsense}}", "10: G: events of type Nonsense"),
        ("Events: {E: {Properties: {}}}", "10: G: E needs Type"),
    ] {
        with_resources(&function(properties), expected);
    }
    with_resources(
        "  C: {Type: 'Custom::X', Properties: {ServiceToken: arn}}\n",
        "6: C: ServiceToken names arn, which is not a function",
    );
}

#[test]
fn http_routes_that_cannot_work_are_refused() {
    let route = |first: &str, second: &str| {
        format!(
            "  Api: {{Type: AWS::Serverless::HttpApi}}\n  G:\n    Type: AWS::Serverless::Function\n    Metadata: {{BuildProperties: {{Binary: g}}}}\n    \
             Properties:\n      Events:\n        One: {{Type: HttpApi, Properties: {{ApiId: !Ref Api, {first}}}}}\n        \
             Two: {{Type: HttpApi, Properties: {{ApiId: !Ref Api, {second}}}}}\n"
        )
    };
    for (second, expected) in [
        ("Method: get, Path: '/a/{y}'", "13: G: the route GET /a/{y} is already taken by G (/a/{x})"),
        ("Method: BREW, Path: /a", "13: G: BREW is not a method"),
        ("Method: GET, Path: a", "13: G: the path a must begin with /"),
        ("Method: GET, Path: '/a{x}'", "13: G: in the path /a{x} a variable must fill its segment"),
        ("Method: GET, Path: '/{x+}/a'", "13: G: in the path /{x+}/a a greedy variable must be the last segment"),
        ("Method: GET, Path: /a/b/", "13: G: HTTP APIs do not route the path /a/b/; use /a/b/{proxy+}"),
        ("Method: GET, Path: '/{x}/{x}'", "13: G: in the path /{x}/{x} the variable x occurs twice"),
        ("Method: GET", "13: G: an HttpApi event has both Method and Path"),
        ("Method: GET, Path: /b, PayloadFormatVersion: '1.0'", "13: G: events of payload format 1.0 are not supported locally"),
        ("Method: GET, Path: /b, Auth: {Authorizer: x}", "13: G: an authorizer on an HTTP route"),
    ] {
        with_resources(&route("Method: GET, Path: '/a/{x}'", second), expected);
    }
    for (text, expected) in [
        (
            "  A:\n    Type: AWS::Serverless::HttpApi\n    Properties:\n      DefinitionBody: {}\n",
            "9: A: DefinitionBody is not supported locally",
        ),
        (
            "  A:\n    Type: AWS::Serverless::HttpApi\n    Properties:\n      Auth: {EnableIamAuthorizer: true}\n",
            "9: A: Auth is not supported locally",
        ),
        ("  A:\n    Type: AWS::Serverless::HttpApi\n    Properties:\n      StageName: v1\n", "9: A: only the stage $default"),
        (
            "  A:\n    Type: AWS::Serverless::HttpApi\n    Properties:\n      CorsConfiguration: {AllowOrigin: x}\n",
            "9: A: CorsConfiguration has no AllowOrigin",
        ),
        (
            "  A:\n    Type: AWS::Serverless::HttpApi\n    Properties:\n      CorsConfiguration: {AllowOrigins: ['*'], AllowCredentials: true}\n",
            "9: A: AllowCredentials forbids the origin *",
        ),
    ] {
        with_resources(text, expected);
    }
}

#[test]
fn websocket_apis_that_cannot_work_are_refused() {
    let api = |properties: &str| {
        format!(
            "  W:\n    Type: AWS::Serverless::WebSocketApi\n    Properties:\n      RouteSelectionExpression: $request.body.action\n      {properties}\n"
        )
    };
    let good = "Routes: {$connect: {FunctionArn: !GetAtt F.Arn}}";
    for (properties, expected) in [
        ("Routes: {}".to_owned(), "10: W: a WebSocket API needs Routes"),
        ("Routes: {ping-me: {FunctionArn: !GetAtt F.Arn}}".to_owned(), "10: W: the route key \"ping-me\" must be alphanumeric"),
        ("Routes: {$other: {FunctionArn: !GetAtt F.Arn}}".to_owned(), "10: W: the route key \"$other\""),
        (
            "Routes: {sendMsg: {FunctionArn: !GetAtt F.Arn}, sendmsg: {FunctionArn: !GetAtt F.Arn}}".to_owned(),
            "10: W: the routes sendMsg and sendmsg conflict",
        ),
        (
            "Routes: {send: {FunctionArn: arn:aws:lambda:us-east-1:000000000000:function:Gone}}".to_owned(),
            "10: W: FunctionArn names arn:aws:lambda:us-east-1:000000000000:function:Gone, which is not a function",
        ),
        (
            "Routes: {send: {FunctionArn: !GetAtt F.Arn, IntegrationTimeout: 30000}}".to_owned(),
            "10: W: IntegrationTimeout must be between 50 and 29000",
        ),
        ("Routes: {send: {}}".to_owned(), "10: W: send needs FunctionArn"),
        (format!("{good}\n      StageName: $default"), "11: W: a WebSocket API cannot have the stage \"$default\""),
        (format!("{good}\n      Auth: {{AuthType: AWS_IAM}}"), "11: W: AuthType AWS_IAM is not supported locally"),
        (format!("{good}\n      Auth: {{AuthType: CUSTOM}}"), "11: W: Auth needs AuthArn"),
        (
            format!(
                "{good}\n      Auth: {{AuthType: CUSTOM, AuthArn: !GetAtt F.Arn, IdentitySource: [method.request.header.X]}}"
            ),
            "11: W: IdentitySource \"method.request.header.X\"",
        ),
        (
            "Routes: {send: {FunctionArn: !GetAtt F.Arn}}\n      Auth: {AuthType: CUSTOM, AuthArn: !GetAtt F.Arn}".to_owned(),
            "11: W: an authorizer needs a $connect route",
        ),
    ] {
        with_resources(&api(&properties), expected);
    }
    for (text, expected) in [
        (
            "  W:\n    Type: AWS::Serverless::WebSocketApi\n    Properties: {Routes: {}}\n",
            "8: W: Properties needs RouteSelectionExpression",
        ),
        (
            "  R:\n    Type: AWS::ApiGatewayV2::RouteResponse\n    Properties: {RouteId: x, RouteResponseKey: other}\n",
            "8: R: RouteResponseKey must be $default",
        ),
    ] {
        with_resources(text, expected);
    }
}

#[test]
fn stores_that_cannot_be_made_are_refused() {
    for (text, expected) in [
        ("  T: {Type: AWS::DynamoDB::Table, Properties: {KeySchema: []}}\n", "6: T: the table needs AttributeDefinitions"),
        (
            "  B:\n    Type: AWS::S3::Bucket\n    Properties:\n      BucketName: No_Good\n",
            "9: B: \"No_Good\" is not a valid bucket name",
        ),
    ] {
        with_resources(text, expected);
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let error = local::template::load("/nowhere/template.yaml", &std::collections::BTreeMap::new()).unwrap_err();
    assert!(error.to_string().starts_with("/nowhere/template.yaml:1: the file does not exist"), "{error}");
    let folder = tempfile::tempdir().unwrap();
    let error = local::template::load(folder.path(), &std::collections::BTreeMap::new()).unwrap_err();
    assert!(error.to_string().contains(":1: the file cannot be read: "), "{error}");
}
