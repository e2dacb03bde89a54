// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the program is told, as bytes: the format is in the crate's documentation.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use crate::error::{Error, Result};

/// No transaction comes near: the file lists of a whole Fedora workstation are some 30 MiB.
pub(crate) const LIMIT: usize = 64 << 20;

/// A package of the transaction.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Package<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) evr: &'a [u8],
    pub(crate) nevra: &'a [u8],
}

/// The stream up to here. First all that leave, then all that arrive.
#[derive(Debug)]
pub(crate) struct Stream {
    bytes: Vec<u8>,
    limit: usize,
    /// Hashes of the leaving paths. Two that are the same by chance send one path more: nobody is hurt.
    leaving: HashSet<u64>,
    hasher: RandomState,
}

impl Stream {
    /// Its beginning.
    pub(crate) fn new(root: &[u8], test: bool, limit: usize) -> Result<Self> {
        let mut stream = Self { bytes: Vec::new(), limit, leaving: HashSet::new(), hasher: RandomState::new() };
        stream.field(b"kbuild-guard-rpm", b"1")?;
        stream.field(b"root", root)?;
        stream.field(b"test", if test { b"1" } else { b"0" })?;
        Ok(stream)
    }

    /// A package that leaves; its files follow.
    pub(crate) fn leaving(&mut self, package: Package<'_>) -> Result<()> {
        self.package(b"leaving", package)
    }

    /// A file of the package that leaves.
    pub(crate) fn leaving_file(&mut self, path: &[u8]) -> Result<()> {
        self.leaving.insert(self.place(path));
        self.field(b"file", path)
    }

    /// A package that arrives; its files follow.
    pub(crate) fn arriving(&mut self, package: Package<'_>) -> Result<()> {
        self.package(b"arriving", package)
    }

    /// A file of the package that arrives: told only if it can take the place of one that leaves.
    pub(crate) fn arriving_file(&mut self, path: &[u8]) -> Result<()> {
        if self.leaving.contains(&self.place(path)) { self.field(b"file", path) } else { Ok(()) }
    }

    /// The whole of it.
    pub(crate) fn end(mut self) -> Result<Vec<u8>> {
        self.field(b"end", b"")?;
        Ok(self.bytes)
    }

    fn package(&mut self, key: &[u8], package: Package<'_>) -> Result<()> {
        self.field(key, package.name)?;
        self.field(b"evr", package.evr)?;
        self.field(b"nevra", package.nevra)
    }

    fn field(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        if self.bytes.len().saturating_add(key.len() + value.len() + 2) > self.limit {
            return Err(Error::TooLarge { limit: self.limit });
        }
        self.bytes.extend_from_slice(key);
        self.bytes.push(b'=');
        self.bytes.extend_from_slice(value);
        self.bytes.push(0);
        Ok(())
    }

    /// What a path is compared by: where /lib is a link to /usr/lib, one package may say the one and its next
    /// version the other.
    fn place(&self, path: &[u8]) -> u64 {
        let below_usr = path.strip_prefix(b"/usr").filter(|rest| rest.starts_with(b"/"));
        self.hasher.hash_one(below_usr.unwrap_or(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str) -> Package<'_> {
        Package { name: name.as_bytes(), evr: b"1:2-3", nevra: b"n-1:2-3.x" }
    }

    fn text(stream: Stream) -> String {
        String::from_utf8(stream.end().unwrap()).unwrap().replace('\0', "|")
    }

    #[test]
    fn what_leaves_comes_with_all_its_files_and_what_arrives_with_those_that_count() {
        let mut stream = Stream::new(b"/newroot/", true, LIMIT).unwrap();
        stream.leaving(package("devel")).unwrap();
        stream.leaving_file(b"/usr/src/kernels/6.1").unwrap();
        stream.leaving_file(b"/lib/modules/6.1/build").unwrap();
        stream.arriving(package("devel")).unwrap();
        stream.arriving_file(b"/usr/src/kernels/6.2").unwrap();
        stream.arriving_file(b"/usr/lib/modules/6.1/build").unwrap();
        stream.arriving_file(b"/usr/src/kernels/6.1").unwrap();
        assert_eq!(
            text(stream),
            "kbuild-guard-rpm=1|root=/newroot/|test=1|\
             leaving=devel|evr=1:2-3|nevra=n-1:2-3.x|file=/usr/src/kernels/6.1|file=/lib/modules/6.1/build|\
             arriving=devel|evr=1:2-3|nevra=n-1:2-3.x|file=/usr/lib/modules/6.1/build|file=/usr/src/kernels/6.1|end=|"
        );
    }

    #[test]
    fn usr_is_no_part_of_a_name() {
        let mut stream = Stream::new(b"/", false, LIMIT).unwrap();
        stream.leaving_file(b"/usrlib/x").unwrap();
        stream.leaving_file(b"/usr").unwrap();
        stream.arriving_file(b"lib/x").unwrap();
        stream.arriving_file(b"").unwrap();
        stream.arriving_file(b"/usr").unwrap();
        assert_eq!(text(stream), "kbuild-guard-rpm=1|root=/|test=0|file=/usrlib/x|file=/usr|file=/usr|end=|");
    }

    #[test]
    fn any_byte_but_nul_stays_what_it_is() {
        let mut stream = Stream::new(b"/", false, LIMIT).unwrap();
        stream.leaving_file(b"/a=b\n\xff\x1b").unwrap();
        assert!(stream.end().unwrap().ends_with(b"\0file=/a=b\n\xff\x1b\0end=\0"));
    }

    #[test]
    fn it_ends_at_its_bound() {
        let whole = Stream::new(b"/", false, LIMIT).and_then(Stream::end).unwrap().len();
        assert!(Stream::new(b"/", false, whole).and_then(Stream::end).is_ok());
        let error = Stream::new(b"/", false, whole - 1).and_then(Stream::end).unwrap_err();
        assert!(matches!(error, Error::TooLarge { .. }), "{error}");
    }
}
