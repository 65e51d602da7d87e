//! The hosted web client: nothing of it without `WebClient`, every route of the HTTP API with it, a private bucket, the headers of the local cloud.

use std::collections::BTreeSet;

use local::gateway::SECURITY_HEADERS;
use serde_json::{Value, json};
use shared::edge::distribution::PROOF;

use crate::template::{Parameter, intrinsic, read, resources, root, sections, stack, stack_with};

const HOSTED: Parameter = Parameter("WebClient", "true");
const CONDITIONS: [&str; 2] = ["HasWebClient", "HasWebDomain"];
/// Functions that look at their callers' addresses.
const ASK_FOR_THE_ADDRESS: [&str; 3] = ["AdminFunction", "AuthFunction", "UsersFunction"];

/// The only resource of a type that belongs to the web client.
fn web(kind: &str) -> Value {
    let mut all: Vec<_> = resources(kind).into_iter().filter(|(id, _)| id.starts_with("Web")).collect();
    assert_eq!(all.len(), 1, "{kind}");
    all.remove(0).1["Properties"].take()
}

fn distribution() -> Value {
    web("AWS::CloudFront::Distribution")["DistributionConfig"].take()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("{value} is a list"))
}

/// The behaviours in their order: pattern of the path, and the behaviour.
fn behaviours() -> Vec<(String, Value)> {
    let named = |behaviour: &Value| {
        let pattern = &behaviour["PathPattern"];
        intrinsic(pattern).map_or(pattern, |(_, text)| text).as_str().map(str::to_owned)
    };
    list(&distribution()["CacheBehaviors"])
        .iter()
        .map(|behaviour| (named(behaviour).expect("a path"), behaviour.clone()))
        .collect()
}

/// CloudFront's patterns, of which the template uses a star at the end only.
fn matches(pattern: &str, path: &str) -> bool {
    assert!(!pattern.contains('?') && !pattern.trim_end_matches('*').contains('*'), "{pattern}");
    pattern.strip_suffix('*').map_or(path == pattern, |start| path.starts_with(start))
}

#[test]
fn without_a_web_client_nothing_of_it_is_deployed() {
    let sections = sections();
    for (id, resource) in sections["Resources"].as_object().expect("resources") {
        let of_web = id.starts_with("Web") && id != "WebSocketApi" || id == "EdgeSecret";
        let is_optional = resource["Condition"] == "HasWebClient";
        assert_eq!(is_optional, of_web, "{id}");
        assert!(of_web || !resource["Type"].as_str().unwrap_or_default().starts_with("AWS::CloudFront"), "{id}");
    }
    for (name, output) in sections["Outputs"].as_object().expect("outputs") {
        let conditional = CONDITIONS.iter().any(|condition| output["Condition"] == *condition);
        assert_eq!(conditional, name.starts_with("Web") && name != "WebSocketUrl", "{name}");
    }
    let stack = stack();
    assert!(ASK_FOR_THE_ADDRESS.iter().all(|id| stack.functions[*id].environment["EDGE_SECRET_ARN"].is_empty()));
    assert!(!stack.buckets.contains_key("WebBucket"));
}

#[test]
fn only_the_first_deployment_of_a_developer_has_one_by_default() {
    assert_eq!(sections()["Parameters"]["WebClient"]["Default"], "false");
    let of = |section| local::template::samconfig_parameters(root().join("samconfig.toml"), section);
    assert_eq!(of("dev").unwrap_or_else(|error| panic!("{error}")).get("WebClient").map(String::as_str), Some("true"));
    assert!(!of("local").unwrap_or_else(|error| panic!("{error}")).contains_key("WebClient"));
}

#[test]
fn with_a_web_client_its_url_and_its_secret_are_given() {
    let stack = stack_with(&[HOSTED]);
    assert_eq!(stack.outputs["WebUrl"], "https://WebDistribution.DomainName");
    assert_eq!(stack.outputs["WebBucketName"], stack.buckets["WebBucket"].name);
    assert_eq!(
        stack.outputs["WebMediaOrigin"],
        format!("https://{}.s3.us-east-1.amazonaws.com", stack.buckets["MediaBucket"].name)
    );
    for (given, label) in [
        (&[Parameter("FipsEndpoints", "true")][..], "s3-fips"),
        (&[Parameter("VpcSubnetIds", "subnet-1,subnet-2"), Parameter("VpcSecurityGroupIds", "sg-1")], "s3.dualstack"),
    ] {
        let given: Vec<_> = given.iter().copied().chain([HOSTED]).collect();
        let stack = stack_with(&given);
        let origin = format!("https://{}.{label}.us-east-1.amazonaws.com", stack.buckets["MediaBucket"].name);
        assert_eq!(stack.outputs["WebMediaOrigin"], origin, "the host of presigned URLs");
    }
    assert!(!stack.outputs.contains_key("WebDomainTarget"));
    let with_secret = stack.functions.iter().filter(|(_, function)| function.environment.contains_key("EDGE_SECRET_ARN"));
    let (ids, functions): (Vec<_>, Vec<_>) = with_secret.unzip();
    assert_eq!(ids, ASK_FOR_THE_ADDRESS);
    assert!(functions.iter().all(|function| function.environment["EDGE_SECRET_ARN"].starts_with("arn:")));
}

#[test]
fn a_name_of_ones_own_may_open_sockets_and_send_files() {
    let domain = Parameter("WebDomainName", "chat.example.com");
    let certificate = Parameter("WebCertificateArn", "arn:aws:acm:us-east-1:000000000000:certificate/1");
    let stack = stack_with(&[HOSTED, domain, certificate, Parameter("CorsOrigins", "https://app.example.com")]);
    assert_eq!(stack.outputs["WebUrl"], "https://chat.example.com");
    let origins = ["https://app.example.com", "https://chat.example.com"];
    assert_eq!(stack.functions["AuthorizerFunction"].environment["ALLOWED_ORIGINS"], origins.join(","));
    assert_eq!(stack.buckets["MediaBucket"].cors_rules[0]["AllowedOrigins"], json!(origins));
    assert_eq!(stack.outputs["WebDomainTarget"], "WebDistribution.DomainName");
}

#[test]
fn the_local_configuration_of_the_client_has_the_form_of_the_deployed_one() {
    let deployed: Value = serde_json::from_str(&stack_with(&[HOSTED]).outputs["WebConfig"]).expect("JSON");
    let local: Value = serde_json::from_str(&read("local/web/config.json")).expect("JSON");
    assert_eq!(deployed, local, "left: the output WebConfig, right: local/web/config.json");
    let other = stack_with(&[HOSTED, Parameter("StageName", "live")]);
    assert_eq!(serde_json::from_str::<Value>(&other.outputs["WebConfig"]).expect("JSON")["socket"], "/live");
}

#[test]
fn every_route_of_the_http_api_is_one_of_the_distribution() {
    let (behaviours, stack) = (behaviours(), stack());
    let mut used = BTreeSet::new();
    let mut routes = 0;
    for route in stack.http_apis.values().flat_map(|api| &api.routes) {
        let path: String =
            route.path.split('/').map(|part| if part.starts_with('{') { "x" } else { part }).collect::<Vec<_>>().join("/");
        let found = behaviours.iter().find(|(pattern, _)| matches(pattern, &path));
        let (pattern, behaviour) = found.unwrap_or_else(|| panic!("{} leads to the files of the web client", route.path));
        assert_eq!(behaviour["TargetOriginId"], "http", "{}", route.path);
        assert!(list(&behaviour["AllowedMethods"]).iter().any(|method| *method == route.method), "{route:?}");
        used.insert(pattern.clone());
        routes += 1;
    }
    assert!(routes > 100, "{routes}");
    let (socket, unused): (Vec<_>, Vec<_>) =
        behaviours.iter().filter(|(pattern, _)| !used.contains(pattern)).partition(|(pattern, _)| pattern == "/${StageName}");
    assert_eq!((socket.len(), unused.len()), (1, 0), "{unused:?} lead to no route");
    assert_eq!(socket[0].1["TargetOriginId"], "sockets");
    // The rule of the parameters refuses stages that are paths of the HTTP API.
    let text = read("template.yaml");
    let taken = |pattern: &&String| pattern.trim_start_matches('/').bytes().all(|byte| byte.is_ascii_alphanumeric());
    let names: BTreeSet<_> = used.iter().filter(taken).map(|pattern| pattern.trim_start_matches('/')).collect();
    let names: Vec<_> = names.into_iter().collect();
    assert!(text.contains(&format!("{{\"Fn::Contains\": [[{}], !Ref StageName]}}", names.join(", "))), "{names:?}");
}

/// CloudFront may keep neither an answer nor an error: its keys know no user.
#[test]
fn nothing_of_the_apis_is_cached_or_replaced() {
    const CACHING_DISABLED: &str = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad";
    const ALL_VIEWER_EXCEPT_HOST_HEADER: &str = "b689b0a8-53d0-40ab-baf2-68738e2966ac";
    for (pattern, behaviour) in behaviours() {
        assert_eq!(behaviour["CachePolicyId"], CACHING_DISABLED, "{pattern}");
        assert_eq!(behaviour["OriginRequestPolicyId"], ALL_VIEWER_EXCEPT_HOST_HEADER, "{pattern}");
        assert_eq!(behaviour["ViewerProtocolPolicy"], "https-only", "{pattern}");
    }
    let distribution = distribution();
    let errors = list(&distribution["CustomErrorResponses"]);
    let codes: Vec<_> = errors.iter().filter_map(|error| error["ErrorCode"].as_u64()).collect();
    assert_eq!(codes, [400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504], "all that CloudFront keeps");
    for error in errors {
        assert_eq!((&error["ErrorCachingMinTTL"], error.as_object().map(serde_json::Map::len)), (&json!(0), Some(2)), "{error}");
    }
}

#[test]
fn only_the_http_api_gets_the_proof_of_the_distribution() {
    let distribution = distribution();
    for origin in list(&distribution["Origins"]) {
        let id = origin["Id"].as_str().unwrap_or_default();
        let headers = origin["OriginCustomHeaders"].as_array();
        assert_eq!(headers.is_some(), id == "http", "{id}");
        if let Some([header]) = headers.map(Vec::as_slice) {
            assert_eq!(header["HeaderName"], PROOF);
            assert_eq!(header["HeaderValue"]["Fn::Sub"], "{{resolve:secretsmanager:${EdgeSecret}:SecretString}}");
        }
        if id == "files" {
            assert_eq!(origin["OriginAccessControlId"]["Fn::GetAtt"], json!(["WebBucketAccess", "Id"]));
        } else {
            let https = json!({ "OriginProtocolPolicy": "https-only", "OriginSSLProtocols": ["TLSv1.2"] });
            assert_eq!(origin["CustomOriginConfig"], https, "{id}");
        }
    }
}

#[test]
fn the_headers_of_the_files_are_those_of_the_local_cloud() {
    let policy = web("AWS::CloudFront::ResponseHeadersPolicy");
    let headers = &policy["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"];
    let sent = json!({
        "ContentTypeOptions": { "Override": true },
        "ReferrerPolicy": { "ReferrerPolicy": SECURITY_HEADERS[1].1, "Override": true },
        "ContentSecurityPolicy": { "ContentSecurityPolicy": SECURITY_HEADERS[2].1, "Override": true },
        // As the functions: a year, without subdomains. The local cloud has no TLS.
        "StrictTransportSecurity": { "AccessControlMaxAgeSec": 31_536_000, "Override": true },
    });
    assert_eq!(*headers, sent);
    let names = SECURITY_HEADERS.map(|(name, _)| name.as_str().to_owned());
    assert_eq!(names, ["x-content-type-options", "referrer-policy", "content-security-policy"]);
    assert_eq!(SECURITY_HEADERS[0].1, "nosniff", "all that ContentTypeOptions says");
    let distribution = distribution();
    let files = &distribution["DefaultCacheBehavior"];
    assert_eq!(files["ResponseHeadersPolicyId"]["Ref"], "WebHeaders");
    assert_eq!((&files["Compress"], &files["TargetOriginId"]), (&json!(true), &json!("files")));
    assert_eq!((&distribution["HttpVersion"], &distribution["IPV6Enabled"]), (&json!("http2and3"), &json!(true)));
}

#[test]
fn only_the_distribution_reads_the_bucket() {
    let bucket = web("AWS::S3::Bucket");
    let access = bucket["PublicAccessBlockConfiguration"].as_object().expect("a block");
    assert!(access.len() == 4 && access.values().all(|blocked| *blocked == true), "{access:?}");
    assert_eq!(bucket["OwnershipControls"]["Rules"], json!([{ "ObjectOwnership": "BucketOwnerEnforced" }]));
    assert!(bucket.get("BucketEncryption").is_some() && bucket.get("WebsiteConfiguration").is_none());
    let policy = web("AWS::S3::BucketPolicy");
    let statements = list(&policy["PolicyDocument"]["Statement"]);
    let allowed: Vec<_> = statements.iter().filter(|statement| statement["Effect"] != "Deny").collect();
    assert_eq!(allowed.len(), 1);
    assert_eq!(allowed[0]["Principal"], json!({ "Service": "cloudfront.amazonaws.com" }));
    let source = &allowed[0]["Condition"]["StringEquals"]["AWS:SourceArn"]["Fn::Sub"];
    assert_eq!(source, "arn:${AWS::Partition}:cloudfront::${AWS::AccountId}:distribution/${WebDistribution}");
    assert!(list(&allowed[0]["Action"]).iter().all(|action| ["s3:GetObject", "s3:ListBucket"].iter().any(|read| action == read)));
    let control = web("AWS::CloudFront::OriginAccessControl");
    assert_eq!(control["OriginAccessControlConfig"]["SigningBehavior"], "always");
}

#[test]
fn the_web_acl_counts_the_routes_that_hash_a_password() {
    let (_, api) = resources("AWS::Serverless::HttpApi").remove(0);
    let throttled: BTreeSet<_> = api["Properties"]["RouteSettings"].as_object().expect("settings").keys().cloned().collect();
    let waf = local::template::sections(root().join("waf.yaml")).unwrap_or_else(|error| panic!("{error}"));
    let acl = &waf["Resources"]["WebAcl"]["Properties"];
    assert_eq!(acl["Scope"], "CLOUDFRONT");
    let rate = &acl["Rules"][0]["Statement"]["RateBasedStatement"];
    let [paths, erasing] = list(&rate["ScopeDownStatement"]["OrStatement"]["Statements"]) else { panic!("two statements") };
    let pattern = paths["RegexMatchStatement"]["RegexString"].as_str().unwrap_or_default();
    let named = pattern.strip_prefix("^/api/(").and_then(|rest| rest.strip_suffix(")$")).expect("paths below /api/");
    let counted: BTreeSet<_> = named.split('|').map(|path| format!("/api/{path}")).collect();
    let [path, method] = list(&erasing["AndStatement"]["Statements"]) else { panic!("two conditions") };
    let exactly = |statement: &Value| statement["ByteMatchStatement"]["SearchString"].as_str().unwrap_or_default().to_owned();
    let erasing = format!("{} {}", exactly(method), exactly(path));
    let path_of = |route: &String| route.split_once(' ').map(|(_, path)| path.to_owned()).expect("a path");
    let others: BTreeSet<_> = throttled.iter().filter(|route| **route != erasing).map(path_of).collect();
    assert_eq!(counted, others, "left: waf.yaml, right: RouteSettings of template.yaml");
    assert!(throttled.contains(&erasing), "{erasing}");
}
