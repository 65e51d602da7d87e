//! Colour tables of GIFs, written anew: the same colours, but in no order that somebody chose, and never as text. A table is 768 bytes of a file that
//! a picture needs not show; copied as they came they could say anything.

use fastrand::Rng;

/// Colours of a table.
const MOST: usize = 256;
/// Up to so many there is room for a colour of ours between each two.
const SPACED: usize = 127;

type Colour = [u8; 3];

/// What one file's tables have in common, so that a colour is the same in each of its frames.
pub(super) struct Ink {
    rng: Rng,
    /// The lowest bit of a channel's value, by its other seven.
    bits: [[u8; 128]; 3],
}

/// A table, and where each colour of the one before it stands now.
pub(super) struct Table {
    /// The colours, three bytes each.
    pub(super) bytes: Vec<u8>,
    places: [u8; MOST],
    /// A place that no colour has.
    spare: Option<u8>,
}

impl Ink {
    /// Another one for each file: nobody can prepare for it.
    pub(super) fn new() -> Self {
        let mut rng = Rng::new();
        let bits = std::array::from_fn(|_| std::array::from_fn(|_| rng.u8(0..2)));
        Self { rng, bits }
    }

    /// A colour that an eye takes for the same.
    fn like(&self, colour: Colour) -> Colour {
        std::array::from_fn(|channel| colour[channel] ^ self.bits[channel][usize::from(colour[channel] >> 1)])
    }

    /// A colour of ours. None of its bytes is a letter.
    fn own(&mut self) -> Colour {
        std::array::from_fn(|_| self.rng.u8(128..))
    }
}

impl Table {
    /// The colours of a table: each once, shuffled. Between each two stands one of ours; where there are too many for that, each is off by one here
    /// and there. No tag begins in either.
    pub(super) fn anew(colours: &[u8], ink: &mut Ink) -> Self {
        let mut known: Vec<Colour> = colours.as_chunks::<3>().0.iter().take(MOST).copied().collect();
        let given = known.clone();
        known.sort_unstable();
        known.dedup();
        let spaced = known.len() <= SPACED;
        let look = |colour: Colour, ink: &Ink| untagged(if spaced { colour } else { ink.like(colour) });
        let mut shown: Vec<Colour> = known.into_iter().map(|colour| look(colour, ink)).collect();
        shown.sort_unstable();
        shown.dedup();
        ink.rng.shuffle(&mut shown);
        let place = |at: usize| u8::try_from(if spaced { 2 * at + 1 } else { at }).unwrap_or(u8::MAX);
        let mut places = [0; MOST];
        for (index, colour) in given.into_iter().enumerate() {
            let colour = look(colour, ink);
            places[index] = shown.iter().position(|known| *known == colour).map_or(0, place);
        }
        let mut table = Vec::with_capacity(MOST);
        if spaced {
            table.push(ink.own());
            for colour in &shown {
                table.extend([*colour, ink.own()]);
            }
        } else {
            table.clone_from(&shown);
            table.extend((shown.len() < MOST).then(|| ink.own()));
        }
        let spare = if spaced { Some(0) } else { u8::try_from(shown.len()).ok() };
        Self { bytes: table.into_flattened(), places, spare }
    }

    /// Puts pixels in their new places. Gives that of what is transparent.
    pub(super) fn repaint(&self, pixels: &mut [u8], transparent: Option<u8>) -> Option<u8> {
        // A colour may be transparent in one frame and seen in another, or in the same one under another index.
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

/// Without the one byte that every tag begins with.
fn untagged(colour: Colour) -> Colour {
    colour.map(|value| if value == b'<' { b'=' } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn colour(table: &Table, place: u8) -> Colour {
        let at = usize::from(place) * 3;
        [table.bytes[at], table.bytes[at + 1], table.bytes[at + 2]]
    }

    /// How many bytes of a text stand together in a table.
    fn longest(text: &[u8], table: &[u8]) -> usize {
        let stands = |part: &[u8]| table.windows(part.len()).any(|window| window == part);
        (1..=text.len()).take_while(|length| text.windows(*length).any(stands)).last().unwrap_or_default()
    }

    #[test]
    fn pixels_keep_their_colours() {
        let mut rng = Rng::with_seed(7);
        for count in [1, 2, 127, 128, 200, 255, 256] {
            let colours: Vec<u8> = (0..count * 3).map(|_| rng.u8(..)).collect();
            let table = Table::anew(&colours, &mut Ink::new());
            assert!(table.bytes.len() <= MOST * 3, "{count}");
            let mut pixels: Vec<u8> = (0..count).filter_map(|index| u8::try_from(index).ok()).collect();
            table.repaint(&mut pixels, None);
            for (index, place) in pixels.into_iter().enumerate() {
                let (was, is) = (&colours[index * 3..index * 3 + 3], colour(&table, place));
                let off = was.iter().zip(is).map(|(was, is)| was.abs_diff(is)).max();
                assert!(off <= Some(1) || was.contains(&b'<') && off <= Some(2), "{count}: {was:?} became {is:?}");
            }
        }
    }

    #[test]
    fn what_is_transparent_shares_its_place_with_nothing() {
        let colours = [9, 9, 9, 9, 9, 9, 1, 2, 3];
        let table = Table::anew(&colours, &mut Ink::new());
        let mut pixels = [0, 1, 2];
        let clear = table.repaint(&mut pixels, Some(1));
        assert_eq!((clear, pixels[1]), (Some(0), 0));
        assert_eq!((colour(&table, pixels[0]), colour(&table, pixels[2])), ([9, 9, 9], [1, 2, 3]));
        let mut beyond = [200];
        table.repaint(&mut beyond, None);
        assert_eq!(beyond, [0], "a colour that the table does not have");
        let full: Vec<u8> = (0..=u8::MAX).flat_map(|value| [value, value / 2, 7]).collect();
        let table = Table::anew(&full, &mut Ink::new());
        let mut pixels = [77, 78];
        let clear = table.repaint(&mut pixels, Some(77));
        assert!(clear == Some(pixels[0]) && pixels[0] != pixels[1]);
        let none = Table::anew(&[], &mut Ink::new());
        assert_eq!((none.bytes.len(), none.repaint(&mut [], Some(3))), (3, Some(0)));
    }

    #[test]
    fn no_text_survives() {
        let short = b"CANARY<script>alert(document.domain)</script>";
        let mut rng = Rng::with_seed(3);
        let long: Vec<u8> = (0..768).map(|_| rng.u8(32..127)).collect();
        for _ in 0..200 {
            let table = Table::anew(short, &mut Ink::new()).bytes;
            assert!(longest(short, &table) <= 3 && !table.contains(&b'<'), "{table:?}");
            let table = Table::anew(&long, &mut Ink::new()).bytes;
            assert!(longest(&long, &table) <= 9 && !table.contains(&b'<'), "{table:?}");
        }
    }
}
