// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where apt's words come from.

use std::fs::File;
use std::io::{self, Read};

/// A release upgrade of a large desktop is about 1 MB.
const LARGEST: u64 = 64 << 20;

/// The whole stream: from the file descriptor apt names (`InfoFD` of apt.conf(5)), which is standard
/// input where it is not configured.
pub(crate) fn read() -> io::Result<Vec<u8>> {
    let fd = std::env::var("APT_HOOK_INFO_FD").ok().and_then(|fd| fd.parse::<u32>().ok()).unwrap_or(0);
    let mut bytes = Vec::new();
    if fd == 0 {
        io::stdin().lock().take(LARGEST).read_to_end(&mut bytes)?;
    } else {
        File::open(format!("/proc/self/fd/{fd}"))?.take(LARGEST).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}
