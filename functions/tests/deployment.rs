//! Checks what operators rely on: alarms link to the runbook, metrics in use exist, parameters have an effect, and only functions that need the
//! database are in its network.
#![allow(clippy::expect_used, reason = "a test that cannot go on ends there, and says why")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use yaml_serde::Value;

#[path = "../examples/cost.rs"]
#[expect(dead_code, reason = "its `main` prints what is compared here")]
mod cost;

/// AWS metrics that alarms and dashboard read, by namespace, as documented by the services.
const OF_AWS: &[(&str, &[&str])] = &[
    (
        "AWS/ApiGateway",
        &["Count", "4xx", "5xx", "Latency", "ConnectCount", "MessageCount", "IntegrationError", "ExecutionError", "ClientError"],
    ),
    ("AWS/Lambda", &["Invocations", "Throttles", "AsyncEventAge"]),
    ("AWS/SQS", &["ApproximateNumberOfMessagesVisible"]),
    ("AWS/DynamoDB", &["ConsumedReadCapacityUnits", "ConsumedWriteCapacityUnits", "ReadThrottleEvents", "WriteThrottleEvents"]),
    ("AWS/RDS", &["ACUUtilization"]),
];
const OWN: &str = "ConChat/${AWS::StackName}";

#[test]
fn exactly_the_functions_that_read_the_database_are_in_its_network() {
    let template = template();
    for (id, function) in resources(&template, "AWS::Serverless::Function") {
        let variables = &function["Properties"]["Environment"]["Variables"];
        let reads = variables.get("DATABASE_SECRET_ARN").is_some();
        assert_eq!(function["Properties"].get("VpcConfig").is_some(), reads, "{id}");
        assert_eq!(
            rendered(function).contains("CreatesDatabase"),
            reads,
            "{id} does not take the secret of a database of our own"
        );
    }
}

#[test]
fn every_alarm_leads_to_a_section_of_the_runbook_and_every_section_to_an_alarm() {
    let runbook = read("docs/runbook.md");
    let template = template();
    let alarms = resources(&template, "AWS::CloudWatch::Alarm");
    assert!(alarms.len() >= 8, "{}", alarms.len());
    for (id, alarm) in &alarms {
        let heading = runbook.lines().find(|line| line.starts_with("## ") && line.contains(&format!("(`{id}`)")));
        let heading = heading.unwrap_or_else(|| panic!("{id} has no section in docs/runbook.md"));
        let title = heading.trim_start_matches("## ").split(" (").next().unwrap_or_default();
        let description = alarm["Properties"]["AlarmDescription"].as_str().unwrap_or_default();
        assert!(description.contains(&format!("runbook \"{title}\"")), "{id}: {description}");
        assert!(rendered(&alarm["Properties"]["AlarmActions"]).contains("AlarmTopicArn"), "{id} tells nobody");
    }
    for heading in runbook.lines().filter(|line| line.starts_with("## ") && line.contains("(`")) {
        assert!(alarms.iter().any(|(id, _)| heading.contains(id.as_str())), "{heading} is about no alarm");
    }
}

#[test]
fn every_metric_in_use_is_written() {
    let template = template();
    let code = read("shared/src/telemetry/invocation.rs");
    let (written, _) = code.split_once("#[cfg(test)]").unwrap_or((&code, ""));
    let filters = resources(&template, "AWS::Logs::MetricFilter");
    let filtered: BTreeSet<String> =
        filters.iter().map(|(_, filter)| rendered(&filter["Properties"]["MetricTransformations"][0]["MetricName"])).collect();
    let exists = |namespace: &str, name: &str| {
        if namespace == OWN {
            written.contains(&format!("(\"{name}\", ")) || filtered.contains(name)
        } else {
            OF_AWS.iter().any(|(known, names)| *known == namespace && names.contains(&name))
        }
    };
    let mut looked_at = Vec::new();
    for (_, alarm) in resources(&template, "AWS::CloudWatch::Alarm") {
        let properties = &alarm["Properties"];
        let metrics = properties["Metrics"].as_sequence().map_or(&[][..], Vec::as_slice);
        assert!(metrics.iter().filter(|metric| metric.get("MetricStat").is_some()).count() <= 10, "an alarm takes ten metrics");
        let single = metrics.is_empty().then_some(properties);
        for metric in metrics.iter().filter_map(|metric| metric["MetricStat"].get("Metric")).chain(single) {
            looked_at.push((rendered(&metric["Namespace"]), rendered(&metric["MetricName"])));
        }
    }
    looked_at.extend(shown(&template));
    assert!(looked_at.len() > 30, "{}", looked_at.len());
    for (namespace, name) in looked_at {
        assert!(exists(&namespace, &name), "nobody writes {name} in {namespace}");
    }
}

/// Services write a metric only after an event. Without a default, a sum over a missing metric has no value, and the alarm never fires.
#[test]
fn an_alarm_over_several_metrics_counts_those_that_are_missing() {
    let template = template();
    let sums: Vec<_> = resources(&template, "AWS::CloudWatch::Alarm")
        .into_iter()
        .filter_map(|(id, alarm)| {
            Some((id, alarm["Properties"].get("Metrics")?.as_sequence()?.iter().map(rendered).collect::<String>()))
        })
        .collect();
    assert!(sums.len() >= 3, "{sums:?}");
    for (id, metrics) in sums {
        assert!(metrics.contains("SUM(FILL(METRICS(), 0))"), "{id}: {metrics}");
    }
}

#[test]
fn every_parameter_does_something() {
    let text = read("template.yaml");
    let (_, body) = text.split_once("\nRules:").expect("rules after the parameters");
    for (name, _) in template()["Parameters"].as_mapping().expect("parameters") {
        let name = name.as_str().expect("a name");
        let used = [format!("!Ref {name}"), format!("${{{name}}}")];
        let is_used = body.lines().any(|line| {
            used.iter().any(|use_| {
                line.match_indices(use_.as_str())
                    .any(|(at, _)| !line[at + use_.len()..].starts_with(|c: char| c.is_ascii_alphanumeric()))
            })
        });
        assert!(is_used, "{name} does nothing");
    }
}

#[test]
fn every_route_that_is_throttled_by_itself_is_one() {
    let template = template();
    let routes: BTreeSet<String> = resources(&template, "AWS::Serverless::Function")
        .iter()
        .filter_map(|(_, function)| function["Properties"].get("Events")?.as_mapping())
        .flat_map(|events| events.iter().map(|(_, event)| &event["Properties"]))
        .filter_map(|route| Some(format!("{} {}", route.get("Method")?.as_str()?, route["Path"].as_str()?)))
        .collect();
    let throttled = template["Resources"]["HttpApi"]["Properties"]["RouteSettings"].as_mapping().expect("settings");
    for (route, _) in throttled {
        assert!(routes.contains(route.as_str().unwrap_or_default()), "{route:?} is no route");
    }
}

#[test]
fn the_parameters_that_the_operations_explain_are_there() {
    let template = template();
    let operations = read("docs/operations.md");
    let rows =
        operations.lines().skip_while(|line| !line.starts_with("| parameter ")).skip(2).take_while(|line| line.starts_with('|'));
    let named: Vec<_> =
        rows.filter_map(|row| row.split('|').nth(1)).flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
    assert!(named.len() > 8, "{named:?}");
    for name in named {
        assert!(template["Parameters"].get(name).is_some(), "docs/operations.md explains {name}, which is no parameter");
    }
}

#[test]
fn documented_costs_match_the_computed_ones() {
    let (operations, computed) = (read("docs/operations.md"), cost::table());
    let rows: Vec<_> = computed.lines().filter(|line| line.starts_with("| ")).collect();
    assert_eq!(rows.len(), 5, "{computed}");
    for row in rows {
        assert!(operations.contains(row), "docs/operations.md lacks what `make cost` says: {row}");
    }
}

#[test]
fn one_library_encrypts_and_it_is_not_openssl() {
    let asked =
        ["tree", "--offline", "--locked", "--package", "functions", "--edges", "normal", "--prefix", "none", "--format", "{lib}"];
    let told = Command::new(env!("CARGO")).args(asked).output().expect("cargo runs");
    let libraries = String::from_utf8_lossy(&told.stdout);
    let has = |name: &str| libraries.lines().any(|line| line.split(' ').next() == Some(name));
    assert!(has("aws_lc_rs") && has("rustls"), "{libraries}{}", String::from_utf8_lossy(&told.stderr));
    for other in ["aws_lc_fips_sys", "boring_sys", "native_tls", "openssl", "openssl_sys", "ring"] {
        assert!(!has(other), "the functions link {other}");
    }
}

/// Namespace and name of each metric on the dashboard; `.` repeats the preceding value, `...` the preceding row.
fn shown(template: &Value) -> Vec<(String, String)> {
    let body = rendered(&template["Resources"]["Dashboard"]["Properties"]["DashboardBody"]);
    let body: serde_json::Value = serde_json::from_str(&body).expect("the dashboard is JSON");
    let mut all = Vec::new();
    for widget in body["widgets"].as_array().expect("widgets") {
        let mut before = (String::new(), String::new());
        for row in widget["properties"]["metrics"].as_array().map_or(&[][..], Vec::as_slice) {
            let texts: Vec<_> = row.as_array().expect("a row").iter().filter_map(serde_json::Value::as_str).collect();
            if texts != ["..."] {
                let or = |text: &str, old: &str| if text == "." { old.to_owned() } else { text.to_owned() };
                before = (or(texts[0], &before.0), or(texts[1], &before.1));
            }
            all.push(before.clone());
        }
    }
    all
}

fn resources<'a>(template: &'a Value, kind: &str) -> Vec<(String, &'a Value)> {
    let all = template["Resources"].as_mapping().expect("resources");
    let of_kind = all.iter().filter(|(_, resource)| resource["Type"] == kind);
    of_kind.map(|(id, resource)| (id.as_str().unwrap_or_default().to_owned(), resource)).collect()
}

/// The text of a value without its tags; other values as YAML.
fn rendered(value: &Value) -> String {
    match value {
        Value::Tagged(tagged) => rendered(&tagged.value),
        Value::String(text) => text.clone(),
        other => yaml_serde::to_string(other).unwrap_or_default(),
    }
}

fn template() -> Value {
    yaml_serde::from_str(&read("template.yaml")).unwrap_or_else(|error| panic!("{error}"))
}

fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default();
    fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}
