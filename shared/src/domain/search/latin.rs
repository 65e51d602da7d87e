//! Latin letters that Unicode does not decompose, as people type them on a keyboard without them: `ł` as `l`, `æ` as `ae`.

/// Returns the basic letters that stand for a lower-case letter, if it is not basic itself.
///
/// Source: the names of the Unicode Character Database 14.0; letters that later versions add stand for themselves. `LATIN SMALL LETTER X WITH …` and
/// `LATIN LETTER SMALL CAPITAL X` without decomposition are the letter X; ligatures and digraphs are their letters. The rest (eth, thorn, eng, kra,
/// schwa, open e and o, gamma, ezh) is the letter that national romanisations use. All ranges are outside of ASCII.
pub(super) fn basic_letters(c: char) -> Option<&'static str> {
    if !matches!(c, '\u{df}'..='\u{2af}' | '\u{1d00}'..='\u{1dbf}' | '\u{1e9c}'..='\u{1eff}' | '\u{2c60}'..='\u{2c7f}' | '\u{a722}'..='\u{a7ff}' | '\u{ab30}'..='\u{ab6f}')
    {
        return None;
    }
    Some(match c {
        'ᴀ' | 'ᶏ' | 'ⱥ' | 'ꬱ' | 'ɐ' | 'ɑ' | 'ɒ' | 'ᶐ' | 'ꬰ' | 'ꞻ' => "a",
        'ꜳ' => "aa",
        'æ' | 'ᴁ' | 'ᴂ' | 'ꞛ' => "ae",
        'ꜵ' => "ao",
        'ꜷ' => "au",
        'ꜹ' | 'ꜻ' => "av",
        'ꜽ' => "ay",
        'ƀ' | 'ƃ' | 'ɓ' | 'ʙ' | 'ᴃ' | 'ᵬ' | 'ᶀ' | 'ꞗ' => "b",
        'ƈ' | 'ȼ' | 'ɕ' | 'ᴄ' | 'ꞓ' | 'ꞔ' => "c",
        'đ' | 'ƌ' | 'ȡ' | 'ɖ' | 'ɗ' | 'ᴅ' | 'ᵭ' | 'ᶁ' | 'ᶑ' | 'ð' | 'ᴆ' | 'ꝺ' | 'ꟈ' => "d",
        'ȸ' => "db",
        'ʣ' | 'ʥ' => "dz",
        'ɇ' | 'ᴇ' | 'ᶒ' | 'ⱸ' | 'ꬴ' | 'ǝ' | 'ɘ' | 'ə' | 'ɚ' | 'ɛ' | 'ɜ' | 'ɝ' | 'ᶓ' | 'ᶔ' | 'ᶕ' | 'ꬲ' | 'ꬳ' => {
            "e"
        }
        'ƒ' | 'ᵮ' | 'ᶂ' | 'ꜰ' | 'ꝼ' | 'ꞙ' | 'ꬵ' => "f",
        'ǥ' | 'ɠ' | 'ɢ' | 'ʛ' | 'ᶃ' | 'ꞡ' | 'ɡ' | 'ɣ' | 'ᵹ' | 'ꬶ' => "g",
        'ħ' | 'ɦ' | 'ʜ' | 'ⱨ' | 'ꞕ' | 'ɥ' | 'ɧ' | 'ꜧ' => "h",
        'ƕ' => "hv",
        'ı' | 'ɨ' | 'ɪ' | 'ᶖ' | 'ɩ' | 'ᵻ' | 'ᵼ' | 'ꞽ' => "i",
        'ɉ' | 'ʝ' | 'ᴊ' | 'ȷ' | 'ɟ' | 'ʄ' => "j",
        'ƙ' | 'ᴋ' | 'ᶄ' | 'ⱪ' | 'ꝁ' | 'ꝃ' | 'ꝅ' | 'ꞣ' => "k",
        'ł' | 'ƚ' | 'ȴ' | 'ɫ' | 'ɬ' | 'ɭ' | 'ʟ' | 'ᴌ' | 'ᶅ' | 'ⱡ' | 'ꝇ' | 'ꝉ' | 'ꞎ' | 'ꬷ' | 'ꬸ' | 'ꬹ' => {
            "l"
        }
        'ỻ' => "ll",
        'ʪ' => "ls",
        'ɮ' | 'ʫ' => "lz",
        'ɱ' | 'ᴍ' | 'ᵯ' | 'ᶆ' | 'ꬺ' => "m",
        'ƞ' | 'ȵ' | 'ɲ' | 'ɳ' | 'ɴ' | 'ᵰ' | 'ᶇ' | 'ꞑ' | 'ꞥ' | 'ꬻ' | 'ŋ' | 'ꬼ' => "n",
        'ø' | 'ᴏ' | 'ⱺ' | 'ꝋ' | 'ꝍ' | 'ɔ' | 'ɵ' | 'ᴐ' | 'ᴓ' | 'ᶗ' | 'ꟁ' | 'ꬽ' | 'ꬾ' | 'ꬿ' => "o",
        'œ' | 'ɶ' | 'ᴔ' | 'ꞝ' | 'ꭀ' | 'ꭁ' | 'ꭂ' | 'ꭢ' => "oe",
        'ƣ' => "oi",
        'ꝏ' => "oo",
        'ȣ' | 'ᴕ' => "ou",
        'ƥ' | 'ᴘ' | 'ᵱ' | 'ᵽ' | 'ᶈ' | 'ꝑ' | 'ꝓ' | 'ꝕ' => "p",
        'ɋ' | 'ʠ' | 'ꝗ' | 'ꝙ' | 'ꞯ' | 'ĸ' => "q",
        'ȹ' => "qp",
        'ɍ' | 'ɼ' | 'ɽ' | 'ɾ' | 'ʀ' | 'ᵲ' | 'ᵳ' | 'ᶉ' | 'ꝛ' | 'ꞃ' | 'ꞧ' | 'ꭅ' | 'ꭆ' | 'ꭇ' | 'ꭉ' | 'ꭋ' | 'ꭌ' | 'ɹ' | 'ɺ' | 'ɻ'
        | 'ʁ' => "r",
        'ꭈ' | 'ꭊ' => "rr",
        'ȿ' | 'ʂ' | 'ᵴ' | 'ᶊ' | 'ꜱ' | 'ꞅ' | 'ꞩ' | 'ꟊ' | 'ꟗ' | 'ꟙ' | 'ẜ' | 'ẝ' | 'ʃ' | 'ʆ' | 'ᶋ' | 'ᶘ' => {
            "s"
        }
        // Capital sharp S has no upper case, so the round trip of cases leaves the letter.
        'ß' => "ss",
        'ŧ' | 'ƫ' | 'ƭ' | 'ȶ' | 'ʈ' | 'ᴛ' | 'ᵵ' | 'ⱦ' | 'ꞇ' => "t",
        'ʨ' => "tc",
        'þ' | 'ꝥ' | 'ꝧ' | 'ᵺ' | 'ꟓ' => "th",
        'ʦ' | 'ꭧ' => "ts",
        'ꜩ' => "tz",
        'ʉ' | 'ᴜ' | 'ᶙ' | 'ꞹ' | 'ꭎ' | 'ꭏ' | 'ꭒ' | 'ɯ' | 'ʊ' | 'ᵾ' | 'ᵿ' | 'ꞿ' => "u",
        'ᵫ' | 'ꞟ' => "ue",
        'ꭐ' => "ui",
        'ꭣ' => "uo",
        'ʋ' | 'ᴠ' | 'ᶌ' | 'ⱱ' | 'ⱴ' | 'ꝟ' | 'ỽ' | 'ʌ' => "v",
        'ꝡ' => "vy",
        'ᴡ' | 'ⱳ' | 'ƿ' | 'ꟃ' => "w",
        'ᶍ' | 'ꭖ' | 'ꭗ' | 'ꭘ' | 'ꭙ' => "x",
        'ƴ' | 'ɏ' | 'ʏ' | 'ỿ' | 'ꭚ' => "y",
        'ƶ' | 'ȥ' | 'ɀ' | 'ʐ' | 'ʑ' | 'ᴢ' | 'ᵶ' | 'ᶎ' | 'ⱬ' | 'ꝣ' | 'ȝ' | 'ʒ' | 'ʓ' | 'ƹ' | 'ƺ' | 'ᶚ' => {
            "z"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::basic_letters;

    #[test]
    fn letters_of_living_languages_have_basic_ones() {
        for (letters, expected) in
            [("łđøæœþħıßðŋŧƶ", "ldoaeoethhissdntz"), ("ɓɗƙƴ", "bdky"), ("əɛɔɣʋʒ", "eeogvz"), ("ƒʼĸ", "fʼq")]
        {
            let basic: String = letters.chars().map(|c| basic_letters(c).map_or(c.to_string(), str::to_owned)).collect();
            assert_eq!(basic, expected, "{letters}");
        }
    }

    #[test]
    fn every_basic_text_is_ascii_and_no_other_script_is_touched() {
        let all = ('\u{0}'..=char::MAX).filter_map(|c| basic_letters(c).map(|basic| (c, basic)));
        let mut count = 0;
        for (c, basic) in all {
            assert!(!c.is_ascii() && c.is_alphabetic() && basic.bytes().all(|b| b.is_ascii_lowercase()), "{c} {basic}");
            count += 1;
        }
        assert!(count > 250, "{count}");
        for c in "aéжλ中あ한אسไ".chars() {
            assert_eq!(basic_letters(c), None, "{c}");
        }
    }
}
