//! The database of `CreateDatabase`: who logs in as which user, what AWS advises for Aurora, and where its logs go.

use serde_json::{Value, json};

use crate::template::{read, resources, sections};

fn properties(id: &str) -> Value {
    sections()["Resources"][id]["Properties"].clone()
}

#[test]
fn functions_log_in_as_a_user_of_their_own_and_the_migration_as_the_administrator() {
    let secret = |id: &str| properties(id)["Environment"]["Variables"]["DATABASE_SECRET_ARN"]["Fn::If"].clone();
    for (id, function) in resources("AWS::Serverless::Function") {
        if function["Properties"]["Environment"]["Variables"].get("DATABASE_SECRET_ARN").is_none() {
            continue;
        }
        let own = if id == "MigrateFunction" { "DatabaseSecret" } else { "DatabaseUserSecret" };
        assert_eq!(secret(&id)[1], json!({ "Ref": own }), "{id}");
    }
    let otherwise = json!({ "Fn::If": ["HasDatabaseMigrationSecret", { "Ref": "DatabaseMigrationSecretArn" }, { "Ref": "DatabaseSecretArn" }] });
    assert_eq!(secret("MigrateFunction")[2], otherwise);
    assert_eq!(secret("SendFunction")[2], json!({ "Ref": "DatabaseSecretArn" }));
    let name = |id: &str| {
        let template = properties(id)["GenerateSecretString"]["SecretStringTemplate"].clone();
        serde_json::from_str::<Value>(template.as_str().unwrap_or_default()).unwrap()["username"].clone()
    };
    assert_ne!(name("DatabaseSecret"), name("DatabaseUserSecret"));
    // The migration runs when the user's secret is new, and after the secret knows the host.
    let store = properties("Migration")["Store"].to_string();
    assert!(store.contains("${DatabaseUserSecretAttachment}"), "{store}");
}

#[test]
fn aurora_is_as_its_documents_advise() {
    let instances = resources("AWS::RDS::DBInstance");
    assert_eq!(instances.len(), 2);
    for (id, instance) in &instances {
        let instance = &instance["Properties"];
        for setting in ["AutoMinorVersionUpgrade", "EnablePerformanceInsights", "PubliclyAccessible"] {
            assert_eq!(instance[setting], json!(false), "{id}: {setting}");
        }
        assert_eq!(instance["PromotionTier"], json!(1), "{id} is not as large as the other one");
    }
    let sections = sections();
    let replica = &sections["Resources"]["DatabaseReplica"];
    assert_eq!((&replica["Condition"], &replica["DependsOn"]), (&json!("CreatesDatabaseReader"), &json!("DatabaseWriter")));
    assert_eq!(sections["Parameters"]["DatabaseMinCapacity"]["MinValue"], json!(0));
    for schedule in ["Clock", "Minute"] {
        let state = &properties("SweepFunction")["Events"][schedule]["Properties"]["State"];
        assert_eq!(*state, json!({ "Ref": "SweepState" }), "{schedule} would wake a database that pauses");
    }
}

#[test]
fn every_exported_log_is_written_and_ends() {
    let exported = properties("DatabaseCluster")["EnableCloudwatchLogsExports"].clone();
    assert_eq!(exported, json!(["error", "slowquery"]));
    let settings = properties("DatabaseParameters")["Parameters"].clone();
    assert_eq!((&settings["slow_query_log"], &settings["log_output"]), (&json!("1"), &json!("FILE")));
    assert_eq!(settings["require_secure_transport"], json!("ON"));
    let depends = sections()["Resources"]["DatabaseWriter"]["DependsOn"].clone();
    let groups: Vec<_> = resources("AWS::Logs::LogGroup")
        .into_iter()
        .filter_map(|(id, group)| {
            let name = group["Properties"]["LogGroupName"]["Fn::Sub"]
                .as_str()?
                .strip_prefix("/aws/rds/cluster/${DatabaseCluster}/")?
                .to_owned();
            assert_eq!(group["Properties"]["RetentionInDays"], json!({ "Ref": "LogRetentionDays" }), "{id}");
            assert!(
                depends.as_array().is_some_and(|groups| groups.contains(&json!(id))),
                "RDS would make {id} first, without an end"
            );
            Some(name)
        })
        .collect();
    assert_eq!(json!(groups), exported);
}

/// A role that may read a partial ARN may read nothing: real ARNs end in a hyphen and six characters.
#[test]
fn parameters_take_whole_arns_of_secrets() {
    let sections = sections();
    let parameters = sections["Parameters"].as_object().expect("parameters");
    let of_secrets: Vec<_> = parameters.iter().filter(|(name, _)| name.ends_with("SecretArn")).collect();
    assert_eq!(of_secrets.len(), 3);
    for (name, declared) in of_secrets {
        let pattern = declared["AllowedPattern"].as_str().unwrap_or_default();
        assert!(pattern.trim_end_matches('$').trim_end_matches(")?").ends_with(":secret:.+-[A-Za-z0-9]{6}"), "{name}: {pattern}");
    }
    let example = read("samconfig.toml");
    for arn in example.split('"').filter(|text| text.contains(":secret:")) {
        let end = arn.rsplit_once('-').map_or("", |(_, end)| end);
        assert!(end.len() == 6 && end.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{arn}");
    }
}
