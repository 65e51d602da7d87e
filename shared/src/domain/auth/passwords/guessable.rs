//! Detection of guessable passwords: leaked ones, common words with a few digits or signs, sequences, keyboard rows, the user's names, the
//! product's name.

use std::sync::LazyLock;

/// The 10,000 most used passwords, and those of the next 20,000 that have the minimum length, in lower case, sorted. Taken from zxcvbn 4.4.2,
/// which counted them in published leaks; its licence is beside the file.
const COMMON: &str = include_str!("common.txt");
/// Common words in lower case that are not in `COMMON`, including short ones, which people extend with digits.
const WORDS: &str = include_str!("words.txt");
/// Well-known passwords without a pattern that are not in the other lists.
const EXACT: &str = include_str!("exact.txt");
/// Keyboard paths and the alphabet.
const KEYBOARD_PATHS: [&str; 15] = [
    "1234567890",
    "147258369",
    "741852963",
    "789456123",
    "qwertyuiop[]",
    "qwertzuiopasdfghjklyxcvbnm",
    "qwertyuiopasdfghjklzxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn",
    "abcdefghijklmnopqrstuvwxyz",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/",
    "qazwsxedcrfvtgbyhnujmikolp",
    "qweasdzxc",
    "1q2w3e4r5t6y7u8i9o0p",
    "q1w2e3r4t5y6u7i8o9p0",
    "a1b2c3d4e5f6g7h8i9j0",
];
const PRODUCT: &str = "conchat";
/// Characters around a word that do not make it stronger.
const MAX_PADDING: usize = 4;
/// The same beside a year.
const MAX_PADDING_BESIDE_YEAR: usize = 2;
/// Shorter names are part of too many other words.
const SHORTEST_NAME: usize = 3;

/// Returns whether a password is among the first guesses for a user with these names.
pub(super) fn is_guessable(password: &str, names: &[&str]) -> bool {
    let plain = password.to_lowercase();
    is_known(&plain)
        || is_listed(&plain, EXACT)
        || is_extended(&plain)
        || is_padded_word(&plain)
        || is_padded_word(&unsubstituted(&plain))
        || names.iter().copied().chain([PRODUCT]).flat_map(parts).any(|name| is_name_based(&plain, &name.to_lowercase()))
}

fn is_common(text: &str) -> bool {
    static LIST: LazyLock<Vec<&str>> = LazyLock::new(|| COMMON.lines().collect());
    LIST.binary_search(&text).is_ok()
}

fn is_listed(text: &str, list: &str) -> bool {
    list.lines().any(|line| line == text)
}

fn is_known(text: &str) -> bool {
    is_common(text) || is_keyboard_path(text) || is_repeated(text)
}

/// A known password with one or two characters before or after it.
fn is_extended(text: &str) -> bool {
    let cut = |count: usize| Some((text.char_indices().nth(count)?.0, text.char_indices().nth_back(count - 1)?.0));
    (1..=2).filter_map(cut).any(|(front, back)| is_known(&text[front..]) || is_known(&text[..back]))
}

/// Splits a name or an e-mail address into the parts that people use.
fn parts(name: &str) -> impl Iterator<Item = &str> {
    let (local, domain) = name.split_once('@').unwrap_or((name, ""));
    [local, domain.split('.').next().unwrap_or_default(), if domain.is_empty() { "" } else { name }].into_iter()
}

/// A name, forwards or backwards, repeated or not, ignoring everything but letters.
fn is_name_based(text: &str, name: &str) -> bool {
    let (letters, own): (String, String) = (letters_of(text), letters_of(name));
    let back: String = own.chars().rev().collect();
    let only = |own: &str| !letters.is_empty() && letters.replace(own, "").is_empty();
    !name.is_empty() && text == name || own.chars().count() >= SHORTEST_NAME && (only(&own) || only(&back))
}

fn letters_of(text: &str) -> String {
    text.chars().filter(|c| c.is_alphabetic()).collect()
}

/// A common word or keyboard path, padded with a few other characters.
fn is_padded_word(text: &str) -> bool {
    let core = without_padding(text);
    let around = text.chars().count() - core.chars().count();
    let little = around <= MAX_PADDING || around <= MAX_PADDING + MAX_PADDING_BESIDE_YEAR && has_year(text);
    let known = || is_common(core) || is_listed(core, WORDS) || core.chars().count() >= SHORTEST_NAME && is_known(core);
    is_listed(text, WORDS) || little && known()
}

fn without_padding(text: &str) -> &str {
    text.trim_matches(|c: char| !c.is_alphabetic())
}

fn has_year(text: &str) -> bool {
    text.as_bytes().windows(4).any(|four| four.iter().all(u8::is_ascii_digit) && matches!(&four[..2], b"19" | b"20"))
}

/// Part of a keyboard path, in either direction.
fn is_keyboard_path(text: &str) -> bool {
    let back: String = text.chars().rev().collect();
    KEYBOARD_PATHS.iter().any(|walk| {
        let round = walk.repeat(2);
        round.contains(text) || round.contains(&back)
    })
}

/// A repeated sequence: `aaaaaaaa`, `abcabcabc`, `12121212`.
fn is_repeated(text: &str) -> bool {
    let characters: Vec<char> = text.chars().collect();
    (1..=4).any(|length| {
        let again = characters.iter().zip(characters.iter().skip(length));
        characters.len() > length && again.into_iter().all(|(one, next)| one == next)
    })
}

/// Replaces signs that stand for letters. Trailing digits stay, as padding.
fn unsubstituted(text: &str) -> String {
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

    const ANN: [&str; 3] = ["ann", "Ann-Marie Lindqvist", "a.lindqvist@northwind.example"];

    #[test]
    #[expect(clippy::too_many_lines, reason = "a list")]
    fn the_most_common_passwords_are_refused() {
        let first = [
            "password1",
            "password123",
            "12345678",
            "123456789",
            "1234567890",
            "qwertyuiop",
            "qwerty123",
            "iloveyou",
            "princess",
            "sunshine",
            "football",
            "baseball",
            "superman",
            "welcome1",
            "welcome123",
            "Passw0rd",
            "Passw0rd!",
            "P@ssw0rd",
            "P@ssw0rd1",
            "Password1",
            "Password1!",
            "Password123!",
            "admin123",
            "admin1234",
            "letmein1",
            "letmein123",
            "1q2w3e4r",
            "1q2w3e4r5t",
            "1qaz2wsx",
            "zaq12wsx",
            "abcd1234",
            "abc12345",
            "asdfghjkl",
            "asdf1234",
            "qazwsxedc",
            "trustno1",
            "computer",
            "michelle",
            "jennifer",
            "Summer2024",
            "Summer2025!",
            "Winter2026",
            "Winter2026!",
            "Spring2026!",
            "Autumn2026",
            "Monday123",
            "changeme",
            "changeme123",
            "secret123",
            "dragon123",
            "monkey123",
            "shadow123",
            "master123",
            "liverpool",
            "chelsea1",
            "arsenal1",
            "barcelona",
            "juventus",
            "pokemon1",
            "starwars",
            "whatever",
            "qwer1234",
            "aaaaaaaa",
            "11111111",
            "88888888",
            "00000000",
            "12341234",
            "11223344",
            "87654321",
            "987654321",
            "147258369",
            "741852963",
            "password!",
            "conchat1",
            "conchat123",
            "ConChat2026",
            "chatchat",
            "letmein!",
            "test1234",
            "testtest",
            "testing123",
            "hello123",
            "hallo123",
            "hejsan123",
            "motdepasse",
            "azerty123",
            "passwort1",
            "passwort123",
            "contraseña",
            "qwertz123",
            "12qwaszx",
            "charlie1",
            "jordan23",
            "michael1",
            "ashley123",
            "samsung1",
            "iphone123",
            "facebook1",
            "google123",
            "linkedin1",
            "minecraft",
            "fortnite1",
            "nintendo",
            "asdfasdf",
            "qweasdzxc",
            "qweasd123",
            "p@ssword",
            "pa55word",
            "pa$$word",
            "1234qwer",
            "a1b2c3d4",
            "aa123456",
            "a123456789",
            "123456a!",
            "123qwe123",
            "q1w2e3r4",
            "zxcvbnm1",
            "zxcvbnm123",
            "password12",
            "password2",
            "1password",
            "p@$$w0rd!",
            "qwertyui",
            "sunshine1",
            "football!",
            "dragon2024",
            "abcabcabc",
            "12121212",
            "abcdefgh",
            "00000000",
            "пароль123",
        ];
        for password in first {
            assert!(is_guessable(password, &["dev-user"]), "{password}");
        }
    }

    #[test]
    fn a_calendar_word_with_a_year_is_refused_in_every_language() {
        for word in ["Summer", "Herbst", "Verano", "Printemps", "Januari", "Octobre", "Freitag", "Samedi", "Maj"] {
            for dressing in ["2025!", "1999", "!2026", "2030!!", "#1"] {
                let password = format!("{word}{dressing}");
                assert!(password.chars().count() < 8 || is_guessable(&password, &["ann"]), "{password}");
            }
        }
    }

    #[test]
    fn names_of_the_user_and_of_the_product_are_refused() {
        for password in [
            "ann12345!!",
            "AnnAnnAnn",
            "annmarielindqvist",
            "Ann-Marie Lindqvist 1990",
            "tsivqdnilEiramnna",
            "a.lindqvist",
            "a.lindqvist@northwind.example",
            "Northwind#2026#",
            "northwindNorthwind",
            "ConChat2026!!!",
            "tahcnoc-tahcnoc",
        ] {
            assert!(is_guessable(password, &ANN), "{password}");
        }
        for (name, password) in [("dev-user", "19dev-user99"), ("12345abc", "12345abc"), ("alexander7x2", "2x7rednaxela")] {
            assert!(is_guessable(password, &[name]), "{password}");
        }
        assert!(!is_guessable("lindqvist and the sea", &ANN) && !is_guessable("xq-ann-vw-0815", &ANN));
        assert!(!is_guessable("ab-long-words-of-mine", &["ab", ""]), "two letters are part of anything");
    }

    #[test]
    fn passwords_that_are_hard_to_guess_are_accepted() {
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
            assert!(!is_guessable(password, &["ann"]), "{password}");
        }
    }

    #[test]
    fn the_lists_are_in_lower_case_and_order_and_hold_each_entry_once() {
        for list in [COMMON, WORDS, EXACT] {
            let entries: Vec<_> = list.lines().collect();
            assert!(entries.is_sorted_by(|one, next| one < next));
            assert!(entries.iter().all(|entry| *entry == entry.to_lowercase().trim() && !entry.is_empty()));
        }
        assert!(COMMON.lines().count() >= 10_000);
        assert!([WORDS, EXACT].iter().flat_map(|list| list.lines()).all(|entry| !is_common(entry)));
    }
}
