//! Compares docs/operations.md with the quotas that `make cost` computes, and with what an idle deployment of the template costs.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::template::{read, resources, sections};

#[path = "../../examples/quotas.rs"]
#[expect(dead_code, reason = "its `main` prints what is compared here")]
mod computed;

/// Cents a month of list prices, us-east-1, September 2026: a metric that an alarm watches, a metric of one's own, a dashboard, a secret.
const ALARM_METRIC: usize = 10;
const METRIC: usize = 30;
const DASHBOARD: usize = 300;
const SECRET: usize = 40;

#[test]
fn documented_quotas_are_the_computed_ones() {
    let (operations, computed) = (read("docs/operations.md"), computed::table().expect("counts"));
    let rows: Vec<_> = computed.lines().filter(|line| line.starts_with("| ")).collect();
    assert_eq!(rows.len(), 5, "{computed}");
    for row in rows {
        assert!(operations.contains(row), "docs/operations.md lacks what `make cost` says: {row}");
    }
}

#[test]
fn documented_costs_of_an_idle_month_are_those_of_the_template() {
    let operations = read("docs/operations.md");
    let sections = sections();
    let all = sections["Resources"].as_object().expect("resources");
    // What is made only if a parameter asks for it.
    let optional = |resource: &Value| !matches!(resource["Condition"].as_str(), None | Some("CreatesJwtSecret"));
    let default: Vec<_> = all.values().filter(|resource| !optional(resource)).collect();
    let of = |kind: &str| default.iter().filter(|resource| resource["Type"] == kind).count();
    let watched: usize = default
        .iter()
        .filter(|resource| resource["Type"] == "AWS::CloudWatch::Alarm")
        .map(|alarm| {
            let metrics = alarm["Properties"]["Metrics"].as_array();
            metrics.map_or(1, |metrics| metrics.iter().filter(|metric| metric.get("MetricStat").is_some()).count())
        })
        .sum();
    let telemetry = read("shared/src/telemetry/invocation.rs");
    let (code, _) = telemetry.split_once("#[cfg(test)]").unwrap_or((&telemetry, ""));
    let starts_a_metric = |rest: &&str| matches!(rest.as_bytes(), [b'A'..=b'Z', b'a'..=b'z', ..]);
    let own: BTreeSet<&str> =
        code.split("(\"").skip(1).filter(starts_a_metric).filter_map(|rest| rest.split('"').next()).collect();
    let metrics = own.len() + of("AWS::Logs::MetricFilter");
    let lines = [
        ("metrics that alarms watch", watched, ALARM_METRIC),
        ("metrics of its own", metrics, METRIC),
        ("dashboard", of("AWS::CloudWatch::Dashboard"), DASHBOARD),
        ("secrets", of("AWS::SecretsManager::Secret"), SECRET),
    ];
    let dollars = |cents: usize| format!("{}.{:02}", cents / 100, cents % 100);
    let mut sum = 0;
    for (what, number, price) in lines {
        sum += number * price;
        let row = format!("| {what} | {number} | {} | {} |", dollars(price), dollars(number * price));
        assert!(operations.contains(&row), "docs/operations.md lacks: {row}");
    }
    let row = format!("| together | | | **{}** |", dollars(sum));
    assert!(operations.contains(&row), "docs/operations.md lacks: {row}");
}

/// The quotas that the documents speak of are for the functions that there are.
#[test]
fn the_functions_are_as_many_as_the_documents_say() {
    let functions = resources("AWS::Serverless::Function");
    let interactive = functions.iter().filter(|(_, function)| function["Properties"].get("AutoPublishAlias").is_some()).count();
    let parameters = sections()["Parameters"].clone();
    let description = parameters["InteractiveConcurrency"]["Description"].as_str().unwrap_or_default();
    assert!(description.contains(&format!("each of the {interactive} functions")), "{interactive}: {description}");
}
