//! Every test that the tables of the README name exists.

use std::fs;
use std::path::Path;

#[test]
fn every_test_that_the_readme_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let mut named = 0;
    for name in
        readme.split('`').filter(|name| name.contains("::") && !name.contains([' ', '=', '[']) && !name.starts_with("AWS::"))
    {
        let (module, test) = name.split_once("::").unwrap();
        let found = ["tests/edge", "tests/compute", "src/gateway", "src/sqs", "src/event_sources"].iter().any(|folder| {
            let file = root.join(format!("{folder}/{module}.rs"));
            fs::read_to_string(file).is_ok_and(|text| text.contains(&format!("fn {test}(")))
        });
        assert!(found, "the README names {name}");
        named += 1;
    }
    assert!(named > 60, "only {named} tests were found in the README");
}
