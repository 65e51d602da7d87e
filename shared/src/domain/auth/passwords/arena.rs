//! The memory of argon2, 19 MB: allocated with the first password and reused by every later one.
//!
//! A buffer per password would leave one with each blocking thread's allocator. An instance serves one request at a time, so one password at a time is
//! no delay. Later calls wait for the lock in the order of arrival; a call that is dropped leaves the line.

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use tokio::sync::Mutex;

use crate::error::{Error, Result};

/// OWASP's second set: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

static ARENA: Mutex<Arena> = Mutex::const_new(Arena(Vec::new()));

pub(super) struct Arena(Vec<Block>);

/// Hashing occupies a core for tens of milliseconds, so it leaves the async thread.
pub(super) async fn run<T: Send + 'static>(work: impl FnOnce(&mut Arena) -> Result<T> + Send + 'static) -> Result<T> {
    let mut arena = ARENA.lock().await;
    tokio::task::spawn_blocking(move || work(&mut arena)).await.map_err(Error::internal)?
}

impl Arena {
    /// Returns the PHC string with a random salt.
    pub(super) fn hash(&mut self, password: &[u8]) -> Result<String> {
        let mut salt = [0; Salt::RECOMMENDED_LENGTH];
        getrandom::fill(&mut salt).map_err(Error::internal)?;
        let argon2 = Argon2::new(
            Algorithm::Argon2id,
            Version::V0x13,
            Params::new(MEMORY_KIB, PASSES, LANES, Some(Params::DEFAULT_OUTPUT_LEN)).map_err(Error::internal)?,
        );
        let made = PasswordHash {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(Version::V0x13.into()),
            params: ParamsString::try_from(argon2.params()).map_err(Error::internal)?,
            salt: Some(Salt::new(&salt).map_err(Error::internal)?),
            hash: Some(self.output(&argon2, password, &salt)?),
        };
        Ok(made.to_string())
    }

    /// Whether a hash is of this password; the hash names its own parameters.
    pub(super) fn matches(&mut self, password: &[u8], hash: &str) -> Result<bool> {
        let hash = PasswordHash::new(hash).map_err(Error::internal)?;
        let (Some(salt), Some(expected)) = (&hash.salt, &hash.hash) else { return Ok(false) };
        let algorithm = Algorithm::try_from(hash.algorithm.as_str()).map_err(Error::internal)?;
        let version = hash.version.map(Version::try_from).transpose().map_err(Error::internal)?.unwrap_or_default();
        let argon2 = Argon2::new(algorithm, version, Params::try_from(&hash).map_err(Error::internal)?);
        // `Output` compares in constant time.
        Ok(self.output(&argon2, password, salt)? == *expected)
    }

    fn output(&mut self, argon2: &Argon2<'_>, password: &[u8], salt: &[u8]) -> Result<Output> {
        let (params, Self(blocks)) = (argon2.params(), self);
        if blocks.len() < params.block_count() {
            blocks.resize(params.block_count(), Block::new());
        }
        let mut buffer = [0; Output::MAX_LENGTH];
        let length = params.output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN);
        let output = buffer.get_mut(..length).ok_or_else(|| Error::internal("a hash of unknown length"))?;
        argon2.hash_password_into_with_memory(password, salt, output, blocks).map_err(Error::internal)?;
        Output::new(output).map_err(Error::internal)
    }
}
