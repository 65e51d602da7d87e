//! Terms: what a query's words and phrases match in a message, its text and the names of its files.

use super::normalize::{CharClass, NormalizedText, char_class, is_skin_tone, script_has_prefixes};
use super::symbols::{AttachedSymbols, SymbolText, attached};
use crate::protocol::search::{FileMatch, Highlight};

/// Letters from which a word also matches inside other words. Shorter ones would match everywhere.
const MIN_INSIDE_LETTERS: usize = 4;

/// A word or a phrase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Term {
    /// Normalized; never empty.
    text: String,
    /// A phrase matches whole words; a word matches prefixes.
    phrase: bool,
    /// Symbols that the text must have beside the words.
    symbols: Vec<AttachedSymbols>,
}

/// Where all terms of a query match in one message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TermMatches {
    /// Matches in the content.
    pub(super) highlights: Vec<Highlight>,
    /// Matches in the names of files.
    pub(super) files: Vec<FileMatch>,
}

/// A text to compare terms with.
struct SearchedText {
    plain: NormalizedText,
    /// Its symbols, if it has any and they matter.
    symbols: Option<SymbolText>,
}

impl SearchedText {
    fn of(text: &str, with_symbols: bool) -> Self {
        Self { plain: NormalizedText::of(text), symbols: with_symbols.then(|| SymbolText::of(text)).flatten() }
    }

    /// Returns whether a match may begin here.
    fn is_begin(&self, at: usize) -> bool {
        !self.plain.splits_emoji(at)
    }

    /// Returns whether a match may end here.
    fn is_end(&self, at: usize) -> bool {
        !self.plain.splits_emoji(at) || self.plain.text()[at..].starts_with(is_skin_tone)
    }

    /// Returns whether a word boundary is at this position.
    fn is_boundary(&self, at: usize) -> bool {
        let is_word = |c: Option<char>| c.is_some_and(|c| char_class(c) == CharClass::Word);
        let (before, after) = self.plain.text().split_at(at);
        !(is_word(before.chars().next_back()) && is_word(after.chars().next())) || self.plain.joints().binary_search(&at).is_ok()
    }
}

impl Term {
    /// Returns `None` if nothing searchable remains.
    pub(super) fn new(text: &str, phrase: bool) -> Option<Self> {
        let plain = NormalizedText::of(text);
        if plain.text().is_empty() {
            return None;
        }
        Some(Self { symbols: attached(text, &plain), text: plain.text().to_owned(), phrase })
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn symbols(&self) -> &[AttachedSymbols] {
        &self.symbols
    }

    /// Returns whether the term also matches inside words.
    pub(super) fn matches_inside(&self) -> bool {
        let least =
            if self.text.chars().next().is_some_and(script_has_prefixes) { MIN_INSIDE_LETTERS - 1 } else { MIN_INSIDE_LETTERS };
        !self.phrase && self.text.chars().take(least).filter(|c| *c != ' ').count() >= least
    }

    /// Returns the matches in a text, in characters of the original.
    fn matches<'a>(&'a self, searched: &'a SearchedText) -> impl Iterator<Item = Highlight> + 'a {
        let inside = self.matches_inside();
        searched
            .plain
            .text()
            .match_indices(self.text.as_str())
            .map(|(from, found)| (from, from + found.len()))
            .filter(move |&(from, to)| {
                (inside || searched.is_boundary(from))
                    && (!self.phrase || searched.is_boundary(to))
                    && searched.is_begin(from)
                    && searched.is_end(to)
            })
            .filter_map(move |(from, to)| self.with_symbols(searched, from, to))
    }

    /// Returns the original characters of a match with the symbols beside its words, if the text has them.
    fn with_symbols(&self, searched: &SearchedText, from: usize, to: usize) -> Option<Highlight> {
        let (begin, end) = searched.plain.original(from, to);
        let mut whole = begin..end;
        for one in &self.symbols {
            whole = one.extend(searched.symbols.as_ref()?, &searched.plain, from..to, whole)?;
        }
        Some(Highlight { from: whole.start, to: whole.end })
    }
}

/// Returns the merged matches of all terms, or `None` unless every term matches the content or the name of a file.
pub(super) fn matches(terms: &[Term], content: &str, file_names: &[String]) -> Option<TermMatches> {
    let with_symbols = terms.iter().any(|term| !term.symbols.is_empty());
    let texts = std::iter::once(content).chain(file_names.iter().map(String::as_str));
    let mut fields: Vec<_> = texts.map(|text| (SearchedText::of(text, with_symbols), Vec::new())).collect();
    for term in terms {
        let mut found = false;
        for (searched, ranges) in &mut fields {
            let before = ranges.len();
            ranges.extend(term.matches(searched));
            found |= ranges.len() > before;
        }
        if !found {
            return None;
        }
    }
    let mut merged = fields.into_iter().map(|(_, ranges)| merge(ranges));
    let highlights = merged.next().unwrap_or_default();
    let files = (0..).zip(merged).filter(|(_, highlights)| !highlights.is_empty());
    Some(TermMatches { highlights, files: files.map(|(index, highlights)| FileMatch { index, highlights }).collect() })
}

fn merge(mut found: Vec<Highlight>) -> Vec<Highlight> {
    found.sort_unstable_by_key(|highlight| highlight.from);
    let mut merged: Vec<Highlight> = Vec::with_capacity(found.len());
    for highlight in found {
        match merged.last_mut() {
            Some(last) if highlight.from <= last.to => last.to = last.to.max(highlight.to),
            _ => merged.push(highlight),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(words: &[&str], phrase: bool, content: &str) -> Option<Vec<String>> {
        let terms: Vec<_> = words.iter().filter_map(|word| Term::new(word, phrase)).collect();
        let chars: Vec<char> = content.chars().collect();
        matches(&terms, content, &[])
            .map(|all| all.highlights.iter().map(|one| chars[one.from as usize..one.to as usize].iter().collect()).collect())
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
    fn an_apostrophe_joins_and_divides() {
        for (word, content, expected) in [
            ("hawaii", "Aloha Hawaiʻi", "Hawaiʻi"),
            ("hawai'i", "hawaii", "hawaii"),
            ("eau", "de l'eau", "eau"),
            ("l’eau", "de l'eau", "l'eau"),
            ("leau", "de l'eau", "l'eau"),
            ("dont", "Don’t", "Don’t"),
            ("п'ять", "на пʼять", "пʼять"),
            ("ять", "на п’ять", "ять"),
            ("neil", "O'Neil", "Neil"),
            ("boys", "the boys' room", "boys"),
            ("twas", "'Twas", "Twas"),
        ] {
            assert_eq!(marked(&[word], false, content), Some(vec![expected.into()]), "{word} in {content}");
        }
        assert_eq!(marked(&["don"], true, "I don't"), Some(vec!["don".into()]));
        assert_eq!(marked(&["on"], false, "I don't"), None);
    }

    #[test]
    fn an_emoji_is_matched_whole_with_or_without_skin_tone() {
        for (word, content, expected) in [
            ("👍", "yes 👍🏽", Some("👍🏽")),
            ("👍🏽", "yes 👍🏽", Some("👍🏽")),
            ("👍🏽", "yes 👍", None),
            ("👍🏽", "yes 👍🏿", None),
            ("🏽", "yes 👍🏽", None),
            ("👩‍🚀", "👩🏽‍🚀", Some("👩🏽‍🚀")),
            ("👩", "👩‍🚀", None),
            ("🚀", "👩‍🚀", None),
            ("❤️", "I ❤ you", Some("❤")),
            ("❤", "I ❤️ you", Some("❤️")),
            ("❤", "❤️‍🔥", None),
            ("🇪🇸", "🇩🇪🇸🇪", None),
            ("🇪🇸", "🇩🇪🇪🇸", Some("🇪🇸")),
            ("🇩🇪", "🇩🇪🇸🇪", Some("🇩🇪")),
            ("1️⃣", "10 reasons", None),
            ("1️⃣", "1️⃣ first", Some("1️⃣")),
            ("#️⃣", "#️⃣", Some("#️⃣")),
            ("😀", "😀😀", Some("😀😀")),
            ("👨‍👩‍👧", "👨👩👧", None),
            ("🏴", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", None),
        ] {
            assert_eq!(marked(&[word], false, content), expected.map(|one| vec![one.to_owned()]), "{word} in {content}");
        }
    }

    #[test]
    fn names_of_files_match_beside_the_content() {
        let terms: Vec<_> = ["quarterly", "look"].iter().filter_map(|word| Term::new(word, false)).collect();
        let names = ["photo.jpg".to_owned(), "Quarterly-Report-2026.pdf".to_owned()];
        let found = matches(&terms, "Look at this", &names).unwrap();
        assert_eq!(found.highlights, [Highlight { from: 0, to: 4 }]);
        assert_eq!(found.files, [FileMatch { index: 1, highlights: vec![Highlight { from: 0, to: 9 }] }]);
        assert_eq!(matches(&terms, "Look at this", &names[..1]), None);
        let phrase = [Term::new("photo jpg quarterly", true).unwrap()];
        assert_eq!(matches(&phrase, "", &names), None, "a phrase is in one text");
    }

    #[test]
    fn adjacent_highlights_are_merged() {
        assert_eq!(marked(&["foot", "ball", "football"], false, "Football"), Some(vec!["Football".into()]));
    }
}
