//! New colour tables for GIFs: the same colours in random order. A table holds 768 bytes that an image need not use, so a copied table could carry a
//! payload.

use fastrand::Rng;

const MAX_COLOURS: usize = 256;
/// Up to this many colours, a random one fits between each two.
const SPACED: usize = 127;

type Colour = [u8; 3];

/// Randomness shared by the tables of a file, so that a colour is the same in every frame.
pub(crate) struct ColourSource {
    rng: Rng,
    /// The lowest bit of a channel's value, by its other seven bits.
    bits: [[u8; 128]; 3],
}

/// A table, and the new index of each old colour.
pub(crate) struct Palette {
    /// Three bytes per colour.
    pub(crate) bytes: Vec<u8>,
    places: [u8; MAX_COLOURS],
    /// An unused index.
    spare: Option<u8>,
}

impl ColourSource {
    /// Random per file, so that the result is unpredictable.
    pub(crate) fn new() -> Self {
        let mut rng = Rng::new();
        let bits = std::array::from_fn(|_| std::array::from_fn(|_| rng.u8(0..2)));
        Self { rng, bits }
    }

    /// Returns a visually identical colour.
    fn similar(&self, colour: Colour) -> Colour {
        std::array::from_fn(|channel| colour[channel] ^ self.bits[channel][usize::from(colour[channel] >> 1)])
    }

    /// Returns a random colour without ASCII letters in its bytes.
    fn random(&mut self) -> Colour {
        std::array::from_fn(|_| self.rng.u8(128..))
    }
}

impl Palette {
    /// Builds a table with each colour once, shuffled. A random colour separates each two; with too many colours for that, each is altered slightly
    /// instead. Neither contains the start of a tag.
    pub(crate) fn rebuild(colours: &[u8], ink: &mut ColourSource) -> Self {
        let mut known: Vec<Colour> = colours.as_chunks::<3>().0.iter().take(MAX_COLOURS).copied().collect();
        let given = known.clone();
        known.sort_unstable();
        known.dedup();
        let spaced = known.len() <= SPACED;
        let look = |colour: Colour, ink: &ColourSource| without_tag(if spaced { colour } else { ink.similar(colour) });
        let mut shown: Vec<Colour> = known.into_iter().map(|colour| look(colour, ink)).collect();
        shown.sort_unstable();
        shown.dedup();
        ink.rng.shuffle(&mut shown);
        let place = |at: usize| u8::try_from(if spaced { 2 * at + 1 } else { at }).unwrap_or(u8::MAX);
        let mut places = [0; MAX_COLOURS];
        for (index, colour) in given.into_iter().enumerate() {
            let colour = look(colour, ink);
            places[index] = shown.iter().position(|known| *known == colour).map_or(0, place);
        }
        let mut table = Vec::with_capacity(MAX_COLOURS);
        if spaced {
            table.push(ink.random());
            for colour in &shown {
                table.extend([*colour, ink.random()]);
            }
        } else {
            table.clone_from(&shown);
            table.extend((shown.len() < MAX_COLOURS).then(|| ink.random()));
        }
        let spare = if spaced { Some(0) } else { u8::try_from(shown.len()).ok() };
        Self { bytes: table.into_flattened(), places, spare }
    }

    /// Maps pixels to their new indexes. Returns the transparent one.
    pub(crate) fn remap(&self, pixels: &mut [u8], transparent: Option<u8>) -> Option<u8> {
        // A colour can be transparent in one frame and visible in another, or in the same frame under another index.
        let clear = transparent.map(|index| self.spare.unwrap_or(self.places[usize::from(index)]));
        let mut places = self.places;
        if let Some((index, clear)) = transparent.zip(clear) {
            places[usize::from(index)] = clear;
        }
        for pixel in pixels {
            *pixel = places[usize::from(*pixel)];
        }
        clear
    }
}

/// Replaces the byte that starts a tag.
fn without_tag(colour: Colour) -> Colour {
    colour.map(|value| if value == b'<' { b'=' } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn colour(table: &Palette, place: u8) -> Colour {
        let at = usize::from(place) * 3;
        [table.bytes[at], table.bytes[at + 1], table.bytes[at + 2]]
    }

    /// The longest part of a text that appears in a table.
    fn longest(text: &[u8], table: &[u8]) -> usize {
        let stands = |part: &[u8]| table.windows(part.len()).any(|window| window == part);
        (1..=text.len()).take_while(|length| text.windows(*length).any(stands)).last().unwrap_or_default()
    }

    #[test]
    fn pixels_keep_their_colours() {
        let mut rng = Rng::with_seed(7);
        for count in [1, 2, 127, 128, 200, 255, 256] {
            let colours: Vec<u8> = (0..count * 3).map(|_| rng.u8(..)).collect();
            let table = Palette::rebuild(&colours, &mut ColourSource::new());
            assert!(table.bytes.len() <= MAX_COLOURS * 3, "{count}");
            let mut pixels: Vec<u8> = (0..count).filter_map(|index| u8::try_from(index).ok()).collect();
            table.remap(&mut pixels, None);
            for (index, place) in pixels.into_iter().enumerate() {
                let (was, is) = (&colours[index * 3..index * 3 + 3], colour(&table, place));
                let off = was.iter().zip(is).map(|(was, is)| was.abs_diff(is)).max();
                assert!(off <= Some(1) || was.contains(&b'<') && off <= Some(2), "{count}: {was:?} became {is:?}");
            }
        }
    }

    #[test]
    fn the_transparent_index_is_unshared() {
        let colours = [9, 9, 9, 9, 9, 9, 1, 2, 3];
        let table = Palette::rebuild(&colours, &mut ColourSource::new());
        let mut pixels = [0, 1, 2];
        let clear = table.remap(&mut pixels, Some(1));
        assert_eq!((clear, pixels[1]), (Some(0), 0));
        assert_eq!((colour(&table, pixels[0]), colour(&table, pixels[2])), ([9, 9, 9], [1, 2, 3]));
        let mut beyond = [200];
        table.remap(&mut beyond, None);
        assert_eq!(beyond, [0], "a colour that the table does not have");
        let full: Vec<u8> = (0..=u8::MAX).flat_map(|value| [value, value / 2, 7]).collect();
        let table = Palette::rebuild(&full, &mut ColourSource::new());
        let mut pixels = [77, 78];
        let clear = table.remap(&mut pixels, Some(77));
        assert!(clear == Some(pixels[0]) && pixels[0] != pixels[1]);
        let none = Palette::rebuild(&[], &mut ColourSource::new());
        assert_eq!((none.bytes.len(), none.remap(&mut [], Some(3))), (3, Some(0)));
    }

    #[test]
    fn no_text_survives() {
        let short = b"CANARY<script>alert(document.domain)</script>";
        let mut rng = Rng::with_seed(3);
        let long: Vec<u8> = (0..768).map(|_| rng.u8(32..127)).collect();
        for _ in 0..200 {
            let table = Palette::rebuild(short, &mut ColourSource::new()).bytes;
            assert!(longest(short, &table) <= 3 && !table.contains(&b'<'), "{table:?}");
            let table = Palette::rebuild(&long, &mut ColourSource::new()).bytes;
            assert!(longest(&long, &table) <= 9 && !table.contains(&b'<'), "{table:?}");
        }
    }
}
