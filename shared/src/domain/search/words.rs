//! What a query's words and phrases match in a text. The text itself decides; the index only says where it is worth looking.

use super::text::{Class, Plain, class, has_prefixes};
use crate::protocol::search::Highlight;

/// A word is found inside others from so many letters on: shorter ones would be found everywhere.
const INSIDE: usize = 4;

/// A word or a phrase to look for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Needle {
    /// In plain form; never empty.
    text: String,
    /// A phrase begins and ends where words do; a word may go on.
    phrase: bool,
}

impl Needle {
    /// A word or phrase; none if nothing of it can be looked for.
    pub(super) fn new(text: &str, phrase: bool) -> Option<Self> {
        let text = Plain::of(text).text().to_owned();
        (!text.is_empty()).then_some(Self { text, phrase })
    }

    /// The plain form.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Whether it is found in the middle of words, too.
    pub(super) fn inside(&self) -> bool {
        let least = if self.text.chars().next().is_some_and(has_prefixes) { INSIDE - 1 } else { INSIDE };
        !self.phrase && self.text.chars().take(least).filter(|c| *c != ' ').count() >= least
    }

    /// Where it stands in a text, as bytes of the plain form.
    fn places<'a>(&'a self, plain: &'a Plain) -> impl Iterator<Item = (usize, usize)> + 'a {
        let (text, inside) = (plain.text(), self.inside());
        text.match_indices(self.text.as_str())
            .map(|(from, found)| (from, from + found.len()))
            .filter(move |&(from, to)| (inside || parts(text, from)) && (!self.phrase || parts(text, to)))
    }
}

/// Where all of the needles stand, in characters of the original, ascending and without overlap; none unless each of them does.
pub(super) fn highlights(needles: &[Needle], content: &str) -> Option<Vec<Highlight>> {
    let plain = Plain::of(content);
    let mut found = Vec::new();
    for needle in needles {
        let before = found.len();
        found.extend(needle.places(&plain).map(|(from, to)| plain.original(from, to)));
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

/// Whether no word goes on across this place.
fn parts(text: &str, at: usize) -> bool {
    let is_word = |c: Option<char>| c.is_some_and(|c| class(c) == Class::Word);
    !(is_word(text[..at].chars().next_back()) && is_word(text[at..].chars().next()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(words: &[&str], phrase: bool, content: &str) -> Option<Vec<String>> {
        let needles: Vec<_> = words.iter().filter_map(|word| Needle::new(word, phrase)).collect();
        let chars: Vec<char> = content.chars().collect();
        highlights(&needles, content)
            .map(|all| all.iter().map(|one| chars[one.from as usize..one.to as usize].iter().collect()).collect())
    }

    #[test]
    fn a_word_matches_where_a_word_begins_and_a_long_one_inside() {
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
    fn marks_that_touch_are_one() {
        assert_eq!(marked(&["foot", "ball", "football"], false, "Football"), Some(vec!["Football".into()]));
    }
}
