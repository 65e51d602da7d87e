//! The types of files that a deployment refuses, whatever they are called: judged by the declared type, the end of the name, and the bytes.

use super::media_types::{BYTES, PROGRAMS, canonical, of_ending};
use super::sniff;

/// Stands for [`PROGRAMS`] in the list.
const PROGRAMS_WORD: &str = "programs";

/// `UPLOAD_REFUSED_TYPES`.
#[derive(Clone, Debug, Default)]
pub struct RefusedTypes {
    /// Canonical names.
    names: Vec<String>,
    /// `video/` for `video/*`.
    groups: Vec<String>,
    programs: bool,
}

impl RefusedTypes {
    /// Takes media types, `type/*`, and the word for programs, in any case.
    pub fn of(list: &[String]) -> Self {
        let mut refused = Self::default();
        for entry in list {
            let entry = entry.to_ascii_lowercase();
            match entry.strip_suffix('*') {
                Some(group) => refused.groups.push(group.to_owned()),
                None if entry == PROGRAMS_WORD => refused.programs = true,
                None => refused.names.push(canonical(&entry).to_owned()),
            }
        }
        refused
    }

    /// Whether the list is empty.
    pub fn is_empty(&self) -> bool {
        !self.programs && self.names.is_empty() && self.groups.is_empty()
    }

    /// Whether a file is refused for what is said of it.
    pub fn includes_declared(&self, content_type: &str, file_name: &str) -> bool {
        self.includes(content_type) || of_ending(file_name).is_some_and(|name| self.includes(name))
    }

    /// Whether a file is refused for its first bytes.
    pub fn includes_bytes(&self, head: &[u8]) -> bool {
        let format = sniff::format_of(head);
        // A text is more than bytes of which nothing is known.
        let is_text = sniff::is_text(head);
        let names = [format.media_type(), sniff::type_of(format, head)].into_iter().filter(|name| !is_text || *name != BYTES);
        !self.is_empty() && names.chain(types_of_text(head)).any(|name| self.includes(name))
    }

    pub(super) fn includes(&self, name: &str) -> bool {
        let names = [name, canonical(name)];
        (self.programs && PROGRAMS.contains(&names[1]))
            || self.names.iter().any(|refused| *refused == names[1])
            || self.groups.iter().any(|group| names.iter().any(|name| name.starts_with(group.as_str())))
    }
}

/// The types that a text may be taken for, wherever its first mark stands.
fn types_of_text(head: &[u8]) -> Vec<&'static str> {
    let mut found = Vec::new();
    if !sniff::is_text(head) {
        return found;
    }
    let start = sniff::text_start(head);
    if start.starts_with(b"#!") && !start.starts_with(b"#!amr") {
        found.push("application/x-shellscript");
    }
    if start.starts_with(b"<?php") {
        found.push("application/x-httpd-php");
    }
    if sniff::is_markup(head) {
        let pages: [&[u8]; 8] = [b"<!doctype html", b"<html", b"<head", b"<body", b"<script", b"<iframe", b"<title", b"<style"];
        if pages.iter().any(|page| sniff::has_bytes(&start, page)) {
            found.push("text/html");
        }
        if sniff::has_bytes(&start, b"<svg") {
            found.push("image/svg+xml");
        }
        if start.starts_with(b"<?xml") {
            found.push("text/xml");
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(list: &[&str]) -> RefusedTypes {
        RefusedTypes::of(&list.iter().map(|entry| (*entry).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn a_list_names_types_in_every_spelling_groups_and_programs() {
        let list = refused(&["application/x-zip-compressed", "Video/*", "programs"]);
        for name in
            ["application/zip", "video/mp4", "video/x-anything", "application/x-msdownload", "text/x-sh", "application/x-m4v"]
        {
            assert_eq!(list.includes(name), name != "application/x-m4v", "{name}");
        }
        assert!(!list.includes("audio/mpeg") && !list.includes("image/png"));
        assert!(refused(&[]).is_empty() && !refused(&[]).includes("application/x-msdownload"));
    }

    #[test]
    fn a_text_is_none_of_the_unknown_bytes_that_are_listed() {
        for list in [&["application/octet-stream"][..], &["application/*"], &["binary/octet-stream"]] {
            let list = refused(list);
            for text in [&b"Dear all,\n"[..], b"a;b\n1;2\n", b"<!doctype html>", "\u{feff}Grüße".as_bytes(), b"\xff\xfeH\0i\0"]
            {
                assert!(!list.includes_bytes(text), "{text:?}");
                assert!(list.includes_declared("", "a") || list.includes_declared(BYTES, "a"));
            }
            for bytes in [&b"\x01\x02\x03\x04"[..], b"\0"] {
                assert!(list.includes_bytes(bytes), "{bytes:?}");
            }
        }
        let list = refused(&["application/*"]);
        for known in [&b"%PDF-1.7\n"[..], b"{\\rtf1", b"#!/bin/sh\n", b"PK\x03\x04\0"] {
            assert!(list.includes_bytes(known), "{known:?}");
        }
    }

    #[test]
    fn words_that_begin_like_a_program_are_no_program() {
        let list = refused(&["programs"]);
        for text in [&b"MZ is a mark"[..], b"ZM", b"BM and so on", b"ID3", b"PK", b"7z", b"#1 of all"] {
            assert!(!list.includes_bytes(text), "{text:?}");
        }
        for program in
            [&b"MZ\x90\0\x03\0"[..], b"\x7fELF\x02\x01\x01\0", b"\xcf\xfa\xed\xfe\x07\0\0\x01", b"#!/opt/any\n", b"@echo off\r\n"]
        {
            assert!(list.includes_bytes(program), "{program:?}");
        }
    }
}
