//! Names of services against AWS's own endpoint rules, which `scripts/endpoints.py` takes from botocore.

use std::collections::BTreeSet;

use serde::Deserialize;
use shared::config::{EndpointVariant, Service};

/// A service in the regions of one rule.
#[derive(Deserialize)]
struct Row {
    service: String,
    partition: String,
    /// Without dual stack and FIPS, with FIPS, with dual stack, with both; none where AWS has no such endpoint.
    hosts: [Option<String>; 4],
    /// Separated by spaces.
    regions: String,
}

const VARIANTS: [EndpointVariant; 4] = [
    EndpointVariant { dual_stack: false, fips: false },
    EndpointVariant { dual_stack: false, fips: true },
    EndpointVariant { dual_stack: true, fips: false },
    EndpointVariant { dual_stack: true, fips: true },
];

fn rows() -> Vec<Row> {
    serde_json::from_str(include_str!("fixtures/endpoints.json")).expect("rows")
}

#[test]
fn every_name_of_every_service_is_that_of_aws() {
    let (mut partitions, mut compared) = (BTreeSet::new(), 0);
    for row in rows() {
        let Some(service) = Service::ALL.into_iter().find(|service| service.name() == row.service) else { continue };
        for region in row.regions.split(' ') {
            for (host, variant) in row.hosts.iter().zip(VARIANTS) {
                let Some(host) = host else { continue };
                assert_eq!(service.host(region, variant), host.replace("{region}", region), "{} {variant:?}", row.partition);
                compared += 1;
            }
        }
        partitions.insert((row.service, row.partition));
    }
    assert_eq!(partitions.len(), Service::ALL.len() * 8, "{partitions:?}");
    assert!(compared > 900, "{compared}");
}

/// The SDK makes the names of its services itself; it has a copy of the same rules.
#[tokio::test]
async fn the_sdk_makes_the_same_names() {
    let mut compared = 0;
    for row in rows() {
        for region in row.regions.split(' ') {
            for (host, variant) in row.hosts.iter().zip(VARIANTS) {
                let Some(host) = host else { continue };
                let (made, expected) = match row.service.as_str() {
                    "dynamodb" => (of_dynamodb(region, variant).await, host.clone()),
                    "s3" => (of_s3(region, variant).await, format!("media.{host}")),
                    _ => continue,
                };
                assert_eq!(made, format!("https://{}", expected.replace("{region}", region)), "{region} {variant:?}");
                compared += 1;
            }
        }
    }
    assert!(compared > 350, "{compared}");
}

async fn of_dynamodb(region: &str, EndpointVariant { dual_stack, fips }: EndpointVariant) -> String {
    use aws_sdk_dynamodb::config::endpoint::{DefaultResolver, Params, ResolveEndpoint as _};
    let params = Params::builder().region(region).use_dual_stack(dual_stack).use_fips(fips).build().expect("parameters");
    DefaultResolver::new().resolve_endpoint(&params).await.expect("an endpoint").url().to_owned()
}

async fn of_s3(region: &str, EndpointVariant { dual_stack, fips }: EndpointVariant) -> String {
    use aws_sdk_s3::config::endpoint::{DefaultResolver, Params, ResolveEndpoint as _};
    let params = Params::builder().region(region).bucket("media").use_dual_stack(dual_stack).use_fips(fips);
    let params = params.build().expect("parameters");
    DefaultResolver::new().resolve_endpoint(&params).await.expect("an endpoint").url().to_owned()
}

/// The template names the WebSocket API as `<id>.execute-api.<region>.<domain of the partition>`, which is `AWS::URLSuffix`.
#[test]
fn the_name_of_the_websocket_api_is_that_of_aws() {
    let template = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../template.yaml")).expect("the template");
    let named = "\"https://${WebSocketApi}.execute-api.${AWS::Region}.${AWS::URLSuffix}/${StageName}\"";
    assert!(template.contains(&format!("&push_endpoint !Sub {named}")), "PushEndpoint of template.yaml is another name");
    let rows = rows();
    // What follows the service's name, by partition.
    let domains = |service: &str| -> BTreeSet<(String, String)> {
        let of_service = rows.iter().filter(|row| row.service == service);
        let plain =
            of_service.filter_map(|row| Some((row.partition.clone(), row.hosts[0].as_ref()?.strip_prefix(service)?.to_owned())));
        plain.collect()
    };
    assert_eq!(domains("execute-api").len(), 8);
    assert_eq!(domains("execute-api"), domains("lambda"));
}
