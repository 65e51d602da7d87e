//! Finds the line of an entry in the template's text, because the parser keeps no positions. The result may be approximate.

/// A top-level section, an entry of it, and a text inside the entry.
pub(super) struct SourceLocation<'a> {
    pub(super) section: Option<&'static str>,
    pub(super) entry: Option<&'a str>,
    pub(super) needle: Option<&'a str>,
}

impl SourceLocation<'_> {
    /// The line, from 1, as exact as the text allows.
    pub(super) fn line(&self, text: &str) -> usize {
        let lines: Vec<&str> = text.lines().collect();
        let mut range = 0..lines.len();
        for key in [self.section, self.entry].into_iter().flatten() {
            if let Some(found) = block(&lines, range.clone(), key) {
                range = found;
            }
        }
        let inside = self.needle.and_then(|needle| {
            range.clone().find(|&line| lines.get(line).is_some_and(|text| without_comment(text).contains(needle)))
        });
        inside.unwrap_or(range.start) + 1
    }
}

/// The lines of `key:` and its indented block.
fn block(lines: &[&str], within: std::ops::Range<usize>, key: &str) -> Option<std::ops::Range<usize>> {
    let start = within.clone().filter(|&at| names(lines[at], key)).min_by_key(|&at| indentation(lines[at]))?;
    let depth = indentation(lines[start]);
    let end = (start + 1..within.end)
        .find(|&at| !without_comment(lines[at]).trim().is_empty() && indentation(lines[at]) <= depth)
        .unwrap_or(within.end);
    Some(start..end)
}

fn names(line: &str, key: &str) -> bool {
    let text = line.trim_start();
    let text = text.strip_prefix(['"', '\'']).unwrap_or(text);
    let Some(rest) = text.strip_prefix(key) else { return false };
    rest.strip_prefix(['"', '\'']).unwrap_or(rest).trim_start().starts_with(':')
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

fn without_comment(line: &str) -> &str {
    if line.trim_start().starts_with('#') { "" } else { line }
}

#[cfg(test)]
mod tests {
    use super::SourceLocation;

    const TEXT: &str = "Parameters:\n  A: {Type: String}\nResources:\n  # !Bad in a comment\n  A:\n    Type: X\n    Properties:\n      B: !Bad 1\n  B:\n    C: !Bad 2\n";

    #[test]
    fn a_text_is_found_inside_its_entry() {
        let line = |section, entry, needle| SourceLocation { section, entry, needle }.line(TEXT);
        assert_eq!(line(Some("Resources"), Some("A"), Some("!Bad")), 8);
        assert_eq!(line(Some("Resources"), Some("B"), Some("!Bad")), 10);
        assert_eq!(line(Some("Resources"), Some("B"), Some("absent")), 9);
        assert_eq!(line(Some("Parameters"), Some("A"), None), 2);
        assert_eq!(line(None, None, Some("absent")), 1);
    }
}
