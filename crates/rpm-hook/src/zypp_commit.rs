// SPDX-License-Identifier: MIT OR Apache-2.0
//! zypper's commit plugin: as long as a commit goes on, what it is about to do stands where the guard finds it. zypper waits
//! for an answer to each frame, and shows nothing of what is said here; whatever is wrong, it gets its answer.

use std::io::{self, BufRead, Read, Write};
use std::path::Path;
use std::process::ExitCode;

use hook_process::caller;
use kbuild_guard::error::Result;
use kbuild_guard::sysroot::Sysroot;
use package_managers::rpm::zypp::{ANSWER, Frame, Plan};

/// What a frame may have at most; the rest of a longer one is a frame of its own, and none that is known.
const LONGEST: u64 = 64 << 20;

/// Talks until zypper has no more to say. There is no deadline: it sleeps while packages are installed.
pub(crate) fn serve() -> ExitCode {
    let mut frame = Vec::new();
    while let Ok(1..) = io::stdin().lock().take(LONGEST).read_until(0, &mut frame) {
        let _ = obey(Frame::parse(frame.strip_suffix(b"\0").unwrap_or(&frame)));
        frame.clear();
        let mut stdout = io::stdout().lock();
        if stdout.write_all(ANSWER).and_then(|()| stdout.flush()).is_err() {
            break;
        }
    }
    // A zypper that was killed says no goodbye.
    let _ = obey(Frame::End);
    ExitCode::SUCCESS
}

fn obey(frame: Frame) -> Result<()> {
    let root = Sysroot::open(Path::new("/"))?;
    match frame {
        Frame::Begin(steps) => match caller::above(1).first() {
            Some(zypper) => Plan::store(&root, &zypper.identity, steps),
            None => Ok(()),
        },
        Frame::End => Plan::forget(&root),
        Frame::Other => Ok(()),
    }
}
