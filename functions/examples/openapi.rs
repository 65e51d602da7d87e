//! Writes `shared/openapi.json` from the routers, `shared/asyncapi.json` from the protocol, and `shared/collection.json` from the OpenAPI document,
//! for `make swagger`. An example, so that it is never deployed.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let shared = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared");
    std::fs::write(format!("{shared}/openapi.json"), functions::openapi::text()?)?;
    std::fs::write(format!("{shared}/asyncapi.json"), functions::asyncapi::text()?)?;
    Ok(std::fs::write(format!("{shared}/collection.json"), functions::collection::text()?)?)
}
