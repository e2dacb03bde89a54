// SPDX-License-Identifier: MIT OR Apache-2.0
//! Text from outside made fit for a terminal: nothing is printed raw.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt;

use crate::root_path::RootPath;

/// A path as it may be printed: as it is when it is plain, else with `\xNN` and `\n` for everything
/// a terminal could act upon or that is not UTF-8.
pub fn quoted(path: &RootPath) -> String {
    quoted_bytes(path.as_os_str().as_bytes())
}

/// An OS string as it may be printed.
pub fn quoted_os(text: &OsStr) -> String {
    quoted_bytes(text.as_bytes())
}

/// A text as it may be printed, in quotes when it is empty or has been changed.
pub fn quoted_text(text: &str) -> String {
    let clean = quoted_bytes(text.as_bytes());
    if clean.is_empty() || clean != text { format!("\"{clean}\"") } else { clean }
}

/// Bytes as they may be printed.
pub fn quoted_bytes(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\n' => out.push_str("\\n"),
                '\t' => out.push_str("\\t"),
                '\r' => out.push_str("\\r"),
                '\\' => out.push_str("\\\\"),
                c if is_unsafe(c) => {
                    let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
                }
                c => out.push(c),
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out
}

/// A word of a command as a shell takes it, as far as it can be printed.
pub fn shell_word(word: &OsStr) -> String {
    let plain = quoted_os(word);
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:,@%".contains(c);
    if !plain.is_empty() && plain.chars().all(is_plain) { plain } else { format!("'{}'", plain.replace('\'', "'\\''")) }
}

/// JSON text as it may be printed: JSON leaves DEL, C1 controls and invisible characters as they are.
/// Outside of its strings there are none but line ends.
pub fn quoted_json(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if c != '\n' && is_unsafe(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// Control characters, and those that reorder or hide the text around them (Trojan Source).
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn escapes_what_a_terminal_would_act_upon() {
        assert_eq!(quoted_bytes(b"/usr/src/a b"), "/usr/src/a b");
        assert_eq!(quoted_bytes(b"/x\n\x1b[31m\xff"), "/x\\n\\u{1b}[31m\\xff");
        assert_eq!(quoted_bytes("a\u{202e}b".as_bytes()), "a\\u{202e}b");
        assert_eq!(quoted_text(""), "\"\"");
        assert_eq!(quoted_json("{\n\"a\u{9b}\u{7f}\"}"), "{\n\"a\\u009b\\u007f\"}");
    }

    #[test]
    fn words_as_a_shell_takes_them() {
        for (word, shown) in [("--root", "--root"), ("", "''"), ("a b", "'a b'"), ("it's", "'it'\\''s'")] {
            assert_eq!(shell_word(OsStr::new(word)), shown);
        }
    }

    proptest! {
        #[test]
        fn never_prints_a_control_character(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            prop_assert!(!quoted_bytes(&bytes).chars().any(is_unsafe));
        }
    }
}
