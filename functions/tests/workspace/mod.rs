//! The files of the workspace, and its template with the local cloud's parameters.

use std::fs;
use std::path::{Path, PathBuf};

use local::stack::Stack;

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default()
}

pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

pub(crate) fn stack() -> Stack {
    let parameters = local::template::samconfig_parameters(root().join("samconfig.toml"), "local");
    let parameters = parameters.unwrap_or_else(|error| panic!("{error}"));
    local::template::load(root().join("template.yaml"), &parameters).unwrap_or_else(|error| panic!("{error}"))
}
