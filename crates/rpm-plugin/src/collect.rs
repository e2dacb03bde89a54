// SPDX-License-Identifier: MIT OR Apache-2.0
//! From rpm's transaction to the stream.

use crate::error::Result;
use crate::librpm::{Element, Kind, Transaction};
use crate::stream::{LIMIT, Package, Stream};

/// Tells a transaction; `None` if no file can leave in it: then not even lists of files are read.
pub(crate) fn tell(transaction: &Transaction<'_>) -> Result<Option<Vec<u8>>> {
    if transaction.leaves_files_alone() || !transaction.elements().any(|element| element.kind() == Kind::Removed) {
        return Ok(None);
    }
    let mut stream = Stream::new(transaction.root(), transaction.is_test(), LIMIT)?;
    for element in transaction.elements().filter(|element| element.kind() == Kind::Removed) {
        stream.leaving(package(&element))?;
        element.each_file(|path| stream.leaving_file(path))?;
    }
    for element in transaction.elements().filter(|element| element.kind() == Kind::Added) {
        stream.arriving(package(&element))?;
        element.each_file(|path| stream.arriving_file(path))?;
    }
    stream.end().map(Some)
}

fn package<'a>(element: &'a Element<'_>) -> Package<'a> {
    Package { name: element.name(), evr: element.evr(), nevra: element.nevra() }
}
