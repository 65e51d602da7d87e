"""Writes the corpus of files that `shared/tests/it/file_types.rs` reads: names, declared types, first bytes, and how each file is served.

    python scripts/file_corpus.py        # writes shared/tests/it/fixtures/files.tsv and lies.tsv

The declared types are facts of public registries and programs, each read in their current version:

* the IANA registry of media types (https://www.iana.org/assignments/media-types)
* Apache's conf/mime.types (https://svn.apache.org/repos/asf/httpd/httpd/trunk/docs/conf/mime.types)
* freedesktop.org's shared-mime-info, with its aliases (https://gitlab.freedesktop.org/xdg/shared-mime-info): what browsers on Linux ask
* Chromium's net/base/mime_util.cc and Firefox's uriloader/exthandler: what they declare before they ask the system
* the registry of Windows (HKEY_CLASSES_ROOT, as Windows and Office set it), Uniform Type Identifiers of macOS, Android's MimeTypeMap
* an empty type and application/octet-stream: what every browser declares for an extension that it does not know

The first bytes are the formats' own specifications. Expected results are written here by hand, and not taken from the code.
"""

import pathlib

FIXTURES = pathlib.Path(__file__).resolve().parent.parent / "shared" / "tests" / "it" / "fixtures"
BYTES = "application/octet-stream"

ZIP = b"PK\x03\x04\x14\0\x06\0\x08\0\0\0!\0"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + b">\0\x03\0\xfe\xff\x09\0"
GZIP = b"\x1f\x8b\x08\0\0\0\0\0\0\x03"
TIFF = b"II*\0\x08\0\0\0\x0b\0"
WEBM = b"\x1a\x45\xdf\xa3\x9fB\x86\x81\x01B\xf7\x81\x01B\xf2\x81\x04B\xf3\x81\x08B\x82\x84webm"
MKV = b"\x1a\x45\xdf\xa3\xa3B\x86\x81\x01B\xf7\x81\x01B\xf2\x81\x04B\xf3\x81\x08B\x82\x88matroska"
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0"
JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01"
GIF = b"GIF89a\x01\0\x01\0\x80\0\0"
PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
MP3 = b"\xff\xfb\x90\x64" + bytes(32)
TAR = b"notes.txt" + bytes(248) + b"ustar\x0000" + bytes(247)
OOXML = "application/vnd.openxmlformats-officedocument."
ODF = "application/vnd.oasis.opendocument."
OGG = b"OggS\0\x02" + bytes(20) + b"\x01\x13"


def iso(brand):
    return b"\0\0\0\x20ftyp" + brand + b"\0\0\x02\0isomiso2avc1mp41"


# Extension, first bytes, the served type, the type by the bytes alone, and the declared types that stand for the served one.
HONEST = [
    ("jpg", JPEG, "image/jpeg", "image/jpeg", "image/jpeg image/jpg image/pjpeg"),
    ("jfif", JPEG, "image/jpeg", "image/jpeg", "image/jpeg image/jfif"),
    ("png", PNG, "image/png", "image/png", "image/png image/x-png"),
    ("gif", GIF, "image/gif", "image/gif", "image/gif"),
    ("webp", b"RIFF\x24\0\0\0WEBPVP8 ", "image/webp", "image/webp", "image/webp"),
    ("bmp", b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x02\0\0\0\x02\0\0\0\x01\0\x18\0", "image/bmp", "image/bmp", "image/bmp image/x-ms-bmp image/x-bmp"),
    ("tif", TIFF, "image/tiff", "image/tiff", "image/tiff image/tif"),
    ("tiff", b"MM\0*\0\0\0\x08", "image/tiff", "image/tiff", "image/tiff image/x-tiff"),
    ("dng", TIFF, "image/x-adobe-dng", "image/tiff", "image/x-adobe-dng image/dng"),
    ("nef", b"MM\0*\0\0\0\x08", "image/x-nikon-nef", "image/tiff", "image/x-nikon-nef"),
    ("cr2", b"II*\0\x10\0\0\0CR\x02\0", "image/x-canon-cr2", "image/x-canon-cr2", "image/x-canon-cr2"),
    ("heic", iso(b"heic"), "image/heic", "image/heic", "image/heic image/heic-sequence"),
    ("heif", iso(b"mif1"), "image/heif", "image/heif", "image/heif"),
    ("avif", iso(b"avif"), "image/avif", "image/avif", "image/avif"),
    ("ico", b"\0\0\x01\0\x01\0\x10\x10\0\0\x01\0\x20\0", "image/vnd.microsoft.icon", "image/vnd.microsoft.icon", "image/x-icon image/vnd.microsoft.icon image/ico"),
    ("psd", b"8BPS\0\x01\0\0\0\0\0\0", "image/vnd.adobe.photoshop", "image/vnd.adobe.photoshop", "image/vnd.adobe.photoshop image/x-photoshop application/x-photoshop image/psd"),
    ("mp4", iso(b"isom"), "video/mp4", "video/mp4", "video/mp4 application/mp4"),
    ("m4v", iso(b"M4V "), "video/mp4", "video/mp4", "video/x-m4v video/mp4"),
    ("mov", iso(b"qt  "), "video/quicktime", "video/quicktime", "video/quicktime"),
    ("mov", b"\0\0\0\x08wide\0\0\x20\0mdat\0\x01\x02", "video/quicktime", "video/quicktime", "video/quicktime"),
    ("mov", b"\0\0\x0a\x00moov\0\0\0\x6cmvhd", "video/quicktime", "video/quicktime", "video/quicktime"),
    ("3gp", iso(b"3gp4"), "video/3gpp", "video/3gpp", "video/3gpp video/3gp"),
    ("webm", WEBM, "video/webm", "video/webm", "video/webm"),
    ("weba", WEBM, "audio/webm", "video/webm", "audio/webm"),
    ("mkv", MKV, "video/matroska", "video/matroska", "video/matroska video/x-matroska application/x-matroska"),
    ("mka", MKV, "audio/matroska", "video/matroska", "audio/matroska audio/x-matroska"),
    ("avi", b"RIFF\x24\0\0\0AVI LIST", "video/x-msvideo", "video/x-msvideo", "video/x-msvideo video/avi video/vnd.avi video/msvideo"),
    ("wmv", b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\0\xaa\0\x62\xce\x6c", "video/x-ms-wmv", "video/x-ms-wmv", "video/x-ms-wmv video/x-ms-asf application/vnd.ms-asf"),
    ("wma", b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\0\xaa\0\x62\xce\x6c", "audio/x-ms-wma", "video/x-ms-wmv", "audio/x-ms-wma"),
    ("flv", b"FLV\x01\x05\0\0\0\x09", "video/x-flv", "video/x-flv", "video/x-flv video/flv"),
    ("ogv", OGG + b"\x80theora\x03\x02\x01", "video/ogg", "video/ogg", "video/ogg application/ogg video/x-theora+ogg"),
    ("ogg", OGG + b"\x01vorbis\0\0\0\0\x02", "audio/ogg", "audio/ogg", "audio/ogg audio/x-vorbis+ogg audio/vorbis"),
    ("opus", OGG + b"OpusHead\x01\x02", "audio/ogg", "audio/ogg", "audio/ogg audio/opus audio/x-opus+ogg"),
    ("mp3", MP3, "audio/mpeg", "audio/mpeg", "audio/mpeg audio/mp3 audio/x-mpeg audio/x-mp3"),
    ("mp3", b"\xff\xfa\x90\x64" + bytes(32), "audio/mpeg", "audio/mpeg", "audio/mpeg audio/mp3"),
    ("mp3", b"\xff\xf3\x40\xc4" + bytes(32), "audio/mpeg", "audio/mpeg", "audio/mpeg"),
    ("mp3", b"ID3\x04\0\0\0\0\x02\0" + bytes(32), "audio/mpeg", "audio/mpeg", "audio/mpeg audio/mp3"),
    ("m4a", iso(b"M4A "), "audio/mp4", "audio/mp4", "audio/mp4 audio/x-m4a audio/m4a audio/mp4a-latm"),
    ("aac", b"\xff\xf1\x50\x80\x20\x1f\xfc", "audio/aac", "audio/aac", "audio/aac audio/x-aac audio/vnd.dlna.adts"),
    ("wav", b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0", "audio/wav", "audio/wav", "audio/wav audio/wave audio/x-wav audio/vnd.wave audio/x-pn-wav"),
    ("flac", b"fLaC\0\0\0\x22\x10\0\x10\0", "audio/flac", "audio/flac", "audio/flac audio/x-flac"),
    ("amr", b"#!AMR\n\x3c\x91\x17\0", "audio/amr", "audio/amr", "audio/amr audio/amr-encrypted"),
    ("mid", b"MThd\0\0\0\x06\0\x01\0\x02", "audio/midi", "audio/midi", "audio/midi audio/mid audio/x-midi"),
    ("pdf", PDF, "application/pdf", "application/pdf", "application/pdf application/x-pdf"),
    ("ai", PDF, "application/illustrator", "application/pdf", "application/illustrator application/vnd.adobe.illustrator"),
    ("ai", PDF, "application/pdf", "application/pdf", "application/pdf"),
    ("rtf", b"{\\rtf1\\ansi\\deff0", "application/rtf", "application/rtf", "application/rtf text/rtf application/x-rtf"),
    ("zip", ZIP, "application/zip", "application/zip", "application/zip application/x-zip-compressed application/x-zip"),
    ("zip", b"PK\x05\x06" + bytes(18), "application/zip", "application/zip", "application/zip"),
    ("epub", ZIP, "application/epub+zip", "application/zip", "application/epub+zip"),
    ("docx", ZIP, OOXML + "wordprocessingml.document", "application/zip", OOXML + "wordprocessingml.document"),
    ("dotx", ZIP, OOXML + "wordprocessingml.template", "application/zip", OOXML + "wordprocessingml.template"),
    ("docm", ZIP, "application/vnd.ms-word.document.macroenabled.12", "application/zip", "application/vnd.ms-word.document.macroEnabled.12"),
    ("xlsx", ZIP, OOXML + "spreadsheetml.sheet", "application/zip", OOXML + "spreadsheetml.sheet"),
    ("xlsm", ZIP, "application/vnd.ms-excel.sheet.macroenabled.12", "application/zip", "application/vnd.ms-excel.sheet.macroEnabled.12"),
    ("pptx", ZIP, OOXML + "presentationml.presentation", "application/zip", OOXML + "presentationml.presentation"),
    ("ppsx", ZIP, OOXML + "presentationml.slideshow", "application/zip", OOXML + "presentationml.slideshow"),
    ("odt", ZIP, ODF + "text", "application/zip", ODF + "text"),
    ("ods", ZIP, ODF + "spreadsheet", "application/zip", ODF + "spreadsheet"),
    ("odp", ZIP, ODF + "presentation", "application/zip", ODF + "presentation"),
    ("odg", ZIP, ODF + "graphics", "application/zip", ODF + "graphics"),
    ("pages", ZIP, "application/vnd.apple.pages", "application/zip", "application/vnd.apple.pages application/x-iwork-pages-sffpages"),
    ("numbers", ZIP, "application/vnd.apple.numbers", "application/zip", "application/vnd.apple.numbers application/x-iwork-numbers-sffnumbers"),
    ("key", ZIP, "application/vnd.apple.keynote", "application/zip", "application/vnd.apple.keynote application/x-iwork-keynote-sffkey"),
    ("kmz", ZIP, "application/vnd.google-earth.kmz", "application/zip", "application/vnd.google-earth.kmz"),
    ("vsdx", ZIP, "application/vnd.ms-visio.drawing", "application/zip", "application/vnd.ms-visio.drawing"),
    ("3mf", ZIP, "model/3mf", "application/zip", "model/3mf application/vnd.ms-3mfdocument"),
    ("usdz", ZIP, "model/vnd.usdz+zip", "application/zip", "model/vnd.usdz+zip"),
    ("doc", OLE, "application/msword", BYTES, "application/msword"),
    ("xls", OLE, "application/vnd.ms-excel", BYTES, "application/vnd.ms-excel application/msexcel"),
    ("ppt", OLE, "application/vnd.ms-powerpoint", BYTES, "application/vnd.ms-powerpoint application/mspowerpoint"),
    ("msg", OLE, "application/vnd.ms-outlook", BYTES, "application/vnd.ms-outlook"),
    ("vsd", OLE, "application/vnd.visio", BYTES, "application/vnd.visio application/x-visio"),
    ("mpp", OLE, "application/vnd.ms-project", BYTES, "application/vnd.ms-project"),
    ("gz", GZIP, "application/gzip", "application/gzip", "application/gzip application/x-gzip"),
    ("tgz", GZIP, "application/gzip", "application/gzip", "application/x-compressed-tar application/gzip application/x-gtar-compressed application/x-compressed"),
    ("7z", b"7z\xbc\xaf\x27\x1c\0\x04", "application/x-7z-compressed", "application/x-7z-compressed", "application/x-7z-compressed"),
    ("rar", b"Rar!\x1a\x07\x01\0", "application/vnd.rar", "application/vnd.rar", "application/vnd.rar application/x-rar-compressed application/x-rar"),
    ("bz2", b"BZh91AY&SY\x01\x02", "application/x-bzip2", "application/x-bzip2", "application/x-bzip2 application/x-bzip2-compressed-tar"),
    ("xz", b"\xfd7zXZ\0\0\x04", "application/x-xz", "application/x-xz", "application/x-xz application/x-xz-compressed-tar"),
    ("zst", b"\x28\xb5\x2f\xfd\x24\x05", "application/zstd", "application/zstd", "application/zstd application/x-zstd-compressed-tar"),
    ("tar", TAR, "application/x-tar", "application/x-tar", "application/x-tar application/x-gtar"),
    ("sqlite", b"SQLite format 3\0\x10\0", "application/vnd.sqlite3", "application/vnd.sqlite3", "application/vnd.sqlite3 application/x-sqlite3"),
    ("woff2", b"wOF2\0\x01\0\0", "font/woff2", "font/woff2", "font/woff2"),
    ("txt", b"Dear all,\n", "text/plain", BYTES, "text/plain"),
    ("txt", b"ID3 tags are great\n", "text/plain", BYTES, "text/plain"),
    ("txt", b"BZh is how bzip2 begins\n", "text/plain", BYTES, "text/plain"),
    ("txt", b"MZ is how programs begin\n", "text/plain", BYTES, "text/plain"),
    ("txt", b"PK, see you at the party\n", "text/plain", BYTES, "text/plain"),
    ("txt", b"GIF89a was a standard\n", "text/plain", BYTES, "text/plain"),
    ("txt", b"care-free moov\n", "text/plain", BYTES, "text/plain"),
    ("txt", b"Gr\xfc\xdfe aus K\xf6ln\n", "text/plain", BYTES, "text/plain"),
    ("txt", "\ufeffHallo".encode("utf-16-le"), "text/plain", BYTES, "text/plain"),
    ("txt", b"<3 you all\n", "text/plain", BYTES, "text/plain"),
    ("log", b"2026-11-30 00:00:00 started\n", "text/plain", BYTES, "text/plain text/x-log"),
    ("csv", b"a;b\n1;2\n", "text/csv", BYTES, "text/csv application/csv text/comma-separated-values application/vnd.ms-excel"),
    ("md", b"# Title\n", "text/markdown", BYTES, "text/markdown text/x-markdown"),
    ("json", b'{"a": 1}\n', "application/json", BYTES, "application/json"),
    ("ics", b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n", "text/calendar", BYTES, "text/calendar"),
    ("vcf", b"BEGIN:VCARD\r\nVERSION:3.0\r\n", "text/vcard", BYTES, "text/vcard text/x-vcard"),
    ("srt", b"1\n00:00:01,000 --> 00:00:02,000\nHi\n", "application/x-subrip", BYTES, "application/x-subrip"),
]
PLAYABLE = {
    "video/mp4", "video/quicktime", "video/webm", "video/ogg", "audio/mpeg", "audio/mp4", "audio/aac", "audio/ogg", "audio/webm", "audio/wav",
    "audio/flac",
}
# Taken, and served without a type: nothing is known of the declared one, or the bytes are another.
UNTYPED = [
    ("x.weird", "application/x-anything", b"\x01\x02\x03\x04"),
    ("x.xyz", "chemical/x-xyz", b"3\nwater\n"),
    ("m.stp", "model/step", b"ISO-10303-21;\n"),
    ("p.dwl", "", b"\x01\x02\x03\x04"),
    ("empty-looking", "", b"\0"),
    ("old.xls", "application/vnd.ms-excel", b"<html><table>"),
    ("old.xls", "application/vnd.ms-excel", b"<?xml version=\"1.0\"?><Workbook>"),
    ("letter.doc", "application/msword", b"{\\rtf1\\ansi"),
    ("drawing.svgz", "image/svg+xml-compressed", GZIP),
    ("drawing.svg", "image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg'>"),
    ("setup.msi", "application/x-msi", OLE),
    ("setup.msi", "application/x-ms-installer", OLE),
    ("photo.jpg", "image/jpeg", b"RIFF\x24\0\0\0WEBPVP8 "),
    ("photo.png", "image/png", JPEG),
    ("song.mp3", "audio/mpeg", b"RIFF\x24\0\0\0WAVEfmt "),
    ("page.html", "text/html", b"<!doctype html><p>Hi"),
    ("feed.xml", "application/xml", b"<?xml version='1.0'?><rss/>"),
    ("app.js", "text/javascript", b"alert(1)"),
    ("style.css", "text/css", b"p { color: red }"),
    ("a.py", "text/x-python", b"print(1)\n"),
    ("app.apk", "application/vnd.android.package-archive", ZIP),
    ("app.jar", "application/java-archive", ZIP),
    ("setup.exe", "application/x-msdownload", b"MZ\x90\0\x03\0\0\0"),
    ("run", "application/x-executable", b"\x7fELF\x02\x01\x01\0"),
    ("x.bin", "application/macbinary", b"\0\x04name"),
    ("tool.dmg", "application/x-apple-diskimage", b"\x78\x01\x73\x0d"),
    ("mail.eml", "message/rfc822", b"From: a@example.com\r\n"),
    ("subject.txt", "text/plain", b"a\0b"),
]

HTML = b"<!doctype html><script>alert(1)</script>"
SVG = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"
PE = b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff"
ACTIVE = {
    "html": HTML,
    "html after blanks": b"\r\n\t  <HTML><body onload=alert(1)>",
    "html after a mark": b"\xef\xbb\xbf<script>alert(1)</script>",
    "html in UTF-16": "\ufeff<html>".encode("utf-16-le"),
    "html after a comment": b"<!-- --><script>alert(1)</script>",
    "svg": SVG,
    "xml": b"<?xml version='1.0'?><?xml-stylesheet href='x'?><a/>",
    "php": b"<?php system($_GET[0]);",
    "a tag": b"<img src=x onerror=alert(1)>",
}
HARMLESS = (
    "image/png image/jpeg image/gif image/webp image/bmp image/tiff application/pdf text/plain text/csv text/markdown application/json "
    "application/zip video/mp4 video/webm audio/mpeg audio/wav audio/ogg application/msword " + OOXML + "wordprocessingml.document"
).split()
PROGRAM_BYTES = {
    "a program of Windows": PE,
    "a program of Linux": b"\x7fELF\x02\x01\x01\0" + bytes(8),
    "a program of macOS": b"\xcf\xfa\xed\xfe\x07\0\0\x01",
    "a program of macOS for two processors": b"\xca\xfe\xba\xbe\0\0\0\x02",
    "a class of Java": b"\xca\xfe\xba\xbe\0\0\0\x3d",
    "an app's code": b"dex\n035\0",
    "WebAssembly": b"\0asm\x01\0\0\0",
    "a script of sh": b"#!/bin/sh\nrm -rf /\n",
    "a script of Python": b"#!/usr/bin/env python3\n",
    "a script of something": b"#! /opt/tool --run\n",
    "a batch file": b"@echo off\r\ndel *\r\n",
    "a package of Debian": b"!<arch>\ndebian-binary   \x1f\x8b\x08\0",
    "a package of Red Hat": b"\xed\xab\xee\xdb\x03\0\0\0",
    "an extension of Chrome": b"Cr24\x03\0\0\0",
    "a shortcut": b"L\0\0\0\x01\x14\x02\0\0\0\0\0\xc0\0\0\0\0\0\0F",
}
PROGRAM_NAMES = "a.exe a.EXE a.dll a.scr a.com a.pif a.msi a.bat a.cmd a.ps1 a.vbs a.js a.hta a.lnk a.sh a.jar a.apk a.deb a.rpm a.dmg photo.jpg.exe a.exe. a.py".split()
PROGRAM_TYPES = (
    "application/x-msdownload application/x-dosexec application/x-ms-dos-executable application/x-msdos-program application/exe "
    "application/vnd.microsoft.portable-executable application/x-executable application/x-elf application/x-sharedlib "
    "application/x-mach-binary application/java-archive application/x-java-archive application/vnd.android.package-archive "
    "application/x-msi application/x-ms-installer application/bat application/x-bat application/x-sh application/x-shellscript "
    "text/x-shellscript text/x-python application/javascript text/javascript application/wasm application/x-debian-package "
    "application/x-rpm application/hta"
).split()
PROGRAM_SCRIPTS = ("a script of sh", "a script of Python", "a script of something", "a batch file")
# What a list names and then refuses: name, declared type, bytes, and what it is served as without a list.
LISTED = [
    ("application/zip", "a.zip", "application/x-zip-compressed", ZIP, "application/zip"),
    ("application/zip", "a.png", "image/png", ZIP, BYTES),
    ("application/zip", "a", "", ZIP, "application/zip"),
    ("application/x-zip-compressed", "a.zip", "application/zip", ZIP, "application/zip"),
    ("video/*", "a.mp4", "video/mp4", b"x", BYTES),
    ("video/*", "a.bin", "", iso(b"isom"), "video/mp4"),
    ("video/*", "a.txt", "text/plain", WEBM, BYTES),
    ("video/*", "a.mkv", "video/x-matroska", MKV, "video/matroska"),
    ("audio/*", "a.dat", BYTES, MP3, "audio/mpeg"),
    ("image/*", "a.dat", BYTES, PNG, "image/png"),
    ("image/svg+xml", "a.txt", "text/plain", SVG, BYTES),
    ("image/svg+xml", "a.svg", "text/plain", b"hidden", "text/plain"),
    ("text/html", "a.txt", "text/plain", HTML, BYTES),
    ("text/html", "a.png", "image/png", b"\xef\xbb\xbf\n<HTML>", BYTES),
    ("text/html", "a.dat", "application/xhtml+xml", b"x", BYTES),
    ("application/pdf", "a.txt", "text/plain", PDF, "text/plain"),
    ("application/vnd.rar", "a.rar", "application/x-rar-compressed", b"x", BYTES),
    ("application/x-ole-storage", "a.doc", "application/msword", OLE, "application/msword"),
    ("application/x-bittorrent", "a.torrent", "application/x-bittorrent", b"x", BYTES),
    ("application/x-iso9660-image", "a.iso", "application/x-iso9660-image", b"x", BYTES),
    ("application/*", "a.txt", "text/plain", PDF, "text/plain"),
    ("application/*", "a.json", "application/json", b"{}", "application/json"),
    ("application/*", "a.dat", "", b"\x01\x02\x03\x04", BYTES),
    ("application/*", "a.txt", "text/plain", b"a\0b", BYTES),
    ("application/octet-stream", "a.txt", "", b"Dear all,\n", BYTES),
    ("application/octet-stream", "a.png", "image/png", b"\x01\x02\x03\x04", BYTES),
    ("binary/octet-stream", "a.dat", BYTES, b"\x01\x02\x03\x04", BYTES),
]
# Texts are more than bytes of which nothing is known.
TEXTS = {
    "text/plain": (b"Dear all,\n", b"MZ is how programs begin\n", b"Gr\xfc\xdfe aus K\xf6ln\n", "\ufeffHallo".encode("utf-16-le")),
    "text/csv": (b"a;b\n1;2\n",),
    "text/markdown": (b"# Title\n",),
    "text/calendar": (b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n",),
}


def escaped(content):
    return "".join(chr(byte) if 32 <= byte < 127 and byte != 92 else f"\\x{byte:02x}" for byte in content)


def presentation(served):
    return served, "inline" if served in PLAYABLE else "attachment"


def honest():
    for extension, content, served, found, declared in HONEST:
        types = declared.split()
        for content_type in [*types, types[0].upper(), f"{types[0]}; charset=binary"]:
            yield f"a.{extension}", content_type, content, *presentation(served)
        for nothing in ("", BYTES, "binary/octet-stream"):
            yield f"a.{extension}", nothing, content, *presentation(found)
    for name, declared, content in UNTYPED:
        yield name, declared, content, BYTES, "attachment"


def lies():
    harmless = list(dict.fromkeys([*HARMLESS, *(served for _, _, served, _, _ in HONEST)]))
    for content in ACTIVE.values():
        for declared in [*harmless, "text/html", "image/svg+xml", "application/xml", "text/javascript"]:
            yield "-", "a", declared, content, BYTES
    for content in PROGRAM_BYTES.values():
        for name in ("renamed.png", "report", "song.mp3"):
            for declared in ("", BYTES, *HARMLESS[::3]):
                yield "programs", name, declared, content, "refused"
    for kind, content in PROGRAM_BYTES.items():
        for declared in () if kind in PROGRAM_SCRIPTS else (*HARMLESS, *PROGRAM_TYPES[::5]):
            yield "-", "renamed", declared, content, BYTES
    for name in PROGRAM_NAMES:
        for declared in ("text/plain", "", BYTES, "image/png", "application/pdf"):
            yield "programs", name, declared, b"no mark", "refused"
    for declared in PROGRAM_TYPES:
        yield "-", "a", declared, b"no mark", BYTES
        for name in ("a", "a.png", "a.txt"):
            yield "programs", name, declared, b"no mark", "refused"
    for listed, name, declared, content, served in LISTED:
        yield listed, name, declared, content, "refused"
        yield "-", name, declared, content, served
    for declared, contents in TEXTS.items():
        for content in contents:
            for listed in ("application/*", "application/octet-stream", "binary/octet-stream", "programs"):
                yield listed, "a", declared, content, declared


def write(name, rows):
    seen = []
    for row in rows:
        line = "\t".join(escaped(cell) if isinstance(cell, bytes) else cell for cell in row)
        if line not in seen:
            seen.append(line)
    (FIXTURES / name).write_text("\n".join(seen) + "\n", encoding="utf-8")
    print(f"{name}: {len(seen)} files")


if __name__ == "__main__":
    write("files.tsv", honest())
    write("lies.tsv", lies())
