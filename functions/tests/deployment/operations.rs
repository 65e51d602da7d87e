//! Checks what operators rely on: alarms link to the runbook, metrics in use exist, parameters have an effect, and only functions that need the
//! database are in its network.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

use crate::template::{intrinsic, read, resources, sections};

#[path = "../../examples/cost.rs"]
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
    ("AWS/RDS", &["ACUUtilization", "DatabaseConnections"]),
];
const OWN: &str = "ConChat/${AWS::StackName}";

#[test]
fn exactly_the_functions_that_read_the_database_are_in_its_network() {
    for (id, function) in resources("AWS::Serverless::Function") {
        let variables = &function["Properties"]["Environment"]["Variables"];
        let reads = variables.get("DATABASE_SECRET_ARN").is_some();
        assert_eq!(function["Properties"].get("VpcConfig").is_some(), reads, "{id}");
        assert_eq!(
            rendered(&function).contains("CreatesDatabase"),
            reads,
            "{id} does not take the secret of a database of our own"
        );
    }
}

#[test]
fn every_alarm_leads_to_a_section_of_the_runbook_and_every_section_to_an_alarm() {
    let runbook = read("docs/runbook.md");
    let alarms = resources("AWS::CloudWatch::Alarm");
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
    let code = read("shared/src/telemetry/invocation.rs");
    let (written, _) = code.split_once("#[cfg(test)]").unwrap_or((&code, ""));
    let filters = resources("AWS::Logs::MetricFilter");
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
    for (_, alarm) in resources("AWS::CloudWatch::Alarm") {
        let properties = &alarm["Properties"];
        let metrics = properties["Metrics"].as_array().map_or(&[][..], Vec::as_slice);
        assert!(metrics.iter().filter(|metric| metric.get("MetricStat").is_some()).count() <= 10, "an alarm takes ten metrics");
        let single = metrics.is_empty().then_some(properties);
        for metric in metrics.iter().filter_map(|metric| metric["MetricStat"].get("Metric")).chain(single) {
            looked_at.push((rendered(&metric["Namespace"]), rendered(&metric["MetricName"])));
        }
    }
    looked_at.extend(shown());
    assert!(looked_at.len() > 30, "{}", looked_at.len());
    for (namespace, name) in looked_at {
        assert!(exists(&namespace, &name), "nobody writes {name} in {namespace}");
    }
}

/// Services write a metric only after an event. Without a default, a sum over a missing metric has no value, and the alarm never fires.
#[test]
fn an_alarm_over_several_metrics_counts_those_that_are_missing() {
    let sums: Vec<_> = resources("AWS::CloudWatch::Alarm")
        .into_iter()
        .filter_map(|(id, alarm)| {
            Some((id, alarm["Properties"].get("Metrics")?.as_array()?.iter().map(rendered).collect::<String>()))
        })
        .collect();
    assert!(sums.len() >= 3, "{sums:?}");
    for (id, metrics) in sums {
        assert!(metrics.contains("SUM(FILL(METRICS(), 0))"), "{id}: {metrics}");
    }
}

#[test]
fn every_parameter_does_something() {
    let sections = sections();
    let used: String = ["Conditions", "Globals", "Resources", "Outputs"].map(|section| sections[section].to_string()).concat();
    for name in sections["Parameters"].as_object().expect("parameters").keys() {
        let is_used = used.contains(&format!("{{\"Ref\":\"{name}\"}}")) || used.contains(&format!("${{{name}}}"));
        assert!(is_used, "{name} does nothing");
    }
}

#[test]
fn every_anchor_of_the_template_is_shared() {
    let text = read("template.yaml");
    let names = |sign: char| {
        let lines =
            text.lines().map(|line| line.split(" # ").next().unwrap_or_default()).filter(|line| !line.trim().starts_with('#'));
        let words: Vec<_> =
            lines.flat_map(|line| line.split([' ', '[', ']', '}', ','])).filter_map(|word| word.strip_prefix(sign)).collect();
        words
            .into_iter()
            .filter(|name| name.chars().all(|c| c.is_ascii_lowercase() || c == '_') && !name.is_empty())
            .collect::<Vec<_>>()
    };
    let (anchors, aliases) = (names('&'), names('*'));
    assert!(anchors.len() > 10, "{anchors:?}");
    for anchor in anchors {
        let times = aliases.iter().filter(|alias| **alias == anchor).count();
        assert!(times > 1, "&{anchor} is used {times} times: what is not shared stands where it is used");
    }
}

#[test]
fn every_route_that_is_throttled_by_itself_is_one() {
    let functions = resources("AWS::Serverless::Function");
    let routes: BTreeSet<String> = functions
        .iter()
        .filter_map(|(_, function)| function["Properties"].get("Events")?.as_object())
        .flat_map(|events| events.values().map(|event| &event["Properties"]))
        .filter_map(|route| Some(format!("{} {}", route.get("Method")?.as_str()?, route["Path"].as_str()?)))
        .collect();
    let (_, api) = resources("AWS::Serverless::HttpApi").remove(0);
    let throttled = api["Properties"]["RouteSettings"].as_object().expect("settings");
    assert!(throttled.len() > 5, "{throttled:?}");
    for route in throttled.keys() {
        assert!(routes.contains(route), "{route:?} is no route");
    }
}

#[test]
fn the_parameters_that_the_operations_explain_are_there() {
    let sections = sections();
    let operations = read("docs/operations.md");
    let rows =
        operations.lines().skip_while(|line| !line.starts_with("| parameter ")).skip(2).take_while(|line| line.starts_with('|'));
    let named: Vec<_> =
        rows.filter_map(|row| row.split('|').nth(1)).flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
    assert!(named.len() > 8, "{named:?}");
    for name in named {
        assert!(sections["Parameters"].get(name).is_some(), "docs/operations.md explains {name}, which is no parameter");
    }
}

#[test]
fn documented_costs_match_the_computed_ones() {
    let (frames, dollars) = (cost::frames().expect("the counts"), cost::dollars().expect("the counts"));
    for (document, computed, expected) in [("docs/measured.md", frames, 8), ("docs/operations.md", dollars, 10)] {
        let text = read(document);
        let rows: Vec<_> = computed.lines().filter(|line| line.starts_with("| ")).collect();
        assert_eq!(rows.len(), expected, "{computed}");
        for row in rows {
            assert!(text.contains(row), "{document} lacks what `make cost` says: {row}");
        }
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
fn shown() -> Vec<(String, String)> {
    let (_, dashboard) = resources("AWS::CloudWatch::Dashboard").remove(0);
    let body: Value = serde_json::from_str(&rendered(&dashboard["Properties"]["DashboardBody"])).expect("the dashboard is JSON");
    let mut all = Vec::new();
    for widget in body["widgets"].as_array().expect("widgets") {
        let mut before = (String::new(), String::new());
        for row in widget["properties"]["metrics"].as_array().map_or(&[][..], Vec::as_slice) {
            let texts: Vec<_> = row.as_array().expect("a row").iter().filter_map(Value::as_str).collect();
            if texts != ["..."] {
                let or = |text: &str, old: &str| if text == "." { old.to_owned() } else { text.to_owned() };
                before = (or(texts[0], &before.0), or(texts[1], &before.1));
            }
            all.push(before.clone());
        }
    }
    all
}

/// The text of a value without its intrinsic function; other values as JSON.
fn rendered(value: &Value) -> String {
    match (intrinsic(value), value) {
        (Some((_, given)), _) => rendered(given),
        (None, Value::String(text)) => text.clone(),
        (None, other) => other.to_string(),
    }
}
