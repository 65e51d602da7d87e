//! Parameter overrides from `samconfig.toml`, so that a local run can use a deployment's values.

use std::collections::BTreeMap;
use std::path::Path;

use toml::{Table, Value};

use super::error::{TemplateError, UnlocatedError};

/// The `parameter_overrides` of `[<config_env>.deploy.parameters]`, or of its `global` section.
pub fn samconfig_parameters(path: impl AsRef<Path>, config_env: &str) -> Result<BTreeMap<String, String>, TemplateError> {
    let path = path.as_ref();
    let text = std::fs::read_to_string(path)
        .map_err(|error| UnlocatedError::new(format!("the file cannot be read: {error}")).locate(path, ""))?;
    overrides(&text, config_env).map_err(|fault| fault.locate(path, &text))
}

fn overrides(text: &str, config_env: &str) -> Result<BTreeMap<String, String>, UnlocatedError> {
    let config: Table = text.parse().map_err(|error: toml::de::Error| {
        let line = error.span().map(|span| text[..span.start.min(text.len())].lines().count().max(1));
        UnlocatedError::new(format!("invalid TOML: {}", error.message())).on_line(line)
    })?;
    let Some(environment) = config.get(config_env).and_then(Value::as_table) else {
        let known: Vec<&str> = config.iter().filter(|(_, value)| value.is_table()).map(|(name, _)| name.as_str()).collect();
        return Err(UnlocatedError::new(format!("the file has no environment {config_env}; it has {}", known.join(", "))));
    };
    let of_command = |command: &str| environment.get(command)?.get("parameters")?.get("parameter_overrides");
    match of_command("deploy").or_else(|| of_command("global")) {
        None => Ok(BTreeMap::new()),
        Some(Value::String(line)) => words(line)?.into_iter().map(|word| pair(&word)).collect(),
        Some(Value::Array(items)) => {
            let mut all = BTreeMap::new();
            for item in items {
                for word in words(item.as_str().ok_or_else(not_pairs)?)? {
                    all.extend([pair(&word)?]);
                }
            }
            Ok(all)
        }
        Some(_) => Err(not_pairs()),
    }
}

/// `K=V`, or the older `ParameterKey=K,ParameterValue=V`.
fn pair(word: &str) -> Result<(String, String), UnlocatedError> {
    let long = word.strip_prefix("ParameterKey=").and_then(|rest| rest.split_once(",ParameterValue="));
    match long.or_else(|| word.split_once('=')) {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err(UnlocatedError::new(format!(
            "the parameter override {word:?} is not Name=Value; a value with spaces needs quotes"
        ))
        .near(word)),
    }
}

fn not_pairs() -> UnlocatedError {
    UnlocatedError::new("parameter_overrides is a list of \"Name=Value\", or one string of them").near("parameter_overrides")
}

/// Splits at spaces outside of quotes like a shell: removes quotes, and a backslash escapes the next character.
fn words(line: &str) -> Result<Vec<String>, UnlocatedError> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match (letter, quote) {
            ('\\', open) if open != Some('\'') => word.get_or_insert_default().extend(letters.next()),
            ('"' | '\'', None) => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (_, Some(open)) if letter == open => quote = None,
            (_, None) if letter.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(letter),
        }
    }
    if quote.is_some() {
        return Err(UnlocatedError::new(format!("a quote is not closed in {line:?}")).near("parameter_overrides"));
    }
    words.extend(word);
    Ok(words)
}
