//! Checks the network of the stack, what is refused before anything is made, and that the defaults fit into an account's quotas.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::template::{Parameter, intrinsic, references, resources, sections, try_stack_with};

/// Where the APIs of an account share 2,500 requests a second, by the quotas page of API Gateway.
const SMALL_REGIONS: [&str; 13] = [
    "af-south-1",
    "ap-south-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-7",
    "ca-west-1",
    "eu-central-2",
    "eu-south-1",
    "eu-south-2",
    "il-central-1",
    "me-central-1",
    "mx-central-1",
];
/// Default quotas of requests a second, where they are small and elsewhere.
const QUOTAS: [u64; 2] = [2_500, 10_000];
const NETWORK: Parameter = Parameter("CreateNetwork", "true");
const DATABASE: Parameter = Parameter("CreateDatabase", "true");
const SUBNETS: Parameter = Parameter("VpcSubnetIds", "subnet-1,subnet-2");
const GROUPS: Parameter = Parameter("VpcSecurityGroupIds", "sg-1");
const NO_SECRET: Parameter = Parameter("DatabaseSecretArn", "arn:aws:secretsmanager:us-east-1:000000000000:secret:none-000000");

#[test]
fn half_a_network_is_refused_with_what_to_do() {
    for (parameters, expected) in [
        (&[SUBNETS][..], "Give VpcSubnetIds and VpcSecurityGroupIds together, or neither."),
        (&[GROUPS], "Give VpcSubnetIds and VpcSecurityGroupIds together, or neither."),
        (&[DATABASE], "CreateDatabase=true needs a network."),
        (&[NETWORK, SUBNETS, GROUPS], "leave VpcSubnetIds and VpcSecurityGroupIds empty"),
        (&[NO_SECRET], "Give DatabaseSecretArn, or CreateDatabase=true."),
        (&[Parameter("HttpDomainName", "chat.example.com")], "HttpDomainName needs HttpCertificateArn"),
        (&[Parameter("SocketDomainName", "ws.example.com")], "SocketDomainName needs SocketCertificateArn"),
    ] {
        let error = try_stack_with(parameters).err().unwrap_or_else(|| panic!("taken, although: {expected}"));
        assert!(error.message.contains(expected), "{error}");
    }
    for parameters in [&[SUBNETS, GROUPS][..], &[DATABASE, SUBNETS, GROUPS]] {
        assert!(try_stack_with(parameters).is_ok(), "a whole network is taken");
    }
}

#[test]
fn a_network_of_the_stack_is_made_whole_or_not_at_all() {
    let sections = sections();
    let all = sections["Resources"].as_object().expect("resources");
    let made: Vec<(&String, &Value)> =
        all.iter().filter(|(_, resource)| resource["Type"].as_str().is_some_and(|kind| kind.starts_with("AWS::EC2::"))).collect();
    assert!(made.len() >= 14, "{}", made.len());
    for (id, resource) in &made {
        assert_eq!(resource["Condition"], "CreatesNetwork", "{id}");
    }
    let of = |kind: &str| {
        made.iter()
            .filter(|(_, resource)| resource["Type"] == kind)
            .map(|(_, resource)| &resource["Properties"])
            .collect::<Vec<_>>()
    };
    let vpc = of("AWS::EC2::VPC").remove(0);
    assert_eq!((&vpc["EnableDnsSupport"], &vpc["EnableDnsHostnames"]), (&json!(true), &json!(true)));
    let subnets = of("AWS::EC2::Subnet");
    assert_eq!(subnets.len(), 2);
    for property in ["AvailabilityZone", "AvailabilityZoneId", "CidrBlock", "Ipv6CidrBlock"] {
        assert_ne!(subnets[0][property], subnets[1][property], "{property}");
    }
    assert!(subnets.iter().all(|subnet| subnet["AssignIpv6AddressOnCreation"] == true));
    let routes = of("AWS::EC2::Route");
    assert!(
        routes
            .iter()
            .any(|route| route["DestinationIpv6CidrBlock"] == "::/0" && route.get("EgressOnlyInternetGatewayId").is_some())
    );
    // An IPv4 route out of the network would let the functions' security group reach every address.
    assert!(routes.iter().all(|route| route.get("DestinationCidrBlock").is_none()));
    let services: Vec<_> =
        of("AWS::EC2::VPCEndpoint").iter().map(|endpoint| endpoint["ServiceName"]["Fn::Sub"].clone()).collect();
    assert_eq!(services, ["com.amazonaws.${AWS::Region}.dynamodb", "com.amazonaws.${AWS::Region}.s3"]);
}

/// CloudFormation waits for answers of custom resources: without a network there is none, and the stack can neither be made nor removed.
#[test]
fn custom_resources_wait_for_the_network() {
    let needed =
        ["DatabaseFromFunctions", "FunctionsToDatabase", "NetworkRouteOut", "NetworkRoutesA", "NetworkRoutesB", "NetworkS3"];
    for kind in ["Custom::Migration", "Custom::Release"] {
        let (id, resource) = resources(kind).remove(0);
        let ready = references(&resource["Properties"]["Network"]);
        assert_eq!(ready, needed.map(str::to_owned).into(), "{id}");
    }
}

#[test]
fn the_security_groups_open_what_is_used_and_nothing_else() {
    let rule = |rule: &Value| {
        let to = ["CidrIp", "CidrIpv6"].into_iter().find_map(|property| rule[property].as_str()).unwrap_or("a group");
        format!("{} {} {to}", rule["IpProtocol"].as_str().unwrap_or_default(), rule["FromPort"])
    };
    let mut rules = BTreeSet::new();
    for (id, group) in resources("AWS::EC2::SecurityGroup") {
        let inline = group["Properties"]["SecurityGroupEgress"].as_array().expect("egress, without which everything is let out");
        rules.extend(inline.iter().map(|egress| format!("{id} out {}", rule(egress))));
        assert!(group["Properties"].get("SecurityGroupIngress").is_none(), "{id}");
    }
    for (kind, direction) in [("AWS::EC2::SecurityGroupEgress", "out"), ("AWS::EC2::SecurityGroupIngress", "in")] {
        for (_, resource) in resources(kind) {
            let properties = &resource["Properties"];
            let group = references(&properties["GroupId"]).pop_first().unwrap_or_default();
            rules.insert(format!("{group} {direction} {}", rule(properties)));
        }
    }
    let expected = [
        "DatabaseSecurityGroup in tcp 3306 a group",
        "DatabaseSecurityGroup out -1 null 127.0.0.1/32",
        "FunctionSecurityGroup out tcp 3306 a group",
        "FunctionSecurityGroup out tcp 443 0.0.0.0/0",
        "FunctionSecurityGroup out tcp 443 ::/0",
    ];
    assert_eq!(rules, expected.map(str::to_owned).into());
}

/// Half of the account's quota is left for posts to sockets.
#[test]
fn the_throttling_of_both_apis_fits_into_the_quota_of_every_region() {
    let property = |kind: &str, name: &str| resources(kind).remove(0).1["Properties"][name].clone();
    let http = by_region(&property("AWS::Serverless::HttpApi", "DefaultRouteSettings")["ThrottlingRateLimit"]);
    let sockets = by_region(&property("AWS::Serverless::WebSocketApi", "DefaultRouteSettings")["ThrottlingRateLimit"]);
    for (class, quota) in QUOTAS.into_iter().enumerate() {
        assert!((http[class] + sockets[class]) * 2 <= quota, "{http:?} and {sockets:?} of {quota}");
    }
    let routes = property("AWS::Serverless::HttpApi", "RouteSettings");
    for (route, settings) in routes.as_object().expect("routes") {
        let login = by_region(&settings["ThrottlingRateLimit"]);
        assert!(login[0] <= http[0] && login[1] <= http[1], "{route}: {login:?}");
        assert_eq!(settings["ThrottlingBurstLimit"], settings["ThrottlingRateLimit"], "{route}");
    }
    let conditions = sections()["Conditions"].clone();
    let text: String = conditions
        .as_object()
        .expect("conditions")
        .iter()
        .filter(|(name, _)| name.starts_with("InSmallRegion"))
        .map(|(_, condition)| condition.to_string())
        .collect();
    let small: BTreeSet<&str> =
        text.split("{\"Ref\":\"AWS::Region\"},\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(small, SMALL_REGIONS.into(), "left: InSmallRegion, right: the regions with a small quota");
}

/// What a limit is where its parameter is 0: in regions with a small quota, and elsewhere.
fn by_region(limit: &Value) -> [u64; 2] {
    let branches = |value: &Value| intrinsic(value).filter(|(name, _)| *name == "Fn::If").map(|(_, branches)| branches.clone());
    let default = branches(limit).expect("a parameter or a default")[2].clone();
    let classes = branches(&default).expect("two classes of regions");
    assert_eq!(classes[0], "InSmallRegion");
    [1, 2].map(|class| classes[class].as_u64().expect("a number"))
}

#[test]
fn every_function_but_the_migration_has_a_parameter_for_its_instances() {
    let mut parameters = BTreeSet::new();
    for (id, function) in resources("AWS::Serverless::Function") {
        let reserved = &function["Properties"]["ReservedConcurrentExecutions"];
        assert_eq!(reserved.is_null(), id == "MigrateFunction", "{id}");
        parameters.extend(references(reserved));
    }
    let expected = ["BackgroundConcurrency", "FanoutConcurrency", "InteractiveConcurrency"];
    assert_eq!(parameters, expected.map(str::to_owned).into());
    for name in expected {
        let declared = &sections()["Parameters"][name];
        assert_eq!((&declared["Default"], &declared["MinValue"]), (&json!(0), &json!(0)), "{name}: 0 is no reservation");
    }
}

#[test]
fn the_template_stays_below_the_limits_of_cloudformation() {
    let sections = sections();
    let count = |section: &str| sections[section].as_object().map_or(0, serde_json::Map::len);
    assert!(count("Parameters") <= 200 && count("Outputs") <= 200, "{} and {}", count("Parameters"), count("Outputs"));
}
