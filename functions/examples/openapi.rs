//! Writes `shared/openapi.json` from the routers; `make swagger` runs it. An example, so that it is never deployed.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/openapi.json");
    Ok(std::fs::write(path, functions::openapi::text()?)?)
}
