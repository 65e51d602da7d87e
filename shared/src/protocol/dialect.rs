//! The dialects of a socket, which the handshake negotiates as WebSocket subprotocols.

/// Which forms of frames a socket understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// No subprotocol: includes the keys of legacy clients.
    Full,
    /// Subprotocol `conchat.v1`: no redundant keys.
    Lean,
    /// Subprotocol `conchat.v2`: as `conchat.v1`, and a `messages` frame may hold several messages.
    Packed,
}

impl Dialect {
    /// Chooses the newest of the offered subprotocols: a comma-separated list.
    pub fn of_offer(offered: &str) -> Self {
        let offers = |dialect: &Self| offered.split(',').any(|one| dialect.subprotocol() == Some(one.trim()));
        [Self::Packed, Self::Lean].into_iter().find(offers).unwrap_or(Self::Full)
    }

    /// Reads a stored dialect. Two flags, because release 0.2.0 reads `lean` and ignores `packed`.
    pub const fn of_flags(lean: bool, packed: bool) -> Self {
        match (lean, packed) {
            (_, true) => Self::Packed,
            (true, false) => Self::Lean,
            (false, false) => Self::Full,
        }
    }

    /// Whether the socket has a subprotocol.
    pub const fn is_lean(self) -> bool {
        !matches!(self, Self::Full)
    }

    pub const fn is_packed(self) -> bool {
        matches!(self, Self::Packed)
    }

    pub const fn subprotocol(self) -> Option<&'static str> {
        match self {
            Self::Full => None,
            Self::Lean => Some("conchat.v1"),
            Self::Packed => Some("conchat.v2"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_dialect_offered_is_chosen() {
        for (offered, dialect) in [
            ("conchat.v2, conchat.v1", Dialect::Packed),
            ("conchat.v1,conchat.v2,bearer.t.o.k", Dialect::Packed),
            ("bearer.t.o.k, conchat.v1", Dialect::Lean),
            ("conchat.v10", Dialect::Full),
            ("", Dialect::Full),
        ] {
            assert_eq!(Dialect::of_offer(offered), dialect, "{offered}");
            assert_eq!(Dialect::of_flags(dialect.is_lean(), dialect.is_packed()), dialect);
        }
    }
}
