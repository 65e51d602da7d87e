//! The REQUEST authorizer of `$connect`. Evaluates the IAM policy as AWS does; anything but a clear Allow refuses the connection.

use bytes::Bytes;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::backend::IntegrationError;

/// AWS's limit of an authorizer's response.
const MAX_RESPONSE_BYTES: usize = 8 << 10;

/// Evaluates the authorizer's response: returns the context that later events repeat, or the status of the refused handshake.
pub(super) fn decide(
    answer: Result<Bytes, IntegrationError>,
    method_arn: &str,
    latency_ms: u64,
) -> Result<Map<String, Value>, StatusCode> {
    let answer = answer.map_err(|failure| refused(&failure))?;
    let policy = Policy::parse(&answer).ok_or_else(|| {
        tracing::warn!(
            "the authorizer's response is not a policy with a principalId, or its context contains values other than strings, numbers and booleans"
        );
        StatusCode::INTERNAL_SERVER_ERROR
    })?;
    if !policy.allows(method_arn) {
        return Err(StatusCode::FORBIDDEN);
    }
    let mut block = policy.context;
    block.insert("principalId".to_owned(), Value::String(policy.principal_id));
    block.insert("integrationLatency".to_owned(), latency_ms.into());
    Ok(block)
}

/// Only the exact message "Unauthorized" is a 401.
fn refused(failure: &IntegrationError) -> StatusCode {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Thrown {
        error_message: String,
    }
    if let IntegrationError::Function(error) = failure
        && serde_json::from_slice::<Thrown>(error).is_ok_and(|thrown| thrown.error_message == "Unauthorized")
    {
        return StatusCode::UNAUTHORIZED;
    }
    failure.log("the authorizer", "$connect");
    StatusCode::INTERNAL_SERVER_ERROR
}

struct Policy {
    principal_id: String,
    statements: Vec<Statement>,
    context: Map<String, Value>,
}

/// Unknown members change what a statement means and make it invalid.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Statement {
    #[serde(rename = "Sid")]
    _sid: Option<String>,
    effect: Effect,
    action: OneOrMore,
    resource: OneOrMore,
}

#[derive(Deserialize, PartialEq, Eq)]
enum Effect {
    Allow,
    Deny,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl Policy {
    fn parse(answer: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct AuthorizerResponse {
            principal_id: String,
            policy_document: Document,
            context: Option<Map<String, Value>>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Document {
            statement: Statements,
        }
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Statements {
            One(Statement),
            More(Vec<Statement>),
        }
        if answer.len() > MAX_RESPONSE_BYTES {
            return None;
        }
        let answer: AuthorizerResponse = serde_json::from_slice(answer).ok()?;
        let context = answer
            .context
            .into_iter()
            .flatten()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| Some((name, stringified(value)?)));
        Some(Self {
            principal_id: answer.principal_id,
            statements: match answer.policy_document.statement {
                Statements::One(statement) => vec![statement],
                Statements::More(statements) => statements,
            },
            context: context.collect::<Option<_>>()?,
        })
    }

    /// A Deny overrides every Allow.
    fn allows(&self, method_arn: &str) -> bool {
        let concerns = |statement: &&Statement| {
            statement.action.any(|action| wildcard_matches(&action.to_ascii_lowercase(), "execute-api:invoke"))
                && statement.resource.any(|resource| wildcard_matches(resource, method_arn))
        };
        let concerning: Vec<&Statement> = self.statements.iter().filter(concerns).collect();
        !concerning.is_empty() && concerning.iter().all(|statement| statement.effect == Effect::Allow)
    }
}

impl OneOrMore {
    fn any(&self, fits: impl Fn(&str) -> bool) -> bool {
        match self {
            Self::One(text) => fits(text),
            Self::More(texts) => texts.iter().any(|text| fits(text)),
        }
    }
}

/// Functions receive context values as strings.
fn stringified(value: Value) -> Option<Value> {
    match value {
        Value::String(_) => Some(value),
        Value::Number(_) | Value::Bool(_) => Some(Value::String(value.to_string())),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Matches a wildcard pattern: `*` is any text, `?` one character. Iterative, linear in practice.
fn wildcard_matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut at, mut place, mut star) = (0, 0, None);
    while place < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, place));
                at += 1;
            }
            Some(letter) if *letter == b'?' || *letter == text[place] => {
                at += 1;
                place += 1;
            }
            _ => match star {
                Some((before, from)) => {
                    star = Some((before, from + 1));
                    at = before + 1;
                    place = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|letter| *letter == b'*')
}

#[cfg(test)]
mod tests {
    use super::{decide, wildcard_matches};
    use crate::gateway::backend::IntegrationError;
    use http::StatusCode;
    use serde_json::{Value, json};

    const ARN: &str = "arn:aws:execute-api:us-east-1:000000000000:WsApi/ws/$connect";

    fn status(statements: &Value) -> u16 {
        let answer = json!({"principalId": "7", "policyDocument": {"Version": "2012-10-17", "Statement": statements}});
        decide(Ok(answer.to_string().into()), ARN, 1).map_or_else(|status| status.as_u16(), |_| 200)
    }

    fn statement(effect: &str, resource: &str) -> Value {
        json!({"Effect": effect, "Action": "execute-api:Invoke", "Resource": resource})
    }

    #[test]
    fn only_a_clear_allow_lets_in() {
        assert_eq!(status(&json!([statement("Allow", ARN)])), 200);
        assert_eq!(status(&json!([statement("Allow", "arn:aws:execute-api:*:*:WsApi/*")])), 200);
        assert_eq!(status(&statement("Allow", "*")), 200);
        assert_eq!(status(&json!([statement("Deny", ARN)])), 403);
        assert_eq!(status(&json!([statement("Allow", "*"), statement("Deny", ARN)])), 403);
        assert_eq!(status(&json!([statement("Allow", "arn:aws:execute-api:*:*:Other/*")])), 403);
        assert_eq!(status(&json!([{"Effect": "Allow", "Action": ["s3:*"], "Resource": ARN}])), 403);
        assert_eq!(status(&json!([])), 403);
    }

    #[test]
    fn what_cannot_be_evaluated_is_an_error() {
        assert_eq!(status(&json!([{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {}}])), 500);
        assert_eq!(status(&json!([{"Effect": "Perhaps", "Action": "*", "Resource": "*"}])), 500);
        assert_eq!(decide(Ok("{}".into()), ARN, 1), Err(StatusCode::INTERNAL_SERVER_ERROR));
        assert_eq!(decide(Ok("[".into()), ARN, 1), Err(StatusCode::INTERNAL_SERVER_ERROR));
        assert_eq!(decide(Err(IntegrationError::TimedOut), ARN, 1), Err(StatusCode::INTERNAL_SERVER_ERROR));
    }

    #[test]
    fn the_message_unauthorized_alone_is_a_401() {
        let thrown =
            |message: &str| decide(Err(IntegrationError::Function(json!({"errorMessage": message}).to_string().into())), ARN, 1);
        assert_eq!(thrown("Unauthorized"), Err(StatusCode::UNAUTHORIZED));
        assert_eq!(thrown("Unauthorized!"), Err(StatusCode::INTERNAL_SERVER_ERROR));
    }

    #[test]
    fn context_values_become_texts() {
        let answer = |context: Value| {
            let policy =
                json!({"principalId": "7", "policyDocument": {"Statement": [statement("Allow", "*")]}, "context": context});
            decide(Ok(policy.to_string().into()), ARN, 21).map(Value::Object)
        };
        let block = json!({"principalId": "7", "integrationLatency": 21, "n": "1", "b": "true", "s": "x"});
        assert_eq!(answer(json!({"n": 1, "b": true, "s": "x"})), Ok(block));
        assert_eq!(answer(json!({"list": []})), Err(StatusCode::INTERNAL_SERVER_ERROR));
    }

    #[test]
    fn wildcards_match_any_text() {
        assert!(wildcard_matches("*", ""));
        assert!(wildcard_matches("a*c?e", "abbbcde"));
        assert!(!wildcard_matches("a*c", "abd"));
        assert!(!wildcard_matches("", "a"));
        assert!(wildcard_matches("a**", "a"));
    }
}
