//! A setting is the same in the code, in template.yaml and in docs/configuration.md, whose table is made here: `make docs` writes it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;

use serde_json::{Map, Value};
use shared::config::{Form, SETTINGS, Setting};

use crate::template::{intrinsic, read, resources, root, sections};

/// What the code has no default for: a deployment always gives them.
const WITHOUT_DEFAULT: &[&str] = &["DATABASE_CA", "DATABASE_SECRET_ARN", "JWT_SECRET_ARN", "PUSH_HOSTS", "WEBSOCKET_URL"];
const RATE: &str = "^[1-9][0-9]*/[1-9][0-9]*$";
const MARK: &str = "<!-- generated: settings -->\n";

/// A variable that functions are given from a parameter.
struct Variable {
    parameter: String,
    functions: BTreeSet<String>,
}

#[test]
fn every_setting_has_the_default_and_the_bounds_of_its_parameter() {
    let (parameters, variables) = (parameters(), variables());
    for Setting { name, default, form } in SETTINGS {
        let Some(Variable { parameter, .. }) = variables.get(*name) else { panic!("no parameter of template.yaml sets {name}") };
        let declared = &parameters[parameter];
        assert_eq!(
            text(&declared["Default"]).as_deref(),
            Some(*default),
            "left: {parameter}, right: {name} in shared/src/config"
        );
        let bounds = (declared["MinValue"].as_u64(), declared["MaxValue"].as_u64());
        match form {
            Form::Whole { least, most } => assert_eq!(bounds, (Some(*least), *most), "left: {parameter}, right: {name}"),
            Form::Rate => assert_eq!(declared["AllowedPattern"], RATE, "{parameter}"),
            Form::Switch => assert_eq!(declared["AllowedValues"], serde_json::json!(["on", "off"]), "{parameter}"),
            Form::Lifetime | Form::Text => assert_eq!(bounds, (None, None), "{parameter}"),
        }
    }
    let settings = SETTINGS.iter().map(|setting| setting.name);
    let known: BTreeSet<&str> = settings.chain(WITHOUT_DEFAULT.iter().copied()).collect();
    let given: BTreeSet<&str> = variables.keys().map(String::as_str).collect();
    assert_eq!(
        given, known,
        "left: what parameters of template.yaml set, right: shared/src/config/settings.rs and WITHOUT_DEFAULT"
    );
}

#[test]
fn every_parameter_says_what_it_does_and_in_which_unit() {
    for (name, declared) in parameters() {
        let (meaning, unit) = description(&declared);
        assert!(meaning.ends_with('.') && meaning.contains(' '), "{name}: {meaning:?}");
        let counts = declared["Type"] == "Number" || declared["AllowedPattern"] == RATE;
        assert!(!counts || unit.is_some(), "{name}: its Description ends with \"Unit: ….\"");
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "whether to write is said by whoever runs the test")]
fn the_documented_settings_are_those_of_the_template() {
    let committed = read("docs/configuration.md");
    let Some((written, _)) = committed.split_once(MARK) else { panic!("docs/configuration.md lacks the line {MARK}") };
    let current = format!("{written}{MARK}\n{}", tables());
    if std::env::var_os("WRITE_DOCS").is_some() {
        fs::write(root().join("docs/configuration.md"), &current).expect("docs can be written");
    }
    let committed = read("docs/configuration.md");
    let differs = committed.lines().zip(current.lines()).find(|(old, new)| old != new);
    assert!(committed == current, "docs/configuration.md is stale: run `make docs`. First difference: {differs:?}");
}

fn parameters() -> Map<String, Value> {
    let Some(Value::Object(parameters)) = sections().remove("Parameters") else { panic!("template.yaml has parameters") };
    parameters
}

/// The variables that parameters set, by their names.
fn variables() -> BTreeMap<String, Variable> {
    let (template, parameters, functions) = (sections(), parameters(), resources("AWS::Serverless::Function"));
    let globals = &template["Globals"]["Function"]["Environment"]["Variables"];
    let mut variables: BTreeMap<String, Variable> = BTreeMap::new();
    for (id, function) in &functions {
        let binary = function["Metadata"]["BuildProperties"]["Binary"].as_str().expect("a binary");
        let own = &function["Properties"]["Environment"]["Variables"];
        for (name, value) in [globals, own].into_iter().filter_map(Value::as_object).flatten() {
            let Some(parameter) = parameter(value).filter(|parameter| parameters.contains_key(*parameter)) else { continue };
            let new = || Variable { parameter: parameter.to_owned(), functions: BTreeSet::new() };
            let variable = variables.entry(name.clone()).or_insert_with(new);
            assert_eq!(variable.parameter, parameter, "{name} of {id}");
            variable.functions.insert(binary.to_owned());
        }
    }
    variables
}

/// The parameter whose value this is.
fn parameter(value: &Value) -> Option<&str> {
    match intrinsic(value)? {
        ("Ref", name) => name.as_str(),
        // What stands for a deployment that brings its own: a database, a domain.
        ("Fn::If", branches) => [2, 1].into_iter().find_map(|branch| parameter(&branches[branch])),
        ("Fn::Join", parts) => parameter(&parts[1]),
        _ => None,
    }
}

/// What a parameter does, and its unit.
fn description(declared: &Value) -> (&str, Option<&str>) {
    let text = declared["Description"].as_str().unwrap_or_default();
    match text.rsplit_once(" Unit: ") {
        Some((meaning, unit)) => (meaning, unit.strip_suffix('.')),
        None => (text, None),
    }
}

fn tables() -> String {
    let (parameters, variables) = (parameters(), variables());
    let all = resources("AWS::Serverless::Function").len();
    let mut of_functions = String::from(
        "`make docs` writes these tables from `template.yaml` and `shared/src/config/settings.rs`, and a test compares them.\n\n\
         ### Settings of the functions\n\n\
         | parameter | environment variable | default | unit | allowed values | meaning | functions |\n|---|---|---|---|---|---|---|\n",
    );
    let mut of_stack = String::from(
        "\n### Settings of the stack alone\n\n| parameter | default | unit | allowed values | meaning |\n|---|---|---|---|---|\n",
    );
    for (name, declared) in &parameters {
        let (meaning, unit) = description(declared);
        let (default, allowed) = (default(declared), allowed(declared));
        let (meaning, unit) = (cell(&meaning.replace('*', "\\*")), unit.unwrap_or_default());
        match variables.iter().find(|(_, variable)| variable.parameter == *name) {
            Some((variable, Variable { functions, .. })) => {
                let readers: Vec<_> = functions.iter().map(String::as_str).collect();
                let readers = if readers.len() == all { "all".into() } else { readers.join(", ") };
                let row = format!("| `{name}` | `{variable}` | {default} | {unit} | {allowed} | {meaning} | {readers} |");
                let _ = writeln!(of_functions, "{row}");
            }
            None => {
                let _ = writeln!(of_stack, "| `{name}` | {default} | {unit} | {allowed} | {meaning} |");
            }
        }
    }
    of_functions + &of_stack
}

fn default(declared: &Value) -> String {
    match text(&declared["Default"]) {
        None => "required".into(),
        Some(empty) if empty.is_empty() => "empty".into(),
        Some(default) => code(&default),
    }
}

fn allowed(declared: &Value) -> String {
    if let Some(values) = declared["AllowedValues"].as_array() {
        return values.iter().filter_map(text).map(|value| code(&value)).collect::<Vec<_>>().join(", ");
    }
    match (text(&declared["MinValue"]), text(&declared["MaxValue"]), declared["AllowedPattern"].as_str()) {
        (Some(least), Some(most), _) => format!("{least} to {most}"),
        (Some(least), None, _) => format!("{least} or more"),
        (_, _, Some(RATE)) => "two whole numbers above 0".into(),
        (_, _, Some(pattern)) => code(pattern),
        _ => String::new(),
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn code(text: &str) -> String {
    format!("`{}`", cell(text))
}

/// A bar would end the cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
