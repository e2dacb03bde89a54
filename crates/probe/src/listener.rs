// SPDX-License-Identifier: MIT OR Apache-2.0
//! What make says: read to its end, kept only as far as it tells why a build failed.

use std::io::Read;

use kbuild_guard::quote::quoted_bytes;

/// Whoever says more says it without end.
pub(crate) const MOST: usize = 8 << 20;

/// A longer line is cut.
const LONGEST_LINE: usize = 300;

/// What stands in lines that tell. Warnings, and directories that are entered, do not.
const TELLING: [&[u8]; 10] = [
    b"error:",
    b"ERROR",
    b"*** ",
    b" not found",
    b"No such file",
    b"cannot ",
    b"Cannot ",
    b"Permission denied",
    b"Killed",
    b"command not",
];

/// Takes output piece by piece.
#[derive(Debug, Default)]
pub(crate) struct Listener {
    line: Vec<u8>,
    telling: Option<Vec<u8>>,
    last: Vec<u8>,
    heard: usize,
}

impl Listener {
    /// Reads until the end, or until it is too much, which is `false`.
    pub(crate) fn listen(&mut self, mut from: impl Read) -> bool {
        let mut piece = [0; 8192];
        loop {
            match from.read(&mut piece) {
                Ok(0) => break,
                Ok(length) => self.hear(piece.get(..length).unwrap_or_default()),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
            if self.heard > MOST {
                return false;
            }
        }
        self.end_line();
        true
    }

    fn hear(&mut self, piece: &[u8]) {
        self.heard += piece.len();
        for part in piece.split_inclusive(|byte| *byte == b'\n') {
            let (text, ends) = part.strip_suffix(b"\n").map_or((part, false), |text| (text, true));
            let room = LONGEST_LINE.saturating_sub(self.line.len());
            self.line.extend_from_slice(text.get(..room).unwrap_or(text));
            if ends {
                self.end_line();
            }
        }
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        if line.iter().all(u8::is_ascii_whitespace) {
            return;
        }
        let tells = TELLING.iter().any(|word| line.windows(word.len()).any(|part| part == *word));
        if tells && self.telling.is_none() {
            self.telling = Some(line);
        } else {
            self.last = line;
        }
    }

    /// The first line that tells something, else the last one, fit for a terminal.
    pub(crate) fn says(&self) -> Option<String> {
        let line = self.telling.as_ref().unwrap_or(&self.last);
        (!line.is_empty()).then(|| quoted_bytes(line.trim_ascii()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(output: &[u8]) -> Option<String> {
        let mut listener = Listener::default();
        assert!(listener.listen(output));
        listener.says()
    }

    #[test]
    fn the_first_telling_line_counts() {
        let output = b"make: Entering directory '/x'\nwarning: the compiler differs\n\
                       a.c:1:10: fatal error: linux/a.h: No such file or directory\nmake: *** [Makefile:1: all] Error 2\n";
        assert_eq!(says(output).unwrap(), "a.c:1:10: fatal error: linux/a.h: No such file or directory");
        assert_eq!(says(b"one\ntwo\n\n").unwrap(), "two");
        assert_eq!(says(b"without an end").unwrap(), "without an end");
        assert_eq!(says(b"\n \n"), None);
    }

    #[test]
    fn nothing_is_raw_and_nothing_is_long() {
        assert_eq!(says(b"error: \x1b]0;title\x07\n").unwrap(), "error: \\u{1b}]0;title\\u{7}");
        let long = [b"error: ".as_slice(), &[b'x'; 100_000]].concat();
        assert_eq!(says(&long).unwrap().len(), LONGEST_LINE);
    }

    #[test]
    fn too_much_is_too_much() {
        assert!(!Listener::default().listen(std::io::repeat(b'\n')));
        assert!(!Listener::default().listen(std::io::repeat(b'x')));
    }
}
