//! Rules of a template, and the aliases that SAM publishes for functions.

use crate::template::{loaded, read};

const RULES: &str = "
Parameters:
  Make: {Type: String, Default: 'false'}
  Subnets: {Type: CommaDelimitedList, Default: ''}
  Stage: {Type: String, Default: ws}
Rules:
  Network:
    Assertions:
      - Assert: !Or [!Equals [!Ref Make, 'false'], !EachMemberEquals [!Ref Subnets, '']]
        AssertDescription: Make makes the subnets.
      - Assert: !Or [!And [!Equals [a, b], !Equals [a, a]], !EachMemberIn [!Ref Subnets, ['', a, b, d]]]
        AssertDescription: Only these subnets.
  Paths:
    RuleCondition: !Equals [!Ref Make, 'true']
    Assertions:
      - Assert: !Not [!Contains [[docs, health], !Ref Stage]]
        AssertDescription: The stage is taken.
Resources: {}
";

#[test]
fn an_assertion_about_parameters_that_does_not_hold_is_the_error() {
    for good in [&[][..], &["Subnets=a,b"], &["Make=true"], &["Stage=docs"]] {
        loaded(RULES, good);
    }
    for (bad, expected) in [
        (&["Make=true", "Subnets=a"][..], "Network: Make makes the subnets."),
        (&["Subnets=a,c"], "Network: Only these subnets."),
        (&["Make=true", "Stage=docs"], "Paths: The stage is taken."),
    ] {
        let error = read(RULES, bad).expect_err(expected).to_string();
        assert!(error.ends_with(expected), "{error}");
    }
}

#[test]
fn a_rule_that_cannot_be_evaluated_is_an_error() {
    for (rule, expected) in [
        ("{}", "the rule needs Assertions"),
        ("{Assertions: [{}]}", "the assertion needs an Assert"),
        ("{Assertions: [{Assert: yes}]}", "an assertion is a function"),
        ("{Assertions: [{Assert: !Condition C}]}", "Condition with these arguments is not supported in a rule"),
        ("{Assertions: [{Assert: !Contains [text, a]}]}", "a rule needs a list here"),
    ] {
        let error = read(&format!("Rules:\n  R: {rule}\nResources: {{}}\n"), &[]).expect_err(expected).to_string();
        assert!(error.contains(&format!("R: {expected}")), "{error}");
    }
}

#[test]
fn an_alias_is_published_only_where_it_is_asked_for() {
    let template = |properties: &str| {
        format!(
            "Resources:
  Connect:
    Type: AWS::Serverless::Function
    Metadata: {{BuildProperties: {{Binary: connect}}}}
    Properties: {{{properties}}}
  Sockets:
    Type: AWS::Serverless::WebSocketApi
    Properties:
      RouteSelectionExpression: $request.body.action
      StageName: ws
      Routes: {{$connect: {{FunctionArn: !Ref Connect.Alias}}}}
"
        )
    };
    let stack = loaded(&template("AutoPublishAlias: live"), &[]);
    assert_eq!(stack.websocket_apis["Sockets"].routes["$connect"].function, "Connect");
    let error = read(&template("Timeout: 3"), &[]).expect_err("no alias").to_string();
    assert!(error.contains("no parameter or resource is named Connect.Alias"), "{error}");
}
