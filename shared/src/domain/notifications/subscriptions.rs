//! Push subscriptions: one device per session, at an allowed push service, with keys for encryption.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::caller::Caller;
use crate::domain::auth::secrets;
use crate::error::{Error, Result, Violation};
use crate::protocol::notifications::{NewSubscription, PushKey};
use crate::push::web::vapid::VapidKeys;
use crate::push::web::{AllowedHosts, encryption};
use crate::store::Db;
use crate::store::subscriptions::{self as store, Endpoint};

/// Returns the key that a browser needs to subscribe.
pub fn key(keys: &VapidKeys) -> PushKey {
    PushKey { public_key: keys.public_key().to_owned() }
}

/// Subscribes the caller's session. Another session on the same device loses its subscription.
pub async fn subscribe(db: &Db, keys: &VapidKeys, hosts: &AllowedHosts, caller: &Caller, new: &NewSubscription) -> Result<()> {
    let endpoint = checked(keys, hosts, new)?;
    store::upsert(&mut *db.acquire().await?, caller, &endpoint).await
}

/// Removes the subscription of the caller's session. Idempotent.
pub async fn unsubscribe(db: &Db, caller: &Caller) -> Result<()> {
    store::delete(&mut *db.acquire().await?, caller).await
}

fn checked(keys: &VapidKeys, hosts: &AllowedHosts, new: &NewSubscription) -> Result<Endpoint> {
    let mut wrong = Vec::new();
    let mut refuse = |field: &str, code, detail: &str| wrong.push(Violation { field: field.into(), code, detail: detail.into() });
    if hosts.check(&new.endpoint).is_none() {
        refuse("endpoint", "invalid", "must be an https URL of a push service that this deployment knows");
    }
    let vapid = keys.id(new.application_server_key.as_deref());
    if vapid.is_none() {
        refuse("application_server_key", "unknown", "must be the key that GET /api/push/key returns");
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
