//! Colour profiles. One that consists of primaries and curves is written anew with nothing else in it and stays with compressed data that is kept.
//! Otherwise pixels are converted to sRGB.

use image::DynamicImage;
use moxcms::{ColorProfile, DataColorSpace, Layout, TransformOptions};

use crate::spells_markup;

/// Maximum size of a colour profile; larger ones are ignored.
const MAX_PROFILE: usize = 4 * 1024 * 1024;

/// The colour profile of an RGB image.
pub(crate) struct Profile {
    parsed: Box<ColorProfile>,
    /// Written anew.
    pub(crate) rebuilt: Option<Vec<u8>>,
}

impl Profile {
    /// Reads a profile. Ignores invalid ones and those of other colour spaces.
    pub(crate) fn of(bytes: &[u8]) -> Option<Self> {
        if bytes.is_empty() || bytes.len() > MAX_PROFILE {
            return None;
        }
        let parsed = Box::new(ColorProfile::new_from_slice(bytes).ok()?);
        (parsed.color_space == DataColorSpace::Rgb).then(|| Self { rebuilt: rebuilt(&parsed), parsed })
    }

    /// Converts colours to sRGB.
    pub(crate) fn convert_to_srgb(&self, image: &mut DynamicImage) {
        let (screen, options) = (ColorProfile::new_srgb(), TransformOptions::default());
        let layout = if image.color().has_alpha() { Layout::Rgba } else { Layout::Rgb };
        let Ok(turning) = self.parsed.create_in_place_transform_8bit(layout, &screen, options) else { return };
        let samples = match image {
            DynamicImage::ImageRgb8(image) => image.as_mut(),
            DynamicImage::ImageRgba8(image) => image.as_mut(),
            _ => return,
        };
        if turning.transform(samples).is_err() {
            tracing::warn!("an image keeps its camera's colours");
        }
    }
}

/// Writes primaries, curves and white point, without texts and tables. Returns none when the colours need more than that.
fn rebuilt(parsed: &ColorProfile) -> Option<Vec<u8>> {
    let tables = [
        &parsed.lut_a_to_b_perceptual,
        &parsed.lut_a_to_b_colorimetric,
        &parsed.lut_a_to_b_saturation,
        &parsed.lut_b_to_a_perceptual,
        &parsed.lut_b_to_a_colorimetric,
        &parsed.lut_b_to_a_saturation,
    ];
    if tables.iter().any(|table| table.is_some()) || !parsed.is_matrix_shaper() {
        return None;
    }
    let mut plain = parsed.clone();
    (plain.copyright, plain.description, plain.device_manufacturer, plain.device_model) = (None, None, None, None);
    (plain.char_target, plain.viewing_conditions, plain.viewing_conditions_description) = (None, None, None);
    (plain.technology, plain.calibration_date, plain.gamut, plain.measurement) = (None, None, None, None);
    let bytes = plain.encode().ok()?;
    let same = ColorProfile::new_from_slice(&bytes).is_ok_and(|again| again.is_matrix_shaper());
    (same && !spells_markup(&bytes)).then_some(bytes)
}
