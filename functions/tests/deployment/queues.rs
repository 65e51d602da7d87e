//! Every queue is read by one function within the limits that AWS advises, and what fails ends where an alarm sees it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::template::{intrinsic, read, resources, stack};

/// The event source of a queue.
struct Source {
    function: String,
    properties: Value,
}

/// The queues that functions read, by their ids.
fn sources() -> BTreeMap<String, Vec<Source>> {
    let mut sources: BTreeMap<String, Vec<Source>> = BTreeMap::new();
    for (function, resource) in resources("AWS::Serverless::Function") {
        let events = resource["Properties"]["Events"].as_object().cloned().unwrap_or_default();
        for event in events.into_iter().map(|(_, event)| event).filter(|event| event["Type"] == "SQS") {
            let properties = event["Properties"].clone();
            let source = Source { function: function.clone(), properties };
            sources.entry(target(&source.properties["Queue"])).or_default().push(source);
        }
    }
    sources
}

/// The id of the resource that a reference means.
fn target(value: &Value) -> String {
    let Some((name, given)) = intrinsic(value) else { panic!("{value} is no reference") };
    let id = if name == "Fn::GetAtt" { &given[0] } else { given };
    id.as_str().unwrap_or_else(|| panic!("{value}")).to_owned()
}

fn queues() -> BTreeMap<String, Value> {
    resources("AWS::SQS::Queue").into_iter().map(|(id, queue)| (id, queue["Properties"].clone())).collect()
}

/// The queues that an alarm watches, and whether it is raised by the first message.
fn watched() -> BTreeMap<String, bool> {
    let mut watched = BTreeMap::new();
    for (_, alarm) in resources("AWS::CloudWatch::Alarm") {
        let properties = &alarm["Properties"];
        let by_the_first = properties["Threshold"] == 0 && properties["EvaluationPeriods"] == 1;
        let metrics = properties["Metrics"].as_array().map_or(&[][..], Vec::as_slice);
        let several = metrics.iter().filter_map(|metric| metric["MetricStat"].get("Metric"));
        for metric in several.chain([properties]).filter(|metric| metric["Namespace"] == "AWS/SQS") {
            watched.insert(target(&metric["Dimensions"][0]["Value"]), by_the_first);
        }
    }
    watched
}

#[test]
fn every_queue_is_read_by_one_function_in_batches_whose_failures_come_back_alone() {
    let (sources, queues, stack) = (sources(), queues(), stack());
    assert_eq!(sources.len(), 3, "presence, notify and fanout");
    for (queue, of) in sources {
        let [Source { function, properties }] = of.as_slice() else { panic!("{queue} is read by {} functions", of.len()) };
        assert_eq!(properties["FunctionResponseTypes"], serde_json::json!(["ReportBatchItemFailures"]), "{function}");
        assert_eq!(target(&properties["ScalingConfig"]["MaximumConcurrency"]), "QueueConcurrency", "{function}");
        assert_eq!(properties["BatchSize"], 10, "shared::edge::queue_events serves as many side by side");
        let visibility = queues[&queue]["VisibilityTimeout"].as_u64().unwrap_or_default();
        let timeout = u64::from(stack.functions[function].timeout);
        assert!(visibility >= 6 * timeout, "{queue}: {visibility} s; AWS advises six times the {timeout} s of {function}");
        let mapping = stack.event_sources.iter().find(|source| source.function == *function);
        assert_eq!(mapping.map(|source| (source.reports_failures, source.maximum_concurrency)), Some((true, Some(2))));
    }
}

/// A message that came back may not be too old to be served, or its failure would pass unseen.
#[test]
fn what_comes_back_is_still_served() {
    let queues = queues();
    // Busy push services are tried again after two minutes at most.
    let longest_delay = 120;
    for (queue, work) in [
        ("PresenceQueue", functions::presence::WORK),
        ("NotifyQueue", functions::notify::WORK),
        ("FanoutQueue", functions::fanout::WORK),
    ] {
        let properties = &queues[queue];
        let number = |value: &Value| value.as_u64().expect("a number");
        let rounds = number(&properties["RedrivePolicy"]["maxReceiveCount"]) - 1;
        let oldest = longest_delay + number(&properties["VisibilityTimeout"]) * rounds;
        assert!(work.max_age.is_none_or(|most| most.as_secs() > oldest), "{queue}: the last attempt comes after {oldest} s");
        assert!(number(&properties["MessageRetentionPeriod"]) > oldest, "{queue}");
    }
}

#[test]
fn what_fails_five_times_is_a_dead_letter_that_raises_an_alarm() {
    let (sources, queues, watched) = (sources(), queues(), watched());
    let mut dead_letters = BTreeSet::new();
    for queue in sources.keys() {
        let policy = &queues[queue]["RedrivePolicy"];
        // AWS's advice, because a receive whose invocation is throttled counts.
        assert_eq!(policy["maxReceiveCount"], 5, "{queue}");
        dead_letters.insert(target(&policy["deadLetterTargetArn"]));
        assert!(watched.contains_key(queue), "no alarm is raised when {queue} fills up");
    }
    for (_, function) in resources("AWS::Serverless::Function") {
        let failures = &function["Properties"]["EventInvokeConfig"]["DestinationConfig"]["OnFailure"]["Destination"];
        if !failures.is_null() {
            dead_letters.insert(target(failures));
        }
    }
    let unread: BTreeSet<_> = queues.keys().filter(|queue| !sources.contains_key(*queue)).cloned().collect();
    assert_eq!(unread, dead_letters, "left: queues without a reader, right: queues of what failed");
    for (id, queue) in &queues {
        assert_eq!(queue["SqsManagedSseEnabled"], true, "{id}");
        if dead_letters.contains(id) {
            assert_eq!(queue["MessageRetentionPeriod"], 1_209_600, "{id} keeps letters for two weeks, the longest time");
            assert_eq!(watched.get(id), Some(&true), "no alarm is raised by the first message in {id}");
        }
    }
}

/// Functions that work behind others wait in queues, so their code has no reason to sleep.
#[test]
fn nothing_sleeps_where_a_queue_can_wait() {
    for file in [
        "shared/src/domain/people/presence.rs",
        "shared/src/domain/notifications/mod.rs",
        "shared/src/domain/auth/session_closings.rs",
        "shared/src/domain/fanout.rs",
        "shared/src/push/audience.rs",
        "shared/src/push/web/mod.rs",
    ] {
        assert!(!read(file).contains("sleep("), "{file} sleeps");
    }
}
