//! Symbols that belong to a word, although punctuation is otherwise ignored: `C++`, `C#`, `.NET`, `$100`, `50%`, `@ann`, `#tag`.
//!
//! A word of a query with such a symbol beside it matches only where the text has it, too.

use std::ops::Range;

use super::normalize::NormalizedText;

/// The place of symbols beside a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Before,
    After,
}

/// Symbols beside a word of a normalized text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AttachedSymbols {
    side: Side,
    /// The position where the word begins, or ends.
    at: usize,
    symbols: Vec<char>,
}

/// Returns the symbols beside the words of a query's term.
pub(super) fn attached(text: &str, plain: &NormalizedText) -> Vec<AttachedSymbols> {
    let Some(text) = SymbolText::of(text) else { return Vec::new() };
    let mut found = Vec::new();
    let mut begin = 0;
    for word in plain.text().split(' ') {
        let end = begin + word.len();
        let (from, to) = plain.original(begin, end);
        found.extend(text.single_before(from).map(|one| AttachedSymbols { side: Side::Before, at: begin, symbols: vec![one] }));
        let after: Vec<char> = text.after(to).take_while(|c| follows_word(*c)).collect();
        if !after.is_empty() {
            found.push(AttachedSymbols { side: Side::After, at: end, symbols: after });
        }
        begin = end + 1;
    }
    found
}

impl AttachedSymbols {
    /// Returns a gram that every text with these symbols beside the same word has; `term` is the term's text.
    pub(super) fn gram(&self, term: &str) -> Option<[char; 3]> {
        let symbol = *self.symbols.first()?;
        Some(match self.side {
            Side::Before => before_gram(symbol, term[self.at..].chars().next()?),
            Side::After => after_gram(term[..self.at].chars().next_back()?, symbol),
        })
    }

    /// Returns a match of the whole term with these symbols, or `None` if the text lacks them. `at` is the match in `plain`, `original` the same in
    /// the text.
    pub(super) fn extend(
        &self,
        text: &SymbolText,
        plain: &NormalizedText,
        at: Range<usize>,
        original: Range<u32>,
    ) -> Option<Range<u32>> {
        let here = at.start + self.at;
        match self.side {
            Side::Before => {
                let begin = text.begin_of(&self.symbols, plain.original(here, at.end).0)?;
                Some(original.start.min(begin)..original.end)
            }
            Side::After => {
                let end = text.end_of(&self.symbols, plain.original(at.start, here).1)?;
                Some(original.start..original.end.max(end))
            }
        }
    }
}

/// Emits a gram for each symbol beside a letter.
pub(super) fn for_each_gram(text: &str, plain: &NormalizedText, mut each: impl FnMut([char; 3])) {
    let Some(text) = SymbolText::of(text) else { return };
    for (c, original) in plain.characters().filter(|(c, _)| *c != ' ') {
        if let Some(symbol) = text.before(original.start).find(|c| !is_blank(*c)).filter(|c| precedes_word(*c)) {
            each(before_gram(symbol, c));
        }
        if let Some(symbol) = text.after(original.end).find(|c| !is_blank(*c)).filter(|c| follows_word(*c)) {
            each(after_gram(c, symbol));
        }
    }
}

fn before_gram(symbol: char, first: char) -> [char; 3] {
    ['\u{3}', symbol, first]
}

fn after_gram(last: char, symbol: char) -> [char; 3] {
    ['\u{4}', last, symbol]
}

/// The characters of a text with symbols, in one width.
pub(super) struct SymbolText(Vec<char>);

impl SymbolText {
    /// Returns `None` if the text has none.
    pub(super) fn of(text: &str) -> Option<Self> {
        let is_symbol = |c: char| precedes_word(one_width(c)) || follows_word(one_width(c));
        text.contains(is_symbol).then(|| Self(text.chars().map(one_width).collect()))
    }

    fn after(&self, at: u32) -> impl Iterator<Item = char> + '_ {
        self.0[self.index(at)..].iter().copied()
    }

    /// Returns the characters before a position, the nearest first.
    fn before(&self, at: u32) -> impl Iterator<Item = char> + '_ {
        self.0[..self.index(at)].iter().rev().copied()
    }

    /// Returns the symbol before a word. It belongs to the word if neither a letter nor the same symbol precedes it.
    fn single_before(&self, at: u32) -> Option<char> {
        let mut before = self.before(at);
        let symbol = before.next().filter(|c| precedes_word(*c))?;
        before.next().is_none_or(|c| c != symbol && !c.is_alphanumeric()).then_some(symbol)
    }

    /// Returns where symbols after a word end.
    fn end_of(&self, symbols: &[char], word_end: u32) -> Option<u32> {
        let at = self.index(word_end);
        let blank = self.0.get(at).is_some_and(|c| is_blank(*c)) && symbols.first().is_some_and(|c| is_unit(*c));
        let begin = at + usize::from(blank);
        let end = self.0[begin..].starts_with(symbols).then(|| begin + symbols.len())?;
        u32::try_from(end).ok()
    }

    /// Returns where symbols before a word begin.
    fn begin_of(&self, symbols: &[char], word_begin: u32) -> Option<u32> {
        let before = &self.0[..self.index(word_begin)];
        let blank = before.last().is_some_and(|c| is_blank(*c)) && symbols.first().is_some_and(|c| is_unit(*c));
        let before = &before[..before.len() - usize::from(blank)];
        let begin = before.ends_with(symbols).then(|| before.len() - symbols.len())?;
        u32::try_from(begin).ok()
    }

    fn index(&self, at: u32) -> usize {
        usize::try_from(at).unwrap_or(usize::MAX).min(self.0.len())
    }
}

/// Returns whether a symbol before a word belongs to it.
fn precedes_word(c: char) -> bool {
    matches!(c, '@' | '#' | '.') || is_currency(c)
}

/// Returns whether a symbol after a word belongs to it.
fn follows_word(c: char) -> bool {
    matches!(c, '+' | '#' | '%') || is_currency(c)
}

/// Returns whether a blank may separate the symbol from its number.
fn is_unit(c: char) -> bool {
    c == '%' || is_currency(c)
}

fn is_currency(c: char) -> bool {
    matches!(c, '$' | '\u{a2}'..='\u{a5}' | '\u{e3f}' | '\u{20a0}'..='\u{20c0}')
}

/// Returns whether a character may separate a number from its unit.
fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\u{a0}' | '\u{2009}' | '\u{202f}')
}

/// Returns the usual form of full-width symbols and of the music sharp.
fn one_width(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        '\u{ffe0}' => '\u{a2}',
        '\u{ffe1}' => '\u{a3}',
        '\u{ffe5}' => '\u{a5}',
        '\u{ffe6}' => '\u{20a9}',
        '\u{266f}' => '#',
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::super::terms::{Term, matches};

    fn hits(word: &str, content: &str) -> Option<String> {
        let found = matches(&[Term::new(word, false)?], content, &[])?;
        let chars: Vec<char> = content.chars().collect();
        Some(found.highlights.iter().map(|one| chars[one.from as usize..one.to as usize].iter().collect::<String>()).collect())
    }

    #[test]
    fn symbols_beside_a_word_must_be_in_the_text() {
        for (word, content, expected) in [
            ("c++", "I like C++, really", Some("C++")),
            ("c++", "cats and c", None),
            ("c++", "C+ is a grade", None),
            ("c+", "C++", Some("C+")),
            ("c++20", "In C++20 we", Some("C++20")),
            ("c++20", "C 20", None),
            ("C#", "c# and f♯", Some("c#")),
            ("f#", "c# and f♯", Some("f♯")),
            ("c#", "a C major chord", None),
            ("Ｃ＃", "C#", Some("C#")),
            (".net", "ASP.NET or .NET", Some(".NET.NET")),
            (".net", "the network", None),
            ("a+", "an A+ for all", Some("A+")),
            ("$100", "it costs $100 now", Some("$100")),
            ("$100", "100 people", None),
            ("100€", "100 € each", Some("100 €")),
            ("€100", "100€", None),
            ("50%", "50 % off", Some("50 %")),
            ("50%", "50 people", None),
            ("@ann", "ask @ann", Some("@ann")),
            ("@ann", "ask ann", None),
            ("#tag", "a #tag here", Some("#tag")),
            ("#tag", "a tag here", None),
        ] {
            assert_eq!(hits(word, content).as_deref(), expected, "{word} in {content}");
        }
    }

    #[test]
    fn other_punctuation_is_ignored() {
        for (word, content) in [
            ("+the", "the cat"),
            ("-cat", "the cat"),
            ("cat*", "the cats"),
            ("(cat)", "cat"),
            ("really?!", "really"),
            ("...well", "well"),
            ("v1.2.3", "v1.2.3"),
            ("foo-bar@example.com", "foo bar example com"),
            ("12:30", "at 12:30"),
            ("https://x.y", "https://x.y/z"),
            ("re:", "Re: tea"),
            ("a/b", "a b"),
        ] {
            assert!(hits(word, content).is_some(), "{word} in {content}");
        }
    }
}
