//! Checks that a release reaches what people call, step by step and back again, and that the stack's own secrets are ones that the functions take.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use shared::config::Secret;
use shared::domain::auth::tokens::TokenKeys;

use crate::template::{Parameter, intrinsic, parameters_of, read, references, resources, sections, stack, stack_with};

/// Properties of a function that a published version keeps. Reserved instances and rights belong to the function itself.
const VERSIONED: &[&str] =
    &["Architectures", "Environment", "LoggingConfig", "MemorySize", "Runtime", "Timeout", "Tracing", "VpcConfig"];

/// The logical ids of functions that an API calls, and of its authorizers.
fn called() -> BTreeSet<String> {
    let stack = stack();
    let routes = stack.http_apis.values().flat_map(|api| &api.routes).map(|route| route.function.clone());
    let sockets = stack.websocket_apis.values();
    let frames = sockets.clone().flat_map(|api| api.routes.values()).map(|route| route.function.clone());
    let authorizers = sockets.filter_map(|api| api.authorizer.as_ref()).map(|authorizer| authorizer.function.clone());
    routes.chain(frames).chain(authorizers).collect()
}

#[test]
fn exactly_the_functions_that_people_wait_for_are_released_by_an_alias() {
    let called = called();
    assert!(called.len() >= 12, "{called:?}");
    let alarms: BTreeSet<String> = resources("AWS::CloudWatch::Alarm").into_iter().map(|(id, _)| id).collect();
    for (id, function) in resources("AWS::Serverless::Function") {
        let properties = &function["Properties"];
        if !called.contains(&id) {
            for property in ["AutoPublishAlias", "DeploymentPreference"] {
                assert!(
                    properties.get(property).is_none(),
                    "{id} is called without an alias, so {property} would change nothing"
                );
            }
            continue;
        }
        assert_eq!(properties["AutoPublishAlias"], "live", "{id}");
        assert_eq!(properties["AutoPublishAliasAllProperties"], true, "{id}");
        let preference = &properties["DeploymentPreference"];
        assert_eq!(preference["Enabled"], json!({"Ref": "GradualReleases"}), "{id}");
        assert_eq!(preference["Type"], json!({"Ref": "ReleaseType"}), "{id}");
        let triggers = references(&preference["Alarms"]);
        assert!(triggers.len() >= 3 && triggers.is_subset(&alarms), "{id}: {triggers:?}");
    }
}

/// An alias needs its deployment group, which needs the alarms: an alarm about the HTTP API would need the aliases that its routes call.
#[test]
fn no_alarm_that_takes_a_release_back_is_about_the_http_api() {
    let alarms = resources("AWS::CloudWatch::Alarm");
    for (id, function) in resources("AWS::Serverless::Function") {
        for trigger in references(&function["Properties"]["DeploymentPreference"]["Alarms"]) {
            let (_, alarm) = alarms.iter().find(|(alarm, _)| *alarm == trigger).expect("an alarm");
            assert!(!references(alarm).contains("HttpApi"), "{id}: {trigger}");
        }
    }
}

/// The parameters and resources that decide about a value: those that it refers to, and those of its conditions.
fn deciding(value: &Value) -> BTreeSet<String> {
    let mut all = references(value);
    let nested: Vec<&Value> = match value {
        Value::Array(items) => items.iter().collect(),
        Value::Object(object) => object.values().collect(),
        _ => Vec::new(),
    };
    all.extend(nested.into_iter().flat_map(deciding));
    let condition = match intrinsic(value) {
        Some(("Fn::If", branches)) => branches[0].as_str(),
        Some(("Condition", name)) => name.as_str(),
        _ => None,
    };
    all.extend(condition.map(|name| deciding(&sections()["Conditions"][name])).unwrap_or_default());
    all
}

#[test]
fn sockets_call_aliases() {
    let (_, api) = resources("AWS::Serverless::WebSocketApi").remove(0);
    let properties = &api["Properties"];
    let routes = properties["Routes"].as_object().expect("routes");
    let functions = routes.values().map(|route| &route["FunctionArn"]).chain([&properties["Auth"]["AuthArn"]]);
    for function in functions {
        let alias = intrinsic(function).filter(|(name, _)| *name == "Ref").and_then(|(_, target)| target.as_str());
        assert!(alias.is_some_and(|alias| alias.ends_with("Function.Alias")), "{function} is called without an alias");
    }
}

/// SAM publishes a version when a function's text in the template changes, and a parameter's value is not in that text.
#[test]
fn every_setting_of_a_function_with_an_alias_is_in_the_digest_of_its_version() {
    let functions = resources("AWS::Serverless::Function");
    let names: BTreeSet<&str> = functions.iter().map(|(id, _)| id.as_str()).collect();
    let (_, release) = resources("Custom::Release").remove(0);
    let inputs = deciding(&release["Properties"]["Inputs"]);
    let globals = sections()["Globals"]["Function"].clone();
    for (id, function) in &functions {
        let properties = &function["Properties"];
        if properties.get("AutoPublishAlias").is_none() {
            continue;
        }
        assert_eq!(properties["VersionDescription"], json!({"Fn::GetAtt": ["Release", "Digest"]}), "{id}");
        let description = properties["Description"]["Fn::Sub"].as_str().unwrap_or_default();
        assert!(description.ends_with(" Release ${Release.Digest}."), "{id}: Lambda publishes no version of an equal function");
        for property in VERSIONED {
            for name in [&globals, properties].into_iter().flat_map(|of| deciding(&of[property])) {
                let is_known = inputs.contains(&name) || names.contains(name.as_str());
                assert!(is_known, "{id}: {property} refers to {name}, which is not among the Inputs of Release");
            }
        }
    }
}

/// A version that a failed deployment left would be equal to that of the next attempt, and Lambda would refuse to publish it.
#[test]
fn no_version_outlives_its_deployment() {
    for (id, function) in resources("AWS::Serverless::Function") {
        let properties = &function["Properties"];
        if properties.get("AutoPublishAlias").is_some() {
            assert_eq!(properties["VersionDeletionPolicy"], "Delete", "{id}");
        }
    }
}

#[test]
fn a_deployment_needs_no_secret_that_signs_tokens() {
    let generated = stack();
    let own = "arn:aws:secretsmanager:us-east-1:000000000000:secret:conchat/jwt-AbCdEf";
    let given = stack_with(&[Parameter("JwtSecretArn", own)]);
    let variable = |stack: &local::stack::Stack| stack.functions["AuthFunction"].environment["JWT_SECRET_ARN"].clone();
    assert!(variable(&generated).contains(":secret:JwtSecret-"), "{}", variable(&generated));
    assert_eq!(variable(&given), own);
}

#[test]
fn the_secrets_that_the_stack_makes_are_ones_that_the_functions_take() {
    for id in ["JwtSecret", "VapidSecret"] {
        let secrets = resources("AWS::SecretsManager::Secret");
        let (_, secret) = secrets.iter().find(|(secret, _)| secret == id).expect("a secret");
        let rule = &secret["Properties"]["GenerateSecretString"];
        // Commas and colons separate keys from each other and from their names.
        assert_eq!(rule["ExcludePunctuation"], true, "{id}");
        assert_eq!(secret["DeletionPolicy"], "RetainExceptOnCreate", "{id}");
        let length = rule["PasswordLength"].as_u64().and_then(|length| usize::try_from(length).ok()).expect("a length");
        let mut random = fastrand::Rng::with_seed(16);
        for _ in 0..1000 {
            let text: String = std::iter::repeat_with(|| random.alphanumeric()).take(length).collect();
            TokenKeys::new(&Secret::new(text.as_str()), true).unwrap_or_else(|error| panic!("{id}: {text}: {error}"));
        }
    }
}

#[test]
fn a_deployment_of_prod_is_gradual_and_one_of_dev_is_not() {
    assert_eq!(parameters_of("prod").get("GradualReleases").map(String::as_str), Some("true"));
    assert_eq!(parameters_of("dev").get("GradualReleases"), None);
    let sections = sections();
    assert_eq!(sections["Parameters"]["GradualReleases"]["Default"], "false");
    let config = read("samconfig.toml");
    for environment in ["dev", "prod"] {
        let section = config.split(&format!("[{environment}.deploy.parameters]\n")).nth(1).expect("a section");
        let section = section.split("\n[").next().unwrap_or_default();
        assert!(
            section.lines().any(|line| line.starts_with("tags = ") && line.contains(&format!("stage={environment}"))),
            "{section}"
        );
        for name in parameters_of(environment).keys() {
            assert!(sections["Parameters"].get(name).is_some(), "{name} of {environment} is no parameter");
        }
    }
}
