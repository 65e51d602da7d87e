//! New usernames: their form, and the ones that stand for everyone or for the operators. Names from before these rules go on.

/// Names that may not be registered: they call everyone, speak for the operators or the service, or read like a missing name.
const RESERVED: &[&str] = &[
    "admin",
    "administrator",
    "administrators",
    "admins",
    "all",
    "anonymous",
    "channel",
    "conchat",
    "deleted",
    "deleteduser",
    "everybody",
    "everyone",
    "here",
    "me",
    "mod",
    "moderator",
    "moderators",
    "mods",
    "null",
    "official",
    "operator",
    "operators",
    "room",
    "root",
    "security",
    "staff",
    "support",
    "system",
    "undefined",
];

/// Returns whether a name begins and ends with a letter or digit, without two marks beside each other, so that a sentence's punctuation is not a name's.
pub fn is_well_formed(name: &str) -> bool {
    let ends = |c: Option<u8>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    let bytes = name.as_bytes();
    ends(bytes.first().copied())
        && ends(bytes.last().copied())
        && !bytes.windows(2).any(|pair| pair.iter().all(u8::is_ascii_punctuation))
}

/// Returns whether a name is reserved, by the list above or by the deployment. Case, marks and digits that look like letters make no difference.
pub fn is_reserved(name: &str, more: &[String]) -> bool {
    let name = folded(name);
    RESERVED.iter().copied().chain(more.iter().map(String::as_str)).any(|reserved| reads_as(&name, &folded(reserved)))
}

/// Returns whether a folded name reads as a reserved one. A digit one is read as i or l, and a small L as a capital I; an i is not read as l, so `ali`
/// is not `all`.
fn reads_as(name: &str, reserved: &str) -> bool {
    let same = |(typed, meant)| typed == meant || matches!((typed, meant), (b'1', b'i' | b'l') | (b'l', b'i'));
    name.len() == reserved.len() && name.bytes().zip(reserved.bytes()).all(same)
}

/// The name's letters as they look, except the digit one, which has two readings.
fn folded(name: &str) -> String {
    let plain = name.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| match byte.to_ascii_lowercase() {
        b'0' => 'o',
        b'3' => 'e',
        b'4' => 'a',
        b'5' => 's',
        b'7' => 't',
        letter => char::from(letter),
    });
    plain.collect::<String>().replace("rn", "m").replace("vv", "w")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_begins_and_ends_with_a_letter_or_digit_without_double_marks() {
        for good in ["ann", "a.b_c-d", "0123456789", "a-1", "x.y"] {
            assert!(is_well_formed(good), "{good}");
        }
        let marks = [".", "_", "-"];
        for mark in marks {
            for bad in [format!("{mark}ann"), format!("ann{mark}"), format!("-x{mark}"), mark.repeat(3)] {
                assert!(!is_well_formed(&bad), "{bad}");
            }
            for other in marks {
                assert!(!is_well_formed(&format!("ann{mark}{other}b")), "{mark}{other}");
            }
        }
        assert!(!is_well_formed(""));
    }

    #[test]
    fn every_reserved_name_is_so_in_each_spelling() {
        for name in RESERVED {
            let dotted = name.chars().map(String::from).collect::<Vec<_>>().join(".");
            let digits = name.replace('o', "0").replace(['i', 'l'], "1").replace('e', "3").replace('a', "4").replace('s', "5");
            for spelling in [(*name).to_owned(), name.to_uppercase(), dotted, digits, format!("{name}_")] {
                assert!(is_reserved(&spelling, &[]), "{spelling}");
            }
            assert!(!is_reserved(&format!("{name}xy"), &[]), "{name}xy");
        }
        assert!(is_reserved("adrnin", &[]) && is_reserved("Acme-Team", &["acmeteam".into()]));
        for reserved in ["admln", "adm1n", "offlcia1", "a11", "A1L", "nu1l", "acm1"] {
            assert!(is_reserved(reserved, &["acmi".into()]), "{reserved}");
        }
        for free in
            ["ali", "alis", "ali.b", "aii", "nuii", "nuil", "ann", "allen", "rooms", "adminton", "roots", "hereward", "callme"]
        {
            assert!(!is_reserved(free, &[]), "{free}");
        }
    }
}
