//! Which passwords anyone would try first: well-known words with a few digits or signs around them, runs, rows of keys, and the user's own name.

/// Well-known words in lower case; short ones too, since people lengthen them with digits.
const WORDS: &str = include_str!("words.txt");
/// Well-known passwords that follow no rule.
const EXACT: &str = include_str!("exact.txt");
/// Ways over a keyboard, and the alphabet.
const WALKS: [&str; 9] = [
    "1234567890",
    "qwertyuiop[]",
    "qwertzuiopasdfghjklyxcvbnm",
    "qwertyuiopasdfghjklzxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn",
    "abcdefghijklmnopqrstuvwxyz",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/",
    "qazwsxedcrfvtgbyhnujmikolp",
    "1q2w3e4r5t6y7u8i9o0p",
];
/// How many characters around a word make it no better.
const DRESSING: usize = 4;

/// Whether a password is among the first guesses.
pub(super) fn is_guessable(password: &str, username: &str) -> bool {
    let plain = password.to_lowercase();
    is_listed(&plain, EXACT)
        || is_walk(&plain)
        || is_repeated(&plain)
        || is_named(&plain, &username.to_lowercase())
        || is_dressed(&plain)
        || is_dressed(&unmasked(&plain))
}

fn is_listed(text: &str, list: &str) -> bool {
    list.lines().any(|line| line == text)
}

/// The user's own name, whatever is around it.
fn is_named(text: &str, username: &str) -> bool {
    let core = undressed(text);
    text == username || (!core.is_empty() && core == undressed(username))
}

/// A well-known word with at most four characters around it that are no letters.
fn is_dressed(text: &str) -> bool {
    let core = undressed(text);
    is_listed(text, WORDS) || (text.chars().count() - core.chars().count() <= DRESSING && is_listed(core, WORDS))
}

fn undressed(text: &str) -> &str {
    text.trim_matches(|c: char| !c.is_alphabetic())
}

/// A piece of a walk, there or back.
fn is_walk(text: &str) -> bool {
    let back: String = text.chars().rev().collect();
    WALKS.iter().any(|walk| {
        let round = walk.repeat(2);
        round.contains(text) || round.contains(&back)
    })
}

/// A few characters over and over: `aaaaaaaa`, `abcabcabc`, `12121212`.
fn is_repeated(text: &str) -> bool {
    let characters: Vec<char> = text.chars().collect();
    (1..=4).any(|length| characters.iter().zip(characters.iter().skip(length)).all(|(one, next)| one == next))
}

/// Signs that stand for letters, read as letters. Digits at the ends stay: there they are dressing.
fn unmasked(text: &str) -> String {
    let end = text.trim_end_matches(|c: char| !c.is_alphabetic()).len();
    let (word, dressing) = text.split_at(end);
    let letter = |c| match c {
        '0' => 'o',
        '1' | '!' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        other => other,
    };
    word.chars().map(letter).chain(dressing.chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_everyone_tries_first_is_refused() {
        for password in [
            "password",
            "Password1",
            "P@ssw0rd",
            "p@$$w0rd!",
            "12345678",
            "123456789",
            "87654321",
            "qwertyui",
            "qwerty123",
            "1q2w3e4r",
            "iloveyou",
            "sunshine1",
            "football!",
            "dragon2024",
            "aaaaaaaa",
            "abcabcabc",
            "12121212",
            "abcdefgh",
            "letmein!!",
            "1qaz2wsx",
            "dev-user",
            "dev-user1",
            "DEV-USER!",
            "19dev-user99",
            "conchat1",
            "trustno1",
            "00000000",
            "Summer2024",
            "пароль123",
        ] {
            assert!(is_guessable(password, "dev-user"), "{password}");
        }
    }

    #[test]
    fn what_takes_thought_is_taken() {
        for password in [
            "correct horse battery",
            "correct horse",
            "my dog ate 3 shoes",
            "zebra-umbrella",
            "Tr0ub4dor&3",
            "x7#kQ9!vL2",
            "password manager rocks",
            "sunshine20240917",
            "ann likes pears",
            "ünïcödé wörds",
            "secret-1-secret",
            "passw0rd-for-ann",
            "測試測試密碼安全嗎",
        ] {
            assert!(!is_guessable(password, "ann"), "{password}");
        }
    }

    #[test]
    fn the_lists_are_in_lower_case_and_hold_each_entry_once() {
        for list in [WORDS, EXACT] {
            let entries: Vec<_> = list.lines().collect();
            let unique: std::collections::BTreeSet<_> = entries.iter().collect();
            assert_eq!(entries.len(), unique.len());
            assert!(entries.iter().all(|entry| *entry == entry.to_lowercase().trim()));
        }
    }
}
