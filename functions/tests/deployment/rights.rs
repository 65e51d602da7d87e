//! Compares the permissions in template.yaml with this list. No permission covers more than one resource.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::template::{intrinsic, resources, stack};

/// Permitted actions on a resource.
type Right = (&'static str, &'static [&'static str]);

/// Permissions besides secrets, which follow from the environment: resource, then actions.
const RIGHTS: &[(&str, &[Right])] = &[
    ("admin", SEND),
    (
        "auth",
        &[
            ("ConnectionsTable", FIND_AND_FORGET),
            ("RoomSocketsTable", FORGET),
            ("EphemeralTable", &["PutItem", "UpdateItem"]),
            ("WebSocketApi", SOCKETS),
            ("PresenceFunction", INVOKE),
            ("PresenceQueue", QUEUE),
        ],
    ),
    ("authorizer", &[("EphemeralTable", &["DeleteItem", "UpdateItem"])]),
    ("connect", SEND),
    (
        "disconnect",
        &[
            ("ConnectionsTable", &["UpdateItem"]),
            ("RoomSocketsTable", FORGET),
            ("EphemeralTable", &["UpdateItem"]),
            ("PresenceFunction", INVOKE),
            ("PresenceQueue", QUEUE),
        ],
    ),
    (
        "fanout",
        &[
            ("ConnectionsTable", FIND_AND_FORGET),
            ("RoomSocketsTable", FIND_AND_WRITE),
            ("EphemeralTable", &["GetItem", "UpdateItem"]),
            ("WebSocketApi", SOCKETS),
            ("PresenceFunction", INVOKE),
            ("PresenceQueue", QUEUE),
            ("FanoutQueue", QUEUE),
            ("NotifyQueue", QUEUE),
        ],
    ),
    (
        "friends",
        &[
            ("ConnectionsTable", FIND_AND_FORGET),
            ("RoomSocketsTable", FORGET),
            ("EphemeralTable", &["UpdateItem"]),
            ("WebSocketApi", SOCKETS),
            ("PresenceFunction", INVOKE),
            ("PresenceQueue", QUEUE),
        ],
    ),
    (
        "presence",
        &[
            ("ConnectionsTable", FIND_AND_FORGET),
            ("RoomSocketsTable", FORGET),
            ("EphemeralTable", &["GetItem", "UpdateItem"]),
            ("WebSocketApi", SOCKETS),
            ("PresenceQueue", QUEUE),
        ],
    ),
    ("messages", SEND_AND_NOTIFY),
    ("migrate", &[]),
    ("notify", &[("ConnectionsTable", &["BatchGetItem"]), ("EphemeralTable", &["UpdateItem"]), ("NotifyQueue", QUEUE)]),
    ("rooms", SEND),
    ("send", SEND_AND_NOTIFY),
    (
        "sweep",
        &[
            ("MediaBucket/avatars", &["DeleteObject"]),
            ("MediaBucket/pending", &["DeleteObject"]),
            ("MediaBucket/thumbs", &["DeleteObject"]),
            ("MediaBucket/uploads", &["DeleteObject"]),
            ("ConnectionsTable", FIND_AND_FORGET),
            ("RoomSocketsTable", FIND_AND_WRITE),
            ("EphemeralTable", &["UpdateItem"]),
            ("WebSocketApi", SOCKETS),
            ("FanoutFunction", INVOKE),
            ("PresenceFunction", INVOKE),
            ("PresenceQueue", QUEUE),
            ("FanoutQueue", QUEUE),
        ],
    ),
    (
        "system",
        &[
            ("ConnectionsTable", &["GetItem"]),
            ("RoomSocketsTable", &["GetItem"]),
            ("EphemeralTable", &["GetItem"]),
            ("MediaBucket", &["ListBucket"]),
        ],
    ),
    (
        "uploads",
        &[
            ("MediaBucket", &["ListBucket"]),
            ("MediaBucket/avatars", OBJECTS),
            ("MediaBucket/pending", OBJECTS),
            ("MediaBucket/thumbs", OBJECTS),
            ("MediaBucket/uploads", &["AbortMultipartUpload", "DeleteObject", "GetObject", "PutObject"]),
            ("ConnectionsTable", FIND_AND_FORGET),
            ("RoomSocketsTable", FORGET),
            ("EphemeralTable", &["UpdateItem"]),
            ("WebSocketApi", SOCKETS),
            ("PresenceFunction", INVOKE),
            ("PresenceQueue", QUEUE),
        ],
    ),
    ("users", SEND),
];
const FIND_AND_FORGET: &[&str] = &["BatchGetItem", "UpdateItem"];
const FIND_AND_WRITE: &[&str] = &["BatchWriteItem", "Query"];
const FORGET: &[&str] = &["BatchWriteItem"];
const OBJECTS: &[&str] = &["DeleteObject", "GetObject", "PutObject"];
const SOCKETS: &[&str] = &["ManageConnections DELETE", "ManageConnections POST"];
/// Functions that join, leave or write send to whole rooms of any size.
const SEND: &[Right] = &[
    ("ConnectionsTable", FIND_AND_FORGET),
    ("RoomSocketsTable", FIND_AND_WRITE),
    ("EphemeralTable", &["UpdateItem"]),
    ("WebSocketApi", SOCKETS),
    ("FanoutFunction", INVOKE),
    ("PresenceFunction", INVOKE),
    ("PresenceQueue", QUEUE),
    ("FanoutQueue", QUEUE),
];
/// Functions that write messages have absent members notified.
const SEND_AND_NOTIFY: &[Right] = &[
    ("ConnectionsTable", FIND_AND_FORGET),
    ("RoomSocketsTable", FIND_AND_WRITE),
    ("EphemeralTable", &["UpdateItem"]),
    ("WebSocketApi", SOCKETS),
    ("FanoutFunction", INVOKE),
    ("PresenceFunction", INVOKE),
    ("NotifyFunction", INVOKE),
    ("PresenceQueue", QUEUE),
    ("FanoutQueue", QUEUE),
    ("NotifyQueue", QUEUE),
];
/// On `presence` and `notify` for the code of release 0.1.0, which runs with these rights until its deployment is over.
const INVOKE: &[&str] = &["InvokeFunction"];
const QUEUE: &[&str] = &["SendMessage"];

#[test]
fn each_function_may_do_what_it_does_and_nothing_else() {
    for (id, binary, statements) in policies() {
        let rights = RIGHTS.iter().find(|(name, _)| *name == binary).unwrap_or_else(|| panic!("{id} has no entry in RIGHTS"));
        let mut expected: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (resource, actions) in rights.1 {
            expected.insert((*resource).to_owned(), actions.iter().map(|action| (*action).to_owned()).collect());
        }
        let secrets = [
            ("DATABASE_SECRET_ARN", "DatabaseSecretArn"),
            ("JWT_SECRET_ARN", "JwtSecretArn"),
            ("VAPID_SECRET_ARN", "VapidSecret"),
            ("EDGE_SECRET_ARN", "EdgeSecret"),
        ];
        for (variable, secret) in secrets {
            if stack().functions[&id].environment.contains_key(variable) {
                expected.insert(secret.to_owned(), BTreeSet::from(["GetSecretValue".to_owned()]));
            }
        }
        assert_eq!(statements, expected, "left: what {id} may do in template.yaml, right: what it needs");
    }
}

/// The permissions of each function: resources, and actions without their service.
fn policies() -> Vec<(String, String, BTreeMap<String, BTreeSet<String>>)> {
    let stack = stack();
    let mut all = Vec::new();
    for (id, resource) in resources("AWS::Serverless::Function") {
        let mut rights: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let policies = &resource["Properties"]["Policies"];
        for statement in list(policies).iter().flat_map(|policy| list(&policy["Statement"])) {
            // A right that only some deployments have.
            let statement = if let Some(("Fn::If", branches)) = intrinsic(statement) { &branches[1] } else { statement };
            assert_eq!(texts(&statement["Effect"]), ["Allow"], "{id}");
            for resource in texts(&statement["Resource"]) {
                let method =
                    ["POST", "DELETE"].into_iter().find(|method| resource.ends_with(&format!("/{method}/@connections/*")));
                let about = match method {
                    Some(_) => "WebSocketApi".to_owned(),
                    // `${Bucket.Arn}/folder/*` is a folder of the bucket.
                    None => resource.trim_end_matches("/*").replace(".Arn", "").replace(['$', '{', '}'], ""),
                };
                assert!(!about.contains('*'), "{id} may touch {resource}");
                for action in texts(&statement["Action"]) {
                    let action = action.split_once(':').map_or(action.as_str(), |(_, action)| action).to_owned();
                    assert!(!action.contains('*'), "{id} may do {action}");
                    let action = method.map_or(action.clone(), |method| format!("{action} {method}"));
                    rights.entry(about.clone()).or_default().insert(action);
                }
            }
        }
        let binary = stack.functions[&id].binary.clone();
        all.push((id, binary, rights));
    }
    all
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// The text of a value or of a list's items; intrinsic functions yield their argument.
fn texts(value: &Value) -> Vec<String> {
    match intrinsic(value) {
        // Parameters for deployments with their own resources.
        Some(("Fn::If", branches)) => return texts(&branches[2]),
        Some(("Fn::GetAtt", attribute)) => return texts(&attribute[0]),
        Some((_, given)) => return texts(given),
        None => {}
    }
    match value {
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::String(text) => vec![text.clone()],
        other => panic!("neither a text nor a list of texts: {other:?}"),
    }
}
