//! URLs of AWS services according to their endpoint rules: all partitions, IPv4 or dual stack.

use super::{dual_stack, endpoint};

/// The URL of a service without a trailing slash: `AWS_ENDPOINT_URL_<SERVICE>` if set, else AWS's own.
pub fn service_url(service: &str, region: &str) -> String {
    endpoint(&service.to_ascii_uppercase())
        .unwrap_or_else(|| format!("https://{service}.{region}.{}", suffix(region, dual_stack())))
}

pub fn bucket_url(bucket: &str, region: &str) -> String {
    match endpoint("S3") {
        Some(endpoint) => format!("{endpoint}/{bucket}"),
        None => bucket_at(bucket, region, dual_stack()),
    }
}

/// S3's dual-stack names use the classic suffix.
fn bucket_at(bucket: &str, region: &str, dual_stack: bool) -> String {
    let dual_stack = if dual_stack { "dualstack." } else { "" };
    format!("https://{bucket}.s3.{dual_stack}{region}.{}", suffix(region, false))
}

fn suffix(region: &str, dual_stack: bool) -> &'static str {
    match (region.split('-').next().unwrap_or_default(), dual_stack) {
        ("cn", false) => "amazonaws.com.cn",
        ("cn", true) => "api.amazonwebservices.com.cn",
        ("eusc", false) => "amazonaws.eu",
        ("eusc", true) => "api.amazonwebservices.eu",
        (_, false) => "amazonaws.com",
        (_, true) => "api.aws",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_endpoint_rules() {
        for (region, plain, dual) in [
            ("eu-central-1", "amazonaws.com", "api.aws"),
            ("us-gov-west-1", "amazonaws.com", "api.aws"),
            ("cn-north-1", "amazonaws.com.cn", "api.amazonwebservices.com.cn"),
            ("eusc-de-east-1", "amazonaws.eu", "api.amazonwebservices.eu"),
        ] {
            assert_eq!((suffix(region, false), suffix(region, true)), (plain, dual), "{region}");
        }
        assert_eq!(bucket_at("media", "eu-central-1", false), "https://media.s3.eu-central-1.amazonaws.com");
        assert_eq!(bucket_at("media", "eu-central-1", true), "https://media.s3.dualstack.eu-central-1.amazonaws.com");
    }
}
