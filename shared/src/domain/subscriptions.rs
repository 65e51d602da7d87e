//! The rules of subscribing: a login has one device. It is told through a push service that may be called, in a way that only it can read.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::caller::Caller;
use crate::domain::secrets;
use crate::error::{Error, Result, Violation};
use crate::protocol::notifications::{NewSubscription, PushKey};
use crate::push::web::vapid::Keys;
use crate::push::web::{Hosts, encryption};
use crate::store::Db;
use crate::store::subscriptions::{self as store, Endpoint};

/// What a browser needs to subscribe.
pub fn key(keys: &Keys) -> PushKey {
    PushKey { public_key: keys.public_key().to_owned() }
}

/// Has the caller's present login told on this device while they are away. Another person's login on the same device no longer is.
pub async fn subscribe(db: &Db, (keys, hosts): (&Keys, &Hosts), caller: &Caller, new: &NewSubscription) -> Result<()> {
    let endpoint = checked(keys, hosts, new)?;
    store::put(&mut *db.acquire().await?, caller, &endpoint).await
}

/// Has the caller's present login told nothing any more. Doing so again changes nothing.
pub async fn unsubscribe(db: &Db, caller: &Caller) -> Result<()> {
    store::delete(&mut *db.acquire().await?, caller).await
}

fn checked(keys: &Keys, hosts: &Hosts, new: &NewSubscription) -> Result<Endpoint> {
    let mut wrong = Vec::new();
    let mut refuse = |field: &str, code, detail: &str| wrong.push(Violation { field: field.into(), code, detail: detail.into() });
    if hosts.check(&new.endpoint).is_none() {
        refuse("endpoint", "invalid", "must be an https URL of a push service that this deployment knows");
    }
    let vapid = keys.id(new.application_server_key.as_deref());
    if vapid.is_none() {
        refuse("application_server_key", "unknown", "must be the key that GET /api/push/key tells");
    }
    let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).unwrap_or_default();
    let (public, auth) = (bytes(&new.keys.p256dh), bytes(&new.keys.auth));
    if auth.len() != 16 {
        refuse("keys.auth", "invalid", "must be 16 bytes in base64url");
    }
    if encryption::encrypt(b"", &public, &auth).is_err() {
        refuse("keys.p256dh", "invalid", "must be a public key of P-256 in base64url");
    }
    let url = new.endpoint.clone();
    match vapid {
        Some(vapid) if wrong.is_empty() => Ok(Endpoint { hash: secrets::digest(&url), url, public, auth, vapid: vapid.to_vec() }),
        _ => Err(Error::Invalid(wrong)),
    }
}
