//! Requests about the caller's own profile and account.

use serde::{Deserialize, Deserializer};

use crate::protocol::people::{Notifications, Visibility};

/// Body of `PATCH /api/users/me`; absent fields are unchanged.
#[derive(Clone, Default, Deserialize, utoipa::ToSchema)]
pub struct ChangeMe {
    /// The display name, 1–64 characters. Stored composed (NFC) and without characters that do not show.
    #[schema(example = "Ann", min_length = 1, max_length = 64)]
    pub display_name: Option<String>,
    /// A short text about the user, at most 500 characters.
    #[schema(example = "Mostly here for the tea.", max_length = 500)]
    pub about: Option<String>,
    /// The e-mail address for login; null removes it. A new address requires `password`.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, example = "ann@example.com")]
    pub email: Option<Option<String>>,
    /// The current password; only used with a new e-mail address.
    #[schema(format = Password, example = json!(null))]
    pub password: Option<String>,
    /// The settings.
    #[serde(default)]
    pub settings: ChangeMySettings,
}

/// Settings to change; absent fields are unchanged.
#[derive(Clone, Copy, Debug, Default, Deserialize, utoipa::ToSchema)]
pub struct ChangeMySettings {
    /// Who may see the user's presence.
    pub presence: Option<Visibility>,
    /// Which messages send push notifications while the user is away.
    pub notifications: Option<Notifications>,
    /// Who may add the user to rooms directly; others send an invitation.
    pub added_by: Option<Visibility>,
}

/// Body of `DELETE /api/users/me`.
#[derive(Clone, Deserialize, utoipa::ToSchema)]
pub struct Erase {
    /// The current password.
    #[schema(format = Password, example = "correct horse battery staple")]
    pub password: String,
}

/// Distinguishes null from an absent field.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
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
