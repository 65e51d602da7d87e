//! House rules that no compiler checks, read from the sources: layers, file heads, lengths, names, reasons.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A module of `shared`, the modules it may use besides itself, and the crates it may not.
struct Layer(&'static str, &'static [&'static str], &'static [&'static str]);

/// Imports point up this list. A trailing `*` matches any suffix.
const LAYERS: &[Layer] = &[
    Layer("id", &["time", "protocol"], &["sqlx", "aws_*", "lambda_*", "axum", "hyper*", "tokio"]),
    // What Unicode says about a text: pure functions.
    Layer("text", &[], &["sqlx", "aws_*", "lambda_*", "axum", "hyper*", "tokio"]),
    Layer("hex", &[], &["sqlx", "aws_*", "lambda_*", "axum", "hyper*", "tokio"]),
    Layer("time", &["id", "protocol"], &["sqlx", "aws_*", "lambda_*", "axum", "hyper*", "tokio"]),
    // `error` is plain data without transport; `protocol` has the wire forms of errors.
    Layer("protocol", &["id", "time", "error"], &["sqlx", "aws_*", "lambda_*", "axum", "hyper*", "tokio"]),
    Layer("error", &["id", "time"], &["sqlx", "aws_*", "lambda_*", "axum", "hyper*", "http"]),
    Layer("caller", UP_TO_CONFIG, &["sqlx", "aws_*", "lambda_*", "axum", "hyper*", "http"]),
    Layer("config", UP_TO_CONFIG, &["sqlx", "aws_*", "lambda_*", "axum", "hyper*", "http"]),
    Layer("telemetry", UP_TO_CONFIG, &["sqlx", "aws_*", "lambda_*", "axum", "hyper*", "http"]),
    Layer("aws", UP_TO_CONFIG, &["sqlx", "lambda_*", "axum"]),
    Layer("store", UP_TO_CONFIG, &["aws_*", "lambda_*", "axum", "hyper*", "http"]),
    // Only the store knows recipients and ended sessions.
    Layer("push", UP_TO_STORE, &["sqlx", "lambda_*", "axum"]),
    Layer("media", UP_TO_AWS, &["sqlx", "aws_*", "lambda_*", "axum", "hyper*", "http"]),
    Layer("domain", UP_TO_PUSH, &["sqlx", "aws_*", "lambda_*", "axum", "hyper*", "http"]),
    Layer(
        "edge",
        &["id", "hex", "text", "time", "protocol", "error", "caller", "config", "telemetry", "aws", "push"],
        &["sqlx", "aws_sdk_*", "aws_sigv4"],
    ),
];
const UP_TO_CONFIG: &[&str] = &["id", "hex", "text", "time", "protocol", "error", "caller", "config", "telemetry"];
const UP_TO_AWS: &[&str] = &["id", "hex", "text", "time", "protocol", "error", "caller", "config", "telemetry", "aws"];
const UP_TO_STORE: &[&str] = &["id", "hex", "text", "time", "protocol", "error", "caller", "config", "telemetry", "aws", "store"];
const UP_TO_PUSH: &[&str] =
    &["id", "hex", "text", "time", "protocol", "error", "caller", "config", "telemetry", "aws", "store", "push", "media"];

/// Crates and modules that functions may not use directly.
const NOT_IN_FUNCTIONS: &[&str] = &["sqlx", "aws_sdk_*", "aws_sigv4", "aws_credential_types", "hyper*"];

const NAMES_THAT_SAY_NOTHING: &[&str] =
    &["util", "utils", "helper", "helpers", "common", "misc", "manager", "impl", "types", "stuff"];
const MOST_LINES: usize = 400;

const WEB_EXTENSIONS: &[&str] = &["js", "mjs", "ts", "mts", "css"];
/// Written by `npm run wire` and `npm run types` in `local/web/tests`.
const GENERATED_WEB_FILES: &[&str] = &["local/web/sdk/wire.d.ts", "local/web/sdk/types"];

#[test]
fn imports_point_up_the_layers() {
    let mut wrong = Vec::new();
    for file in sources(&root().join("shared/src")) {
        let inside = file.strip_prefix(root().join("shared/src")).unwrap_or(&file);
        let module = inside.iter().next().and_then(|first| first.to_str()).unwrap_or_default().trim_end_matches(".rs");
        if module == "lib" {
            continue;
        }
        let Some(Layer(_, may, must_not)) = LAYERS.iter().find(|layer| layer.0 == module) else {
            wrong.push(format!("{}: the module {module} stands in no layer", shown(&file)));
            continue;
        };
        for (head, next) in paths(&code(&file)) {
            let bad = match head.as_str() {
                "crate" => LAYERS.iter().any(|layer| layer.0 == next) && next != module && !may.contains(&next.as_str()),
                _ => must_not.iter().any(|name| matches(name, &head)),
            };
            let what = if head == "crate" { next } else { head };
            if bad {
                wrong.push(format!("{}: {module} may not use {what}", shown(&file)));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn functions_reach_the_store_through_the_domain() {
    let mut wrong = Vec::new();
    for file in sources(&root().join("functions")).into_iter().filter(|file| !shown(file).starts_with("functions/tests")) {
        let code = code(&file);
        for (head, _) in paths(&code) {
            if NOT_IN_FUNCTIONS.iter().any(|name| matches(name, &head)) {
                wrong.push(format!("{}: a function may not use {head}", shown(&file)));
            }
        }
        let migrates = shown(&file).starts_with("functions/migrate/");
        for used in follows(&code, "shared::store::").iter().flat_map(|used| names(used)) {
            if !(used == "Db" || migrates && (used == "migrations" || used == "function_user")) {
                wrong.push(format!("{}: a function may not use store::{used}", shown(&file)));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn only_the_store_speaks_sql() {
    let mut wrong = Vec::new();
    for folder in [
        "shared/src/domain",
        "shared/src/edge",
        "shared/src/aws",
        "shared/src/push",
        "shared/src/media",
        "shared/src/protocol",
        "functions",
    ] {
        for file in sources(&root().join(folder)).into_iter().filter(|file| !shown(file).starts_with("functions/tests")) {
            let code = code(&file).to_lowercase();
            for sql in ["\"select ", "insert into ", "delete from ", "\"update ", "query!(", "query_as!(", "query_scalar!("] {
                if code.contains(sql) {
                    wrong.push(format!("{}: {sql}", shown(&file)));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "SQL outside of the store:\n{}", wrong.join("\n"));
}

#[test]
fn modules_of_the_store_do_not_need_each_other() {
    let folder = root().join("shared/src/store");
    let mut needs = BTreeMap::<String, BTreeSet<String>>::new();
    for file in sources(&folder) {
        let inside = file.strip_prefix(&folder).unwrap_or(&file);
        let module = inside.iter().next().and_then(|first| first.to_str()).unwrap_or_default().trim_end_matches(".rs").to_owned();
        let code = code(&file);
        let used = follows(&code, "crate::store::").into_iter().flat_map(names).filter(|used| *used != module);
        needs.entry(module.clone()).or_default().extend(used);
    }
    needs.remove("mod");
    assert!(needs.len() > 30, "the modules were not found: {needs:?}");
    // Modules that need none of the others are removed until only cycles remain.
    while let Some(free) = needs.iter().find(|(_, used)| used.iter().all(|used| !needs.contains_key(used))) {
        let free = free.0.clone();
        needs.remove(&free);
    }
    assert!(needs.is_empty(), "{needs:#?}");
}

#[test]
fn every_file_says_what_lives_in_it_and_stays_short() {
    let mut wrong = Vec::new();
    for file in ["shared", "functions", "local"].iter().flat_map(|package| sources(&root().join(package))) {
        let text = read(&file);
        let lines = text.lines().count();
        let name = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        if !text.starts_with("//! ") {
            wrong.push(format!("{}: the first line is no `//!`", shown(&file)));
        }
        if lines > MOST_LINES {
            wrong.push(format!("{}: {lines} lines, {MOST_LINES} at most", shown(&file)));
        }
        let folder = file.parent().and_then(Path::file_name).and_then(|folder| folder.to_str()).unwrap_or_default();
        if let Some(name) = [name, folder].into_iter().find(|name| NAMES_THAT_SAY_NOTHING.contains(name)) {
            wrong.push(format!("{}: {name} says nothing", shown(&file)));
        }
        for word in [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("#[", "ignore"), concat!("#[", "allow(")] {
            if text.contains(word) {
                wrong.push(format!("{}: {word}", shown(&file)));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn scripts_and_style_sheets_stay_short() {
    let files: Vec<PathBuf> = ["functions", "local"].iter().flat_map(|package| web_files(&root().join(package))).collect();
    assert!(files.len() > 100, "only {} scripts and style sheets were found", files.len());
    let mut wrong = Vec::new();
    for file in &files {
        let lines = read(file).lines().count();
        if lines > MOST_LINES {
            wrong.push(format!("{}: {lines} lines, {MOST_LINES} at most", shown(file)));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_migration_can_be_taken_back_and_explains_itself() {
    let names: BTreeSet<String> = fs::read_dir(root().join("shared/migrations"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let ups: Vec<&str> = names.iter().filter_map(|name| name.strip_suffix(".up.sql")).collect();
    assert!(!ups.is_empty());
    assert_eq!(names.len(), 2 * ups.len(), "a file that is neither up nor down: {names:?}");
    for (index, up) in ups.iter().enumerate() {
        assert!(names.contains(&format!("{up}.down.sql")), "{up} cannot be taken back");
        assert!(up.starts_with(&format!("{:04}_", index + 1)), "{up} should be number {}", index + 1);
        let text = read(&root().join(format!("shared/migrations/{up}.up.sql")));
        assert!(text.starts_with("-- "), "{up} does not say what it is for");
    }
}

#[test]
fn every_dependency_has_a_reason_and_one_version() {
    let manifest = read(&root().join("Cargo.toml"));
    let lines =
        manifest.lines().skip_while(|line| *line != "[workspace.dependencies]").skip(1).take_while(|line| !line.starts_with('['));
    let mut count = 0;
    for line in lines.filter(|line| line.contains(" = ") && !line.starts_with('#') && !line.contains("{ path = ")) {
        let reason = line.rsplit_once(" # ").or_else(|| line.rsplit_once("\t# ")).map_or("", |(_, reason)| reason.trim());
        assert!(!reason.is_empty(), "no reason: {line}");
        count += 1;
    }
    assert!(count > 20, "the list of dependencies was not found");
    for package in ["shared", "functions", "local"] {
        let manifest = read(&root().join(package).join("Cargo.toml"));
        let sections = manifest.split("\n[").filter(|section| section.contains("dependencies]"));
        for line in sections.flat_map(str::lines).skip(1).filter(|line| line.contains('=') && !line.starts_with('#')) {
            assert!(line.contains("workspace = true"), "{package} brings its own version: {line}");
        }
    }
}

/// `telemetry::invocation::cut_off` counts per thread.
#[test]
fn every_function_runs_on_one_thread() {
    let mains: Vec<_> = sources(&root().join("functions")).into_iter().filter(|file| file.ends_with("main.rs")).collect();
    let deployed: Vec<_> = mains.iter().filter(|file| read(file).contains("lambda_runtime::Error")).collect();
    assert!(deployed.len() > 15, "{mains:?}");
    for file in deployed {
        assert!(read(file).contains("#[tokio::main(flavor = \"current_thread\")]"), "{}", shown(file));
    }
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default()
}

pub(crate) fn shown(file: &Path) -> String {
    file.strip_prefix(root()).unwrap_or(file).display().to_string()
}

pub(crate) fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", shown(file)))
}

pub(crate) fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", shown(folder)));
    let mut files = Vec::new();
    for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// Every script and style sheet below a folder, except generated ones and dependencies.
fn web_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", shown(folder)));
    let mut files = Vec::new();
    for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
        if path.ends_with("node_modules") || GENERATED_WEB_FILES.contains(&shown(&path).as_str()) {
            continue;
        }
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        if path.is_dir() {
            files.extend(web_files(&path));
        } else if WEB_EXTENSIONS.contains(&extension) {
            files.push(path);
        }
    }
    files
}

/// Returns the text without comment lines.
fn code(file: &Path) -> String {
    read(file).lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// Returns the first two names of every path: `crate::store::Db` gives `crate` and `store`; a list in braces gives one pair per name.
fn paths(code: &str) -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices("::") {
        let head: String = code[..at].chars().rev().take_while(|c| is_name(*c)).collect::<Vec<_>>().into_iter().rev().collect();
        let before = code[..at - head.len()].chars().next_back();
        if head.is_empty() || before == Some(':') {
            continue;
        }
        for next in names(&code[at + 2..]) {
            found.insert((head.clone(), next));
        }
    }
    found
}

/// Returns what follows each occurrence of `path`.
fn follows<'a>(code: &'a str, path: &str) -> Vec<&'a str> {
    code.match_indices(path).map(|(at, _)| &code[at + path.len()..]).collect()
}

/// Returns the name at the beginning of the text, or those of a list in braces.
fn names(text: &str) -> Vec<String> {
    let Some(list) = text.strip_prefix('{') else {
        return vec![text.chars().take_while(|c| is_name(*c)).collect()];
    };
    let mut depth = 0_i32;
    let end = list.find(|c| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        depth < 0
    });
    let mut names = Vec::new();
    for part in list[..end.unwrap_or(list.len())].split(',') {
        names.push(part.trim().chars().take_while(|c| is_name(*c)).collect());
    }
    names
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// `aws_lc_rs` is cryptography, not an AWS service.
fn matches(pattern: &str, name: &str) -> bool {
    name != "aws_lc_rs" && pattern.strip_suffix('*').map_or(pattern == name, |start| name.starts_with(start))
}
