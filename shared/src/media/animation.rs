//! Pictures that move: every frame is decoded and written anew, one at a time, so that comments and whatever follows the picture are gone.

use gif::{ColorOutput, DecodeOptions, Encoder, MemoryLimit};

use super::picture::{Flaw, MAX_PIXELS};

/// Frames: more than a minute at thirty a second.
const MAX_FRAMES: usize = 2_000;
/// Pixels of all frames together.
const MAX_TOTAL: u64 = 100_000_000;

/// The same frames, and nothing else of the file.
pub(super) fn rewritten(bytes: &[u8]) -> Result<Vec<u8>, Flaw> {
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::Indexed);
    options.set_memory_limit(memory());
    options.check_frame_consistency(true);
    let mut decoder = options.read_info(bytes).map_err(|_| Flaw::NotAPicture)?;
    let palette = decoder.global_palette().unwrap_or_default().to_vec();
    let mut encoder = Encoder::new(Vec::new(), decoder.width(), decoder.height(), &palette).map_err(|_| Flaw::NotAPicture)?;
    let (mut frames, mut total) = (0, 0);
    while let Some(frame) = decoder.read_next_frame().map_err(|_| Flaw::NotAPicture)? {
        let frame = frame.clone();
        frames += 1;
        total += u64::from(frame.width) * u64::from(frame.height);
        if frames > MAX_FRAMES || total > MAX_TOTAL {
            return Err(Flaw::TooComplex);
        }
        if frames == 1 {
            // How often to repeat stands before the first frame.
            encoder.set_repeat(decoder.repeat()).map_err(|_| Flaw::NotAPicture)?;
        }
        encoder.write_frame(&frame).map_err(|_| Flaw::NotAPicture)?;
    }
    if frames == 0 { Err(Flaw::NotAPicture) } else { encoder.into_inner().map_err(|_| Flaw::NotAPicture) }
}

/// A frame is at most as large as a picture.
fn memory() -> MemoryLimit {
    std::num::NonZeroU64::new(MAX_PIXELS).map_or(MemoryLimit::Unlimited, MemoryLimit::Bytes)
}
