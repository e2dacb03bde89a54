// SPDX-License-Identifier: MIT OR Apache-2.0
//! An initial ramdisk as the kernel takes it without any help: the "newc" form of cpio
//! (Documentation/driver-api/early-userspace/buffer-format.rst).

const DIRECTORY: u32 = 0o040_755;
const PROGRAM: u32 = 0o100_755;
const DEVICE: u32 = 0o020_600;

/// An archive being written.
#[derive(Debug, Default)]
pub(super) struct Cpio {
    bytes: Vec<u8>,
    count: u32,
}

impl Cpio {
    /// Adds a directory. What lies in it comes after it.
    pub(super) fn directory(&mut self, name: &str) {
        self.entry(name, DIRECTORY, (0, 0), &[]);
    }

    /// Adds a file that can be executed.
    pub(super) fn file(&mut self, name: &str, bytes: &[u8]) {
        self.entry(name, PROGRAM, (0, 0), bytes);
    }

    /// Adds a character device.
    pub(super) fn device(&mut self, name: &str, major: u32, minor: u32) {
        self.entry(name, DEVICE, (major, minor), &[]);
    }

    /// The whole archive.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.entry("TRAILER!!!", 0, (0, 0), &[]);
        self.bytes
    }

    fn entry(&mut self, name: &str, mode: u32, (major, minor): (u32, u32), content: &[u8]) {
        self.count += 1;
        self.bytes.extend(b"070701");
        let size = u32::try_from(content.len()).unwrap_or(u32::MAX);
        let name_size = u32::try_from(name.len() + 1).unwrap_or(u32::MAX);
        // Inode, mode, owner, group, links, time, size, device (two), what a device file stands for (two), name, checksum.
        for field in [self.count, mode, 0, 0, 1, 0, size, 0, 0, major, minor, name_size, 0] {
            self.bytes.extend(format!("{field:08x}").bytes());
        }
        self.bytes.extend(name.bytes());
        self.bytes.push(0);
        self.align();
        self.bytes.extend(content);
        self.align();
    }

    fn align(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::process::{Command, Stdio};

    #[test]
    fn an_entry_is_as_the_kernels_text_says() {
        let mut cpio = Cpio::default();
        cpio.device("dev/ttyS1", 4, 65);
        cpio.file("a", b"12345");
        let bytes = cpio.finish();
        assert_eq!(bytes.len() % 4, 0);
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.starts_with("07070100000001000021800000000000000000000000010000000000000000"), "{text}");
        assert_eq!(&text[78..94], "0000000400000041", "4, 65");
        assert_eq!(&text[110..120], "dev/ttyS1\0");
        assert_eq!(&text[120 + 110..120 + 110 + 10], "a\0".to_owned().as_str().to_owned() + "12345\0\0\0");
    }

    /// Python's is the only other reader that is on most machines; where it is not, the boots themselves prove it.
    #[test]
    fn another_reader_takes_it() {
        let mut cpio = Cpio::default();
        cpio.directory("x");
        cpio.file("x/y", b"12345");
        let Ok(mut reader) = Command::new("cpio").arg("-t").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn() else {
            return;
        };
        reader.stdin.take().unwrap().write_all(&cpio.finish()).unwrap();
        let listed = reader.wait_with_output().unwrap();
        assert_eq!(String::from_utf8_lossy(&listed.stdout), "x\nx/y\n");
    }
}
