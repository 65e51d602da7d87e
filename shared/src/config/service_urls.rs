//! Host names of AWS services by the endpoint rules of each service, in every partition, with and without dual stack and FIPS.
//!
//! The rules differ from service to service: most have their dual-stack names below another domain, S3 puts a label into its name, and Secrets
//! Manager answers both protocols at its usual name. A test compares every name with the rules that AWS publishes with botocore.

use super::var;

/// A service that functions call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    DynamoDb,
    Lambda,
    S3,
    SecretsManager,
    Sqs,
}

/// Which of a service's names is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EndpointVariant {
    /// `AWS_USE_DUALSTACK_ENDPOINT`: reachable over IPv6, too. A VPC without NAT reaches only those.
    pub dual_stack: bool,
    /// `AWS_USE_FIPS_ENDPOINT`: encryption by validated modules.
    pub fips: bool,
}

/// Where a service is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceEndpoint {
    /// Without a trailing slash.
    pub url: String,
    /// False when `LOCAL_ENDPOINTS` leads elsewhere.
    pub is_aws: bool,
}

impl ServiceEndpoint {
    /// An endpoint that is not one of AWS's names.
    pub fn other(url: impl Into<String>) -> Self {
        Self { url: url.into(), is_aws: false }
    }
}

/// Domains of a partition.
struct Partition {
    id: &'static str,
    domain: &'static str,
    dual_stack_domain: &'static str,
}

impl Service {
    pub const ALL: [Self; 5] = [Self::DynamoDb, Self::Lambda, Self::S3, Self::SecretsManager, Self::Sqs];

    /// The name that hosts and signatures contain.
    pub fn name(self) -> &'static str {
        match self {
            Self::DynamoDb => "dynamodb",
            Self::Lambda => "lambda",
            Self::S3 => "s3",
            Self::SecretsManager => "secretsmanager",
            Self::Sqs => "sqs",
        }
    }

    /// The host name of this service in a region.
    pub fn host(self, region: &str, variant: EndpointVariant) -> String {
        let EndpointVariant { dual_stack, fips } = variant;
        let partition = partition(region);
        let is_gov = partition.id == "aws-us-gov";
        let has_classic_dual_stack = match self {
            Self::S3 => true,
            Self::SecretsManager => partition.id == "aws" || is_gov || (partition.id == "aws-cn" && !fips),
            Self::DynamoDb | Self::Lambda | Self::Sqs => false,
        };
        let domain = if dual_stack && !has_classic_dual_stack { partition.dual_stack_domain } else { partition.domain };
        // The usual endpoints of GovCloud are FIPS endpoints where there are no others.
        let is_fips_by_itself = matches!(self, Self::DynamoDb | Self::Sqs) && is_gov && !dual_stack;
        let fips = if fips && !is_fips_by_itself { "-fips" } else { "" };
        let label = if dual_stack && self == Self::S3 { ".dualstack" } else { "" };
        format!("{}{fips}{label}.{region}.{domain}", self.name())
    }
}

impl EndpointVariant {
    pub fn from_env() -> Self {
        let is_set = |name| var(name).is_some_and(|value| value.eq_ignore_ascii_case("true"));
        Self { dual_stack: is_set("AWS_USE_DUALSTACK_ENDPOINT"), fips: is_set("AWS_USE_FIPS_ENDPOINT") }
    }
}

/// Where a service is reached in a region. `LOCAL_ENDPOINTS` (`host=URL`, separated by commas) replaces names after they are made, so that the local
/// cloud is reached only by a name that AWS has.
pub fn service_endpoint(service: Service, region: &str) -> ServiceEndpoint {
    let host = service.host(region, EndpointVariant::from_env());
    match redirection(&var("LOCAL_ENDPOINTS").unwrap_or_default(), &host) {
        Some(url) => ServiceEndpoint::other(url),
        None => ServiceEndpoint { url: format!("https://{host}"), is_aws: true },
    }
}

/// The URL of a service without a trailing slash.
pub fn service_url(service: Service, region: &str) -> String {
    service_endpoint(service, region).url
}

/// The URL of a bucket: its name stands in the host of AWS's endpoint, and in the path of any other.
pub fn bucket_url(bucket: &str, region: &str) -> String {
    match service_endpoint(Service::S3, region) {
        ServiceEndpoint { url, is_aws: true } => url.replacen("https://", &format!("https://{bucket}."), 1),
        ServiceEndpoint { url, is_aws: false } => format!("{url}/{bucket}"),
    }
}

fn redirection(endpoints: &str, host: &str) -> Option<String> {
    let mut pairs = endpoints.split(',').filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == host).map(|(_, url)| url.trim_end_matches('/').to_owned())
}

fn partition(region: &str) -> &'static Partition {
    let is_of = |prefixes: &[&str]| prefixes.iter().any(|prefix| region.starts_with(prefix));
    PARTITIONS.iter().find(|(prefixes, _)| is_of(prefixes)).map_or(&COMMERCIAL, |(_, partition)| partition)
}

const COMMERCIAL: Partition = Partition { id: "aws", domain: "amazonaws.com", dual_stack_domain: "api.aws" };

/// The other partitions, by the beginning of their regions' names.
const PARTITIONS: &[(&[&str], Partition)] = &[
    (&["cn-"], Partition { id: "aws-cn", domain: "amazonaws.com.cn", dual_stack_domain: "api.amazonwebservices.com.cn" }),
    (&["us-gov-"], Partition { id: "aws-us-gov", domain: "amazonaws.com", dual_stack_domain: "api.aws" }),
    (&["eusc-"], Partition { id: "aws-eusc", domain: "amazonaws.eu", dual_stack_domain: "api.amazonwebservices.eu" }),
    (&["us-iso-"], Partition { id: "aws-iso", domain: "c2s.ic.gov", dual_stack_domain: "api.aws.ic.gov" }),
    (&["us-isob-"], Partition { id: "aws-iso-b", domain: "sc2s.sgov.gov", dual_stack_domain: "api.aws.scloud" }),
    (&["eu-isoe-"], Partition { id: "aws-iso-e", domain: "cloud.adc-e.uk", dual_stack_domain: "api.cloud-aws.adc-e.uk" }),
    (&["us-isof-"], Partition { id: "aws-iso-f", domain: "csp.hci.ic.gov", dual_stack_domain: "api.aws.hci.ic.gov" }),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_manager_keeps_its_name_with_dual_stack() {
        let dual_stack = EndpointVariant { dual_stack: true, fips: false };
        assert_eq!(
            Service::SecretsManager.host("eu-central-1", dual_stack),
            Service::SecretsManager.host("eu-central-1", EndpointVariant::default())
        );
        assert_eq!(Service::Lambda.host("eu-central-1", dual_stack), "lambda.eu-central-1.api.aws");
    }

    #[test]
    fn only_the_exact_name_is_redirected() {
        let endpoints = "s3.us-east-1.amazonaws.com=http://127.0.0.1:1/, sqs.us-east-1.amazonaws.com=http://127.0.0.1:2";
        assert_eq!(redirection(endpoints, "s3.us-east-1.amazonaws.com").as_deref(), Some("http://127.0.0.1:1"));
        assert_eq!(redirection(endpoints, "sqs.us-east-1.amazonaws.com").as_deref(), Some("http://127.0.0.1:2"));
        for host in ["s3.us-east-1.api.aws", "s3.us-east-2.amazonaws.com", "us-east-1.amazonaws.com", ""] {
            assert_eq!(redirection(endpoints, host), None, "{host}");
        }
    }
}
