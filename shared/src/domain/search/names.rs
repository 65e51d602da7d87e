//! Words of display names, folded as messages are, for the search of people.

use std::collections::BTreeSet;

use super::normalize::{CharClass, NormalizedText, char_class};

/// Maximum number of words kept of a name, and of characters of each.
const MAX_WORDS: usize = 64;
const MAX_WORD_LENGTH: usize = 64;
/// Maximum number of words that a search compares.
const MAX_QUERY_WORDS: usize = 4;

/// Returns the words of a name, each as it may be searched for: from the beginnings of words, after apostrophes and, in scripts without blanks, from
/// each character.
pub(in crate::domain) fn words_of_name(name: &str) -> Vec<String> {
    let plain = NormalizedText::of(name);
    let mut words = BTreeSet::new();
    let mut before = CharClass::Separator;
    for (at, c) in plain.text().char_indices() {
        let class = char_class(c);
        let begins = class != before || class == CharClass::Unspaced || plain.joints().contains(&at);
        if class != CharClass::Separator && begins && !plain.splits_emoji(at) && words.len() < MAX_WORDS {
            words.insert(plain.text()[at..].chars().take_while(|c| *c != ' ').take(MAX_WORD_LENGTH).collect());
        }
        before = class;
    }
    words.into_iter().collect()
}

/// Returns the words that a search for people compares with the beginnings of words, the longest first. A single ASCII letter is none: a large part of
/// all words begins with it, and each would be read.
pub(in crate::domain) fn words_of_query(query: &str) -> Vec<String> {
    let plain = NormalizedText::of(query);
    let mut words: Vec<String> = Vec::new();
    for word in plain.text().split(' ').filter(|word| word.len() > 1) {
        let word: String = word.chars().take(MAX_WORD_LENGTH).collect();
        if !words.contains(&word) {
            words.push(word);
        }
    }
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    words.truncate(MAX_QUERY_WORDS);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_by_each_of_its_words() {
        for (name, expected) in [
            ("Jane Doe", &["doe", "jane"][..]),
            ("Łukasz Żółć-Nowak", &["lukasz", "nowak", "zolc"]),
            ("Conan O’Brien", &["brien", "conan", "obrien"]),
            ("田中太郎", &["中太郎", "太郎", "田中太郎", "郎"]),
            ("Ann 👩🏽‍🚀", &["ann", "👩\u{200d}🚀🏽"]),
            ("ann ann", &["ann"]),
            ("…", &[]),
        ] {
            assert_eq!(words_of_name(name), expected, "{name}");
        }
        assert!(words_of_name(&"ﷺ".repeat(64)).len() <= MAX_WORDS);
        assert!(words_of_name(&"ﷺ".repeat(64)).iter().all(|word| word.chars().count() <= MAX_WORD_LENGTH));
    }

    #[test]
    fn a_query_has_few_words() {
        assert_eq!(words_of_query("  Do Ján do "), ["jan", "do"]);
        assert_eq!(words_of_query("aa bb cc dd ee ff").len(), MAX_QUERY_WORDS);
        for (query, words) in [("a q", &[][..]), ("A", &[]), ("a jan 7 q", &["jan"]), ("王 j", &["王"]), ("é é", &[])] {
            assert_eq!(words_of_query(query), words, "{query}");
        }
        assert_eq!(words_of_query("?!"), Vec::<String>::new());
    }
}
