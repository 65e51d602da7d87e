//! Names of media types: the many spellings that clients send, and the one that is served.
//!
//! Sources: the IANA registry, freedesktop.org's shared-mime-info, Apache's mime.types, and what Windows, macOS, Android and browsers declare.

/// The type of bytes of which nothing is known.
pub const BYTES: &str = "application/octet-stream";

/// Spellings of types under the name that is served.
const ALIASES: &[(&str, &[&str])] = &[
    (
        BYTES,
        &[
            "",
            "binary/octet-stream",
            "application/binary",
            "application/download",
            "application/force-download",
            "application/octetstream",
            "application/unknown",
            "application/x-binary",
            "application/x-download",
            "application/x-octet-stream",
            "application/x-unknown",
            "content/unknown",
            "unknown/unknown",
        ],
    ),
    ("image/jpeg", &["image/jpg", "image/jpe", "image/jfif", "image/pjpeg", "image/x-jpeg", "image/x-citrix-jpeg"]),
    ("image/png", &["image/x-png", "image/x-citrix-png"]),
    ("image/gif", &["image/x-gif", "image/x-citrix-gif"]),
    ("image/webp", &["image/x-webp"]),
    ("image/bmp", &["image/x-bmp", "image/x-ms-bmp", "image/x-windows-bmp"]),
    ("image/tiff", &["image/tif", "image/x-tif", "image/x-tiff"]),
    ("image/vnd.microsoft.icon", &["image/ico", "image/icon", "image/x-icon", "image/x-ico"]),
    (
        "image/vnd.adobe.photoshop",
        &["application/photoshop", "application/x-photoshop", "image/photoshop", "image/x-photoshop", "image/psd", "image/x-psd"],
    ),
    ("image/heic", &["image/heic-sequence", "image/x-heic"]),
    ("image/heif", &["image/heif-sequence", "image/x-heif"]),
    ("image/avif", &["image/avif-sequence"]),
    ("image/jxl", &["image/x-jxl"]),
    ("image/x-adobe-dng", &["image/dng", "image/x-dng"]),
    ("image/svg+xml", &["image/svg", "image/svg-xml", "image/svg+xml-compressed", "text/svg", "text/xml-svg"]),
    (
        "video/mp4",
        &["application/mp4", "application/x-mp4", "video/mp4v-es", "video/x-m4v", "video/x-mp4", "video/m4v", "video/h264"],
    ),
    ("video/quicktime", &["application/quicktime", "image/mov", "video/mov", "video/x-quicktime"]),
    ("video/3gpp", &["video/3gp", "video/x-3gpp"]),
    ("video/3gpp2", &["video/3g2"]),
    ("video/webm", &["video/x-webm"]),
    ("video/matroska", &["video/mkv", "video/x-matroska", "video/x-matroska-3d", "video/matroska-3d", "application/x-matroska"]),
    ("audio/matroska", &["audio/x-matroska", "audio/x-mka"]),
    (
        "video/ogg",
        &["application/ogg", "application/x-ogg", "video/x-ogg", "video/x-ogm", "video/x-ogm+ogg", "video/x-theora+ogg"],
    ),
    ("video/x-msvideo", &["video/avi", "video/divx", "video/msvideo", "video/vnd.avi", "video/vnd.divx", "video/x-avi"]),
    ("video/x-ms-wmv", &["application/vnd.ms-asf", "video/wmv", "video/x-ms-asf", "video/x-ms-wm"]),
    ("audio/x-ms-wma", &["audio/wma"]),
    ("video/x-flv", &["video/flv", "application/x-flash-video", "flv-application/octet-stream"]),
    ("video/mpeg", &["video/mpg", "video/x-mpeg", "video/x-mpeg2", "video/x-mpg"]),
    ("video/mp2t", &["video/vnd.dlna.mpeg-tts", "video/mpeg-ts"]),
    (
        "audio/mpeg",
        &[
            "application/x-id3v2",
            "audio/mp3",
            "audio/mpeg3",
            "audio/mpg",
            "audio/x-mp3",
            "audio/x-mpeg",
            "audio/x-mpeg-3",
            "audio/x-mpg",
        ],
    ),
    ("audio/mp4", &["audio/m4a", "audio/m4b", "audio/mp4a-latm", "audio/x-m4a", "audio/x-m4b", "audio/x-mp4", "audio/alac"]),
    ("audio/aac", &["audio/aacp", "audio/vnd.dlna.adts", "audio/x-aac", "audio/x-hx-aac-adts"]),
    (
        "audio/ogg",
        &[
            "audio/opus",
            "audio/vorbis",
            "audio/x-ogg",
            "audio/x-opus+ogg",
            "audio/x-speex+ogg",
            "audio/x-vorbis",
            "audio/x-vorbis+ogg",
            "audio/x-flac+ogg",
            "audio/oga",
        ],
    ),
    ("audio/wav", &["audio/vnd.wave", "audio/wave", "audio/x-pn-wav", "audio/x-wav", "audio/x-wave"]),
    ("audio/flac", &["audio/x-flac", "application/x-flac"]),
    ("audio/webm", &["audio/x-webm"]),
    ("audio/amr", &["audio/amr-encrypted", "audio/x-amr"]),
    ("audio/aiff", &["audio/x-aiff", "audio/aif", "audio/x-aif"]),
    ("audio/midi", &["audio/mid", "audio/x-midi", "application/x-midi", "audio/sp-midi"]),
    ("application/pdf", &["application/acrobat", "application/x-pdf", "application/nappdf", "image/pdf", "text/pdf"]),
    ("application/illustrator", &["application/x-illustrator", "application/vnd.adobe.illustrator"]),
    ("application/postscript", &["application/eps", "application/x-eps", "application/x-postscript", "image/eps", "image/x-eps"]),
    ("application/rtf", &["application/x-rtf", "text/richtext", "text/rtf"]),
    ("application/zip", &["application/x-zip", "application/x-zip-compressed", "application/zip-compressed", "multipart/x-zip"]),
    (
        "application/gzip",
        &[
            "application/gzip-compressed",
            "application/gzipped",
            "application/gzip-document",
            "application/x-gzip",
            "application/x-gzip-compressed",
            "application/x-gunzip",
            "gzip/document",
            "application/x-compressed-tar",
            "application/x-gtar-compressed",
            "application/x-tgz",
            "application/x-compressed",
        ],
    ),
    (
        "application/x-bzip2",
        &["application/bzip2", "application/x-bz2", "application/x-bzip2-compressed-tar", "application/x-bzip-compressed-tar"],
    ),
    ("application/x-xz", &["application/xz", "application/x-xz-compressed-tar"]),
    ("application/zstd", &["application/x-zstd", "application/x-zstd-compressed-tar"]),
    ("application/x-7z-compressed", &["application/x-7z", "application/x-7zip", "application/7z"]),
    ("application/vnd.rar", &["application/rar", "application/x-rar", "application/x-rar-compressed"]),
    ("application/x-tar", &["application/tar", "application/x-gtar", "application/x-ustar"]),
    (
        "application/vnd.ms-excel",
        &[
            "application/excel",
            "application/msexcel",
            "application/x-excel",
            "application/x-msexcel",
            "application/x-dos_ms_excel",
            "application/xls",
        ],
    ),
    (
        "application/msword",
        &[
            "application/doc",
            "application/ms-word",
            "application/vnd.ms-word",
            "application/winword",
            "application/word",
            "application/x-msword",
            "zz-application/zz-winassoc-doc",
        ],
    ),
    (
        "application/vnd.ms-powerpoint",
        &["application/mspowerpoint", "application/powerpoint", "application/ppt", "application/x-mspowerpoint"],
    ),
    ("application/vnd.ms-outlook", &["application/outlook", "application/x-msg", "application/msoutlook"]),
    (
        "application/vnd.visio",
        &["application/visio", "application/x-visio", "application/vnd.ms-visio", "image/x-vsd", "application/vsd"],
    ),
    (
        "application/vnd.ms-project",
        &["application/msproj", "application/msproject", "application/x-msproject", "application/x-ms-project"],
    ),
    ("application/vnd.ms-xpsdocument", &["application/oxps", "application/xps"]),
    ("application/vnd.apple.pages", &["application/x-iwork-pages-sffpages"]),
    ("application/vnd.apple.numbers", &["application/x-iwork-numbers-sffnumbers"]),
    ("application/vnd.apple.keynote", &["application/x-iwork-keynote-sffkey"]),
    ("application/x-ole-storage", &["application/x-cfb", "application/cdfv2"]),
    ("application/vnd.sqlite3", &["application/x-sqlite3"]),
    ("application/vnd.google-earth.kmz", &["application/vnd.google-earth.kmz+xml"]),
    ("application/epub+zip", &["application/epub", "application/x-epub+zip"]),
    ("model/vnd.usdz+zip", &["model/usd", "model/x-usdz", "model/vnd.usdz"]),
    (
        "model/3mf",
        &["application/vnd.ms-3mfdocument", "application/vnd.ms-package.3dmanufacturing-3dmodel+xml", "application/x-3mf"],
    ),
    (
        "text/csv",
        &["application/csv", "application/x-csv", "text/comma-separated-values", "text/x-comma-separated-values", "text/x-csv"],
    ),
    ("text/tab-separated-values", &["text/tsv", "text/x-tsv"]),
    ("text/markdown", &["text/x-markdown", "text/x-web-markdown", "application/markdown"]),
    ("text/plain", &["application/txt", "text/x-log", "text/log", "application/x-log", "text/x-readme"]),
    ("text/calendar", &["application/ics", "text/x-vcalendar", "application/x-ical"]),
    ("text/vcard", &["text/directory", "text/x-vcard", "application/vcard"]),
    ("application/json", &["application/x-json", "text/json", "text/x-json"]),
    ("application/x-subrip", &["application/x-srt", "text/srt", "application/srt"]),
    ("text/html", &["application/xhtml+xml", "application/x-html", "text/xhtml"]),
    ("text/xml", &["application/xml", "application/x-xml"]),
    (
        "text/javascript",
        &[
            "application/ecmascript",
            "application/javascript",
            "application/x-ecmascript",
            "application/x-javascript",
            "text/ecmascript",
            "text/jscript",
            "text/x-javascript",
        ],
    ),
    (
        "application/vnd.microsoft.portable-executable",
        &[
            "application/dos-exe",
            "application/exe",
            "application/msdos-windows",
            "application/x-dosexec",
            "application/x-exe",
            "application/x-ms-dos-executable",
            "application/x-msdos-program",
            "application/x-msdownload",
            "application/x-winexe",
            "vms/exe",
        ],
    ),
    (
        "application/x-executable",
        &[
            "application/x-core",
            "application/x-elf",
            "application/x-object",
            "application/x-pie-executable",
            "application/x-sharedlib",
        ],
    ),
    ("application/x-mach-binary", &["application/x-mach-o", "application/x-macho"]),
    ("application/java-archive", &["application/jar", "application/x-jar", "application/x-java-archive"]),
    ("application/java-vm", &["application/java", "application/x-java", "application/x-java-class", "application/x-java-vm"]),
    ("application/x-msi", &["application/msi", "application/x-ms-installer", "application/x-windows-installer"]),
    ("application/x-bat", &["application/bat", "application/x-msdos-batch", "text/x-bat", "text/x-msdos-batch"]),
    ("application/x-powershell", &["application/powershell", "text/x-powershell"]),
    (
        "application/x-shellscript",
        &["application/x-bash", "application/x-csh", "application/x-sh", "text/x-sh", "text/x-shellscript"],
    ),
    ("text/x-python", &["application/x-python", "application/x-python-code", "text/x-python3", "text/x-script.phyton"]),
    ("text/x-lua", &["application/x-lua", "application/x-lua-bytecode"]),
    ("text/x-perl", &["application/x-perl"]),
    ("text/x-ruby", &["application/x-ruby"]),
    ("application/x-httpd-php", &["application/php", "application/x-php", "text/php", "text/x-php"]),
    ("application/x-rpm", &["application/x-redhat-package-manager", "application/x-rpm-package"]),
    ("application/vnd.debian.binary-package", &["application/x-deb", "application/x-debian-package"]),
    ("application/x-appimage", &["application/vnd.appimage", "application/x-iso9660-appimage"]),
    ("application/x-apple-diskimage", &["application/x-dmg"]),
];

/// What a computer or phone runs or installs: the word `programs` of a list of refused types.
pub const PROGRAMS: &[&str] = &[
    "application/vnd.microsoft.portable-executable",
    "application/x-executable",
    "application/x-mach-binary",
    "application/x-coff",
    "application/java-archive",
    "application/java-vm",
    "application/vnd.android.package-archive",
    "application/vnd.android.dex",
    "application/wasm",
    "application/x-msi",
    "application/vnd.ms-appx",
    "application/x-bat",
    "application/x-powershell",
    "application/x-shellscript",
    "application/x-httpd-php",
    "application/x-ms-shortcut",
    "application/hta",
    "text/javascript",
    "text/vbscript",
    "text/x-clojure",
    "text/x-lua",
    "text/x-perl",
    "text/x-python",
    "text/x-ruby",
    "text/x-tcl",
    "application/vnd.debian.binary-package",
    "application/x-rpm",
    "application/x-appimage",
    "application/x-apple-diskimage",
    "application/x-google-chrome-extension",
    "application/x-xpinstall",
];

/// File types that have no magic bytes, or none of their own: the end of the name alone makes them run or open so.
const ENDINGS: &[(&str, &[&str])] = &[
    ("application/vnd.microsoft.portable-executable", &["exe", "dll", "scr", "com", "pif", "cpl", "sys"]),
    ("application/x-msi", &["msi", "msp", "mst"]),
    ("application/vnd.ms-appx", &["appx", "appxbundle", "msix", "msixbundle"]),
    ("application/x-bat", &["bat", "cmd"]),
    ("application/x-powershell", &["ps1", "psm1", "psd1"]),
    ("text/vbscript", &["vbs", "vbe", "wsf", "wsh", "wsc"]),
    ("text/javascript", &["js", "jse", "mjs", "cjs"]),
    ("application/hta", &["hta"]),
    ("application/x-ms-shortcut", &["lnk"]),
    ("application/x-shellscript", &["sh", "bash", "zsh", "ksh", "csh", "command"]),
    ("text/x-python", &["py", "pyw"]),
    ("text/x-perl", &["pl"]),
    ("text/x-ruby", &["rb"]),
    ("application/x-httpd-php", &["php", "phtml", "phar"]),
    ("application/java-archive", &["jar", "war", "ear"]),
    ("application/java-vm", &["class"]),
    ("application/vnd.android.package-archive", &["apk", "apks", "xapk", "aab"]),
    ("application/vnd.debian.binary-package", &["deb"]),
    ("application/x-rpm", &["rpm"]),
    ("application/x-appimage", &["appimage"]),
    ("application/x-apple-diskimage", &["dmg"]),
    ("application/x-google-chrome-extension", &["crx"]),
    ("application/x-xpinstall", &["xpi"]),
    ("application/wasm", &["wasm"]),
    ("text/html", &["html", "htm", "xhtml", "xht", "shtml"]),
    ("image/svg+xml", &["svg", "svgz"]),
    ("text/xml", &["xml", "xsl", "xslt"]),
];

/// Returns the name under which a type is served. It is in lower case and without parameters.
pub fn canonical(name: &str) -> &str {
    ALIASES.iter().find(|(_, spellings)| spellings.contains(&name)).map_or(name, |(canonical, _)| *canonical)
}

/// Returns the type that the end of a file name stands for, where the bytes do not show it.
pub fn of_ending(file_name: &str) -> Option<&'static str> {
    // Windows ignores dots and blanks at the end of a name.
    let (_, ending) = file_name.trim_end_matches(['.', ' ']).rsplit_once('.')?;
    let ending = ending.to_ascii_lowercase();
    ENDINGS.iter().find(|(_, endings)| endings.contains(&ending.as_str())).map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_spelling_stands_for_one_type_and_no_type_is_a_spelling() {
        let mut seen = BTreeSet::new();
        for (name, spellings) in ALIASES {
            assert!(!spellings.contains(name), "{name}");
            assert_eq!(canonical(name), *name, "the name itself is another's spelling");
            for spelling in *spellings {
                assert!(seen.insert(*spelling), "{spelling} stands twice");
                assert_eq!(canonical(spelling), *name);
                assert_eq!(spelling.to_lowercase(), **spelling);
            }
        }
        for program in PROGRAMS {
            assert_eq!(canonical(program), *program);
        }
        for (name, _) in ENDINGS {
            assert_eq!(canonical(name), *name);
        }
    }

    #[test]
    fn an_ending_is_the_last_one_and_may_be_hidden_behind_dots_and_blanks() {
        for name in ["setup.exe", "SETUP.EXE", "photo.jpg.exe", "setup.exe.", "setup.exe . ."] {
            assert_eq!(of_ending(name), Some("application/vnd.microsoft.portable-executable"), "{name}");
        }
        for name in ["exe", "setup.exe.txt", "", ".", "notes"] {
            assert_eq!(of_ending(name), None, "{name}");
        }
    }
}
