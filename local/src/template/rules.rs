//! `Rules`: assertions about parameters, which CloudFormation evaluates before it creates anything.

use serde_json::{Map, Value};

use super::error::UnlocatedError;
use super::parameters::scalar;
use super::scope::Scope;

/// Returns the description of the first assertion that does not hold.
pub(super) fn check(scope: &Scope, rules: &Map<String, Value>) -> Result<(), UnlocatedError> {
    for (name, rule) in rules {
        check_rule(scope, rule).map_err(|fault| fault.at("Rules", name))?;
    }
    Ok(())
}

fn check_rule(scope: &Scope, rule: &Value) -> Result<(), UnlocatedError> {
    if let Some(condition) = rule.get("RuleCondition")
        && !holds(scope, condition)?
    {
        return Ok(());
    }
    let assertions = rule.get("Assertions").and_then(Value::as_array);
    let assertions = assertions.ok_or_else(|| UnlocatedError::new("the rule needs Assertions, a list"))?;
    for assertion in assertions {
        let assert = assertion.get("Assert").ok_or_else(|| UnlocatedError::new("the assertion needs an Assert"))?;
        if !holds(scope, assert)? {
            let reason = assertion.get("AssertDescription").and_then(Value::as_str).unwrap_or("an assertion does not hold");
            return Err(UnlocatedError::new(reason).near(reason));
        }
    }
    Ok(())
}

/// Evaluates a rule-specific function; conditions and resources are out of scope here.
fn holds(scope: &Scope, expression: &Value) -> Result<bool, UnlocatedError> {
    let call = expression.as_object().filter(|object| object.len() == 1).and_then(|object| object.iter().next());
    let Some((name, argument)) = call else {
        return Err(UnlocatedError::new(format!("an assertion is a function such as !Equals, not {expression}")));
    };
    let arguments = argument.as_array().map_or(&[][..], Vec::as_slice);
    match (name.as_str(), arguments) {
        ("Fn::Equals", _) => scope.test(expression),
        ("Fn::Not", [only]) => Ok(!holds(scope, only)?),
        ("Fn::And" | "Fn::Or", [_, _, ..]) => {
            let results = arguments.iter().map(|part| holds(scope, part)).collect::<Result<Vec<_>, _>>()?;
            Ok(if name == "Fn::And" { results.iter().all(|result| *result) } else { results.contains(&true) })
        }
        ("Fn::Contains", [list, value]) => Ok(texts(scope, list)?.contains(&scope.text(value, "the value of Contains")?)),
        ("Fn::EachMemberEquals", [list, value]) => {
            let value = scope.text(value, "the value of EachMemberEquals")?;
            Ok(texts(scope, list)?.iter().all(|member| *member == value))
        }
        ("Fn::EachMemberIn", [list, others]) => {
            let others = texts(scope, others)?;
            Ok(texts(scope, list)?.iter().all(|member| others.contains(member)))
        }
        _ => Err(UnlocatedError::new(format!(
            "{name} with these arguments is not supported in a rule; use And, Contains, EachMemberEquals, EachMemberIn, Equals, Not or Or"
        ))
        .near(name.trim_start_matches("Fn::"))),
    }
}

fn texts(scope: &Scope, list: &Value) -> Result<Vec<String>, UnlocatedError> {
    match scope.resolve(list)? {
        Value::Array(items) => Ok(items.iter().filter_map(scalar).collect()),
        other => Err(UnlocatedError::new(format!("a rule needs a list here, not {other}"))),
    }
}
