//! What is wrong with a template, and where: every error names the file, the line and the entry, and says what to do.

use std::error::Error;
use std::fmt::{Display, Formatter, Result};
use std::path::{Path, PathBuf};

use super::source;

/// A template that cannot be played, with the place to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateError {
    /// The file as it was named.
    pub file: PathBuf,
    /// Line, counted from 1.
    pub line: usize,
    /// Logical id of the resource, or name of the parameter, condition or output.
    pub entry: Option<String>,
    /// What is wrong and what would be right.
    pub message: String,
}

impl Display for TemplateError {
    fn fmt(&self, out: &mut Formatter<'_>) -> Result {
        write!(out, "{}:{}: ", self.file.display(), self.line)?;
        if let Some(entry) = &self.entry {
            write!(out, "{entry}: ")?;
        }
        out.write_str(&self.message)
    }
}

impl Error for TemplateError {}

/// An error before its line is known: the text is searched for it only when it is reported.
#[derive(Debug)]
pub(super) struct Fault {
    section: Option<&'static str>,
    entry: Option<String>,
    needle: Option<String>,
    line: Option<usize>,
    message: String,
}

impl Fault {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { section: None, entry: None, needle: None, line: None, message: message.into() }
    }

    /// The text whose line is the line of the error; the innermost caller knows best.
    pub(super) fn near(mut self, needle: impl Into<String>) -> Self {
        self.needle.get_or_insert_with(|| needle.into());
        self
    }

    /// The entry of a section in which it happened; the innermost caller knows best.
    pub(super) fn at(mut self, section: &'static str, entry: &str) -> Self {
        if self.section.is_none() {
            self.section = Some(section);
            self.entry = Some(entry.to_owned());
        }
        self
    }

    pub(super) fn on_line(mut self, line: Option<usize>) -> Self {
        self.line = line;
        self
    }

    /// Finds the line in the template's text.
    pub(super) fn locate(self, file: &Path, text: &str) -> TemplateError {
        let place = source::Place { section: self.section, entry: self.entry.as_deref(), needle: self.needle.as_deref() };
        let line = self.line.unwrap_or_else(|| place.line(text));
        TemplateError { file: file.to_path_buf(), line, entry: self.entry, message: self.message }
    }
}
