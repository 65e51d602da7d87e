//! Terms: what a query's words and phrases match in a text.

use super::normalize::{CharClass, NormalizedText, char_class, script_has_prefixes};
use crate::protocol::search::Highlight;

/// Letters from which a word also matches inside other words. Shorter ones would match everywhere.
const MIN_INSIDE_LETTERS: usize = 4;

/// A word or a phrase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Term {
    /// Normalized; never empty.
    text: String,
    /// A phrase matches whole words; a word matches prefixes.
    phrase: bool,
}

impl Term {
    /// Returns `None` if nothing searchable remains.
    pub(super) fn new(text: &str, phrase: bool) -> Option<Self> {
        let text = NormalizedText::of(text).text().to_owned();
        (!text.is_empty()).then_some(Self { text, phrase })
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Returns whether the term also matches inside words.
    pub(super) fn matches_inside(&self) -> bool {
        let least =
            if self.text.chars().next().is_some_and(script_has_prefixes) { MIN_INSIDE_LETTERS - 1 } else { MIN_INSIDE_LETTERS };
        !self.phrase && self.text.chars().take(least).filter(|c| *c != ' ').count() >= least
    }

    /// Returns the matches in a text, as byte ranges of the normalized text.
    fn matches<'a>(&'a self, plain: &'a NormalizedText) -> impl Iterator<Item = (usize, usize)> + 'a {
        let (text, inside) = (plain.text(), self.matches_inside());
        text.match_indices(self.text.as_str())
            .map(|(from, found)| (from, from + found.len()))
            .filter(move |&(from, to)| (inside || is_boundary(text, from)) && (!self.phrase || is_boundary(text, to)))
    }
}

/// Returns the merged matches of all terms, in characters of the original, or `None` unless every term matches.
pub(super) fn highlights(terms: &[Term], content: &str) -> Option<Vec<Highlight>> {
    let plain = NormalizedText::of(content);
    let mut found = Vec::new();
    for term in terms {
        let before = found.len();
        found.extend(term.matches(&plain).map(|(from, to)| plain.original(from, to)));
        if found.len() == before {
            return None;
        }
    }
    found.sort_unstable();
    let mut merged: Vec<Highlight> = Vec::with_capacity(found.len());
    for (from, to) in found {
        match merged.last_mut() {
            Some(last) if from <= last.to => last.to = last.to.max(to),
            _ => merged.push(Highlight { from, to }),
        }
    }
    Some(merged)
}

/// Returns whether a word boundary is at this position.
fn is_boundary(text: &str, at: usize) -> bool {
    let is_word = |c: Option<char>| c.is_some_and(|c| char_class(c) == CharClass::Word);
    !(is_word(text[..at].chars().next_back()) && is_word(text[at..].chars().next()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(words: &[&str], phrase: bool, content: &str) -> Option<Vec<String>> {
        let terms: Vec<_> = words.iter().filter_map(|word| Term::new(word, phrase)).collect();
        let chars: Vec<char> = content.chars().collect();
        highlights(&terms, content)
            .map(|all| all.iter().map(|one| chars[one.from as usize..one.to as usize].iter().collect()).collect())
    }

    #[test]
    fn a_word_matches_beginnings_and_a_long_one_also_inside() {
        assert_eq!(marked(&["the"], false, "Theory of other things"), Some(vec!["The".into()]));
        assert_eq!(marked(&["schiff"], false, "Donaudampfschifffahrt"), Some(vec!["schiff".into()]));
        assert_eq!(marked(&["don't"], false, "I DON’T know"), Some(vec!["DON’T".into()]));
        assert_eq!(marked(&["hello", "world"], false, "World, hello!"), Some(vec!["World".into(), "hello".into()]));
        assert_eq!(marked(&["hello", "moon"], false, "World, hello!"), None);
        assert_eq!(marked(&["cat"], false, "concatenate"), None);
        assert_eq!(marked(&["كتاب"], false, "والكتاب هنا"), Some(vec!["كتاب".into()]));
    }

    #[test]
    fn a_phrase_is_whole_words_in_order() {
        assert_eq!(marked(&["good morning"], true, "Good\n morning!"), Some(vec!["Good\n morning".into()]));
        assert_eq!(marked(&["good morn"], true, "Good morning"), None);
        assert_eq!(marked(&["morning good"], true, "good morning"), None);
        assert_eq!(marked(&["東京"], true, "私は東京都に住む"), Some(vec!["東京".into()]));
    }

    #[test]
    fn adjacent_highlights_are_merged() {
        assert_eq!(marked(&["foot", "ball", "football"], false, "Football"), Some(vec!["Football".into()]));
    }
}
