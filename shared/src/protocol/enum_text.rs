//! Text of enums outside of JSON, such as in columns: the names that serde gives the variants.

use std::fmt;
use std::str::FromStr;

use serde::de::{Deserialize, IntoDeserializer, value};
use serde::ser::Serialize;

use crate::protocol::admin::AccountRole;
use crate::protocol::messages::MessageKind;
use crate::protocol::people::{Notifications, Visibility};
use crate::protocol::rooms::{AllowedRole, Role, RoomKind};
use crate::protocol::sync::MemberState;
use crate::protocol::uploads::{Purpose, UploadState};

macro_rules! text_from_serde {
    ($($name:ty),+ $(,)?) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.serialize(f)
            }
        }

        impl FromStr for $name {
            type Err = value::Error;

            fn from_str(text: &str) -> Result<Self, value::Error> {
                Self::deserialize(text.into_deserializer())
            }
        }
    )+};
}

text_from_serde!(
    AccountRole,
    AllowedRole,
    MemberState,
    MessageKind,
    Notifications,
    Purpose,
    Role,
    RoomKind,
    UploadState,
    Visibility,
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_variant_has_the_text_of_its_json() {
        assert_eq!((MessageKind::System.to_string(), "system".parse()), ("system".into(), Ok(MessageKind::System)));
        assert_eq!((Visibility::Nobody.to_string(), "nobody".parse()), ("nobody".into(), Ok(Visibility::Nobody)));
        assert!("Nobody".parse::<Visibility>().is_err());
    }
}
