//! The sweep: bytes that nobody may see any more, those of deleted rooms among them, those that nobody used for a day, and what was kept of reports
//! that are closed, are removed. Runs by the clock; what it could not finish it finds again.

use crate::error::Result;
use crate::id::ObjectId;
use crate::media::{Media, Object};
use crate::store::uploads::Upload;
use crate::store::{Db, evidence, sweeping as store};
use crate::time::Timestamp;

/// Removes what is due, as much as there is within the time of one run. Gives how many uploads that were.
pub async fn sweep(db: &Db, media: &Media, now: Timestamp, mut goes_on: impl FnMut() -> bool) -> Result<usize> {
    let mut swept = 0;
    while goes_on() && forget_closed_reports(db, now).await? > 0 {}
    while goes_on() && store::doom_of_deleted_rooms(&mut *db.acquire().await?, now).await? > 0 {}
    while goes_on() {
        let due = store::take(&mut *db.acquire().await?, now).await?;
        if due.is_empty() {
            break;
        }
        for upload in due {
            remove(db, media, &upload, now).await?;
            swept += 1;
            if !goes_on() {
                break;
            }
        }
    }
    Ok(swept)
}

/// Takes what was kept of reports that are closed: the texts, and what held the bytes. Gives of how many.
async fn forget_closed_reports(db: &Db, now: Timestamp) -> Result<usize> {
    let mut connection = db.acquire().await?;
    let closed = evidence::of_closed(&mut connection).await?;
    for one in &closed {
        evidence::forget(&mut connection, one, now).await?;
    }
    Ok(closed.len())
}

/// The bytes first, then the row: whatever fails in between is found again.
async fn remove(db: &Db, media: &Media, upload: &Upload, now: Timestamp) -> Result<()> {
    let (id, purpose) = (upload.seen.upload_id, upload.seen.purpose);
    media.forget_sent(id, now).await?;
    let shown = upload.object.unwrap_or(ObjectId { upload: id, attempt: 0 });
    // Whoever was handed the picture on keeps it. An upload that is doomed is handed on no more, so this cannot change.
    if !store::is_shown(&mut *db.acquire().await?, shown).await? {
        // Each look wrote objects of its own; what a look left that did not count goes, too.
        for attempt in 1..=upload.attempts {
            media.forget(Object { id: ObjectId { upload: shown.upload, attempt }, purpose }, now).await?;
        }
    }
    store::forget(&mut *db.acquire().await?, id).await
}
