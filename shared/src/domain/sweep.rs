//! The sweep: removes uploads of deleted rooms, deleted and unused uploads, and the evidence of closed reports. Runs on a schedule; unfinished
//! work is found again.

use crate::error::Result;
use crate::id::ObjectId;
use crate::media::{Media, Object};
use crate::store::uploads::UploadRecord;
use crate::store::{Db, report_evidence, sweep as store};
use crate::time::Timestamp;

/// Removes what is due within the time of one run. Returns the number of uploads removed.
pub async fn sweep(db: &Db, media: &Media, now: Timestamp, mut goes_on: impl FnMut() -> bool) -> Result<usize> {
    let mut swept = 0;
    while goes_on() && forget_closed_reports(db, now).await? > 0 {}
    while goes_on() && store::mark_uploads_of_deleted_rooms(&mut *db.acquire().await?, now).await? > 0 {}
    while goes_on() {
        let due = store::take_due(&mut *db.acquire().await?, now).await?;
        if due.is_empty() {
            break;
        }
        for upload in due {
            remove_upload(db, media, &upload).await?;
            swept += 1;
            if !goes_on() {
                break;
            }
        }
    }
    Ok(swept)
}

/// Deletes the evidence of closed reports. Returns how many it deleted.
async fn forget_closed_reports(db: &Db, now: Timestamp) -> Result<usize> {
    let mut connection = db.acquire().await?;
    let closed = report_evidence::list_closed(&mut connection).await?;
    for one in &closed {
        report_evidence::delete(&mut connection, one, now).await?;
    }
    Ok(closed.len())
}

/// Deletes the objects before the row, so that a failure in between is found again.
async fn remove_upload(db: &Db, media: &Media, upload: &UploadRecord) -> Result<()> {
    let (id, purpose) = (upload.info.upload_id, upload.info.purpose);
    media.delete_pending(id).await?;
    let object = upload.object.unwrap_or(ObjectId { upload: id, attempt: 0 });
    // Forwarded copies share the object and keep it. An upload marked for deletion cannot be forwarded, so this cannot change.
    if !store::is_referenced(&mut *db.acquire().await?, object).await? {
        // Each attempt wrote its own objects, including failed ones.
        for attempt in 1..=upload.attempts {
            media.delete_object(Object { id: ObjectId { upload: object.upload, attempt }, purpose }).await?;
        }
    }
    store::delete(&mut *db.acquire().await?, id).await
}
