//! The template for every test that looks into it: as it is written, with aliases and merge keys replaced, and as the local cloud runs it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use local::stack::Stack;
use local::template::TemplateError;
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
    stack_with(&[])
}

/// A parameter of the template and its value.
#[derive(Clone, Copy)]
pub(crate) struct Parameter(pub(crate) &'static str, pub(crate) &'static str);

/// The same with further parameters.
pub(crate) fn stack_with(parameters: &[Parameter]) -> Stack {
    try_stack_with(parameters).unwrap_or_else(|error| panic!("{error}"))
}

/// The same, or why the parameters are refused.
pub(crate) fn try_stack_with(parameters: &[Parameter]) -> Result<Stack, TemplateError> {
    let mut given = parameters_of("local");
    given.extend(parameters.iter().map(|Parameter(name, value)| ((*name).to_owned(), (*value).to_owned())));
    local::template::load(root().join("template.yaml"), &given)
}

/// The parameters that an environment of `samconfig.toml` gives.
pub(crate) fn parameters_of(environment: &str) -> BTreeMap<String, String> {
    let given = local::template::samconfig_parameters(root().join("samconfig.toml"), environment);
    given.unwrap_or_else(|error| panic!("{error}"))
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

/// The parameters and resources that a value refers to. Pseudo parameters are no such; a condition refers to what its branches do.
pub(crate) fn references(value: &Value) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    match (intrinsic(value), value) {
        (Some(("Ref", name)), _) => all.extend(name.as_str().map(str::to_owned)),
        (Some(("Fn::GetAtt", parts)), _) => all.extend(parts[0].as_str().map(str::to_owned)),
        (Some(("Fn::Sub", text)), _) => {
            let (text, own) = match text {
                Value::Array(parts) => (parts[0].as_str().unwrap_or_default(), Some(&parts[1])),
                text => (text.as_str().unwrap_or_default(), None),
            };
            let names = text.split("${").skip(1).filter_map(|rest| rest.split(['}', '.']).next());
            all.extend(names.filter(|name| own.is_none_or(|own| own.get(name).is_none())).map(str::to_owned));
            all.extend(own.map(references).unwrap_or_default());
        }
        (Some(("Fn::If", branches)), _) => all.extend(branches.as_array().into_iter().flatten().skip(1).flat_map(references)),
        (_, Value::Array(items)) => all.extend(items.iter().flat_map(references)),
        (_, Value::Object(object)) => all.extend(object.values().flat_map(references)),
        _ => {}
    }
    all.retain(|name| !name.starts_with("AWS::"));
    all
}
