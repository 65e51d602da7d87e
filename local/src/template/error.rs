//! Template errors with file, line, entry and advice.

use std::error::Error;
use std::fmt::{Display, Formatter, Result};
use std::path::{Path, PathBuf};

use super::source;

/// An error at a place in a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateError {
    /// The file as named by the caller.
    pub file: PathBuf,
    /// Line, from 1.
    pub line: usize,
    /// Logical id of the resource, or name of the parameter, condition or output.
    pub entry: Option<String>,
    /// The problem and its solution.
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

/// An error without a line; the line is searched only when the error is reported.
#[derive(Debug)]
pub(super) struct UnlocatedError {
    section: Option<&'static str>,
    entry: Option<String>,
    needle: Option<String>,
    line: Option<usize>,
    message: String,
}

impl UnlocatedError {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { section: None, entry: None, needle: None, line: None, message: message.into() }
    }

    /// Sets the text by which the line is found; the innermost call wins.
    pub(super) fn near(mut self, needle: impl Into<String>) -> Self {
        self.needle.get_or_insert_with(|| needle.into());
        self
    }

    /// Sets the section and entry; the innermost call wins.
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
        let place =
            source::SourceLocation { section: self.section, entry: self.entry.as_deref(), needle: self.needle.as_deref() };
        let line = self.line.unwrap_or_else(|| place.line(text));
        TemplateError { file: file.to_path_buf(), line, entry: self.entry, message: self.message }
    }
}
