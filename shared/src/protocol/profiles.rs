//! What one changes of oneself, and asks to be done with one's account.

use serde::{Deserialize, Deserializer};

use crate::protocol::people::{Notifications, Visibility};

/// Body of `PATCH /api/users/me`: what is absent stays as it is.
#[derive(Clone, Default, Deserialize, utoipa::ToSchema)]
pub struct ChangeMe {
    /// What people see: 1–64 characters.
    #[schema(example = "Ann", min_length = 1, max_length = 64)]
    pub display_name: Option<String>,
    /// A few words about oneself, at most 500 characters.
    #[schema(example = "Mostly here for the tea.", max_length = 500)]
    pub about: Option<String>,
    /// The e-mail address that one can log in by; null removes it. Another one than before takes the `password`.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, example = "ann@example.com")]
    pub email: Option<Option<String>>,
    /// The present password, for another e-mail address; not looked at otherwise.
    #[schema(format = Password, example = json!(null))]
    pub password: Option<String>,
    /// What one chooses.
    #[serde(default)]
    pub settings: ChangeMySettings,
}

/// Choices to change: what is absent stays as it is.
#[derive(Clone, Copy, Debug, Default, Deserialize, utoipa::ToSchema)]
pub struct ChangeMySettings {
    /// Who may see whether one is online, and when one last was.
    pub presence: Option<Visibility>,
    /// Of which messages one's devices are notified while one is away.
    pub notifications: Option<Notifications>,
    /// Who may add one to rooms; whoever else wants to, asks.
    pub added_by: Option<Visibility>,
}

/// Body of `DELETE /api/users/me`.
#[derive(Clone, Deserialize, utoipa::ToSchema)]
pub struct Erase {
    /// The present password.
    #[schema(format = Password, example = "correct horse battery staple")]
    pub password: String,
}

/// Tells a null that was sent from a field that was not.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_removes_an_address_and_silence_keeps_it() {
        let email = |text: &str| serde_json::from_str::<ChangeMe>(text).map(|change| change.email).ok();
        assert_eq!(email("{}"), Some(None));
        assert_eq!(email(r#"{"email":null}"#), Some(Some(None)));
        assert_eq!(email(r#"{"email":"a@b.cc"}"#), Some(Some(Some("a@b.cc".into()))));
        assert_eq!(email(r#"{"email":7}"#), None);
    }
}
