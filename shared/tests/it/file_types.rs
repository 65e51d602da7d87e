//! Files as systems and browsers declare them are served as expected, and lies are not. The corpus is made by `scripts/file_corpus.py`.

use shared::media::RefusedTypes;
use shared::media::media_types::BYTES;
use shared::media::sniff::{self, Presentation};

const FILES: &str = include_str!("fixtures/files.tsv");
const LIES: &str = include_str!("fixtures/lies.tsv");

/// The type as the server stores it.
fn normalized(declared: &str) -> String {
    declared.split(';').next().unwrap_or_default().to_lowercase()
}

/// Reads `\xNN`.
fn bytes(text: &str) -> Vec<u8> {
    let mut parts = text.split("\\x");
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (number, rest) = part.split_at(2);
        bytes.push(u8::from_str_radix(number, 16).expect("two digits"));
        bytes.extend_from_slice(rest.as_bytes());
    }
    bytes
}

fn rows(text: &'static str) -> Vec<[&'static str; 5]> {
    text.lines().map(|line| line.split('\t').collect::<Vec<_>>().try_into().expect("five columns")).collect()
}

#[test]
fn files_are_served_as_what_they_are() {
    let mut wrong = Vec::new();
    let rows = rows(FILES);
    assert!(rows.len() >= 400, "{}", rows.len());
    for [name, declared, content, served, shown] in rows {
        let expected = Presentation { content_type: served, inline: shown == "inline" };
        let found = sniff::presentation(&normalized(declared), name, &bytes(content));
        if found != expected {
            wrong.push(format!("{name} as {declared:?} with {content}: {found:?}, not {served} {shown}"));
        }
        let none = RefusedTypes::default();
        assert!(
            !none.includes_declared(declared, name) && !none.includes_bytes(&bytes(content)),
            "nothing is refused without a list"
        );
    }
    assert!(wrong.is_empty(), "{} of the corpus:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn lies_are_served_without_a_type_and_refused_if_listed() {
    let mut wrong = Vec::new();
    let rows = rows(LIES);
    let never = rows.iter().filter(|[.., expected]| ["refused", BYTES].contains(expected)).count();
    let taken = rows.len() - never + FILES.lines().count();
    assert!(never >= taken, "{never} of lies, {taken} of honest files");
    for [listed, name, declared, content, expected] in rows {
        let list: Vec<String> = listed.split(',').filter(|entry| *entry != "-").map(str::to_owned).collect();
        let (refused, declared, content) = (RefusedTypes::of(&list), normalized(declared), bytes(content));
        let outcome = if refused.includes_declared(&declared, name) || refused.includes_bytes(&content) {
            "refused"
        } else {
            sniff::presentation(&declared, name, &content).content_type
        };
        if outcome != expected {
            wrong.push(format!("{name} as {declared:?} with {content:?}, {listed} listed: {outcome}, not {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{} of the corpus:\n{}", wrong.len(), wrong.join("\n"));
}

/// An honest text is no program, whatever letters it begins with.
#[test]
fn only_what_is_listed_is_refused() {
    let refused = RefusedTypes::of(&["programs".to_owned()]);
    let programs = ["setup.exe", "setup.msi", "app.js", "a.py", "app.apk", "app.jar", "run", "tool.dmg"];
    for [name, declared, content, ..] in rows(FILES) {
        let is_program = programs.contains(&name);
        let is_refused = refused.includes_declared(&normalized(declared), name) || refused.includes_bytes(&bytes(content));
        assert_eq!(is_refused, is_program, "{name} as {declared:?} with {content}");
    }
}
