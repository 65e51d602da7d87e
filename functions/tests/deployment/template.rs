//! The template for every test that looks into it: as it is written, with aliases and merge keys replaced, and as the local cloud runs it.

use std::fs;
use std::path::{Path, PathBuf};

use local::stack::Stack;
use serde_json::{Map, Value};

/// The folder of the project.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default()
}

/// A file of the project.
pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The template as the local cloud runs it.
pub(crate) fn stack() -> Stack {
    let given =
        local::template::samconfig_parameters(root().join("samconfig.toml"), "local").unwrap_or_else(|error| panic!("{error}"));
    local::template::load(root().join("template.yaml"), &given).unwrap_or_else(|error| panic!("{error}"))
}

/// The template as it is written; intrinsics have their long form.
pub(crate) fn sections() -> Map<String, Value> {
    local::template::sections(root().join("template.yaml")).unwrap_or_else(|error| panic!("{error}"))
}

/// The resources of one type, by their ids.
pub(crate) fn resources(kind: &str) -> Vec<(String, Value)> {
    let Some(Value::Object(all)) = sections().remove("Resources") else { panic!("template.yaml has resources") };
    all.into_iter().filter(|(_, resource)| resource["Type"] == kind).collect()
}

/// What an intrinsic is given, and its name.
pub(crate) fn intrinsic(value: &Value) -> Option<(&str, &Value)> {
    let (name, given) = value.as_object().filter(|object| object.len() == 1)?.iter().next()?;
    (name == "Ref" || name == "Condition" || name.starts_with("Fn::")).then_some((name.as_str(), given))
}
