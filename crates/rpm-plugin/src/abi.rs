// SPDX-License-Identifier: MIT OR Apache-2.0
//! What rpm sees of the plugin: a table of functions, as its rpmplugin.h has it.

use std::ffi::{c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::Error;
use crate::guard;
use crate::librpm::{Librpm, Transaction};
use crate::stderr;
use crate::wording;

/// rpm goes on.
const RPMRC_OK: c_int = 0;
/// rpm gives the transaction up, with nothing changed.
const RPMRC_FAIL: c_int = 2;

/// A place in the table for a function that this plugin does not have.
type Unused = Option<extern "C" fn()>;

/// `struct rpmPluginHooks_s`: the same twelve pointers from rpm 4.18 to 6.1. Those that are NULL are not called.
#[repr(C)]
#[derive(Debug)]
pub struct Hooks {
    init: Unused,
    cleanup: Unused,
    tsm_pre: Option<extern "C" fn(*mut c_void, *mut c_void) -> c_int>,
    tsm_post: Unused,
    psm_pre: Unused,
    psm_post: Unused,
    scriptlet_pre: Unused,
    scriptlet_fork_post: Unused,
    scriptlet_post: Unused,
    fsm_file_pre: Unused,
    fsm_file_post: Unused,
    fsm_file_prepare: Unused,
    /// An rpm to come may add some at the end and read them.
    to_come: [Unused; 12],
}

/// The symbol that rpm looks for: the plugin's name is `kbuild_guard`. There is nothing to set up, so there is no `init` that
/// could fail: a plugin whose init fails makes `rpm -e` do nothing and say that it did.
// SAFETY: no other symbol has this name, whose `kbuild_guard` is that of rpm's macro.
#[unsafe(no_mangle)]
pub static kbuild_guard_hooks: Hooks = Hooks {
    init: None,
    cleanup: None,
    tsm_pre: Some(tsm_pre),
    tsm_post: None,
    psm_pre: None,
    psm_post: None,
    scriptlet_pre: None,
    scriptlet_fork_post: None,
    scriptlet_post: None,
    fsm_file_pre: None,
    fsm_file_post: None,
    fsm_file_prepare: None,
    to_come: [None; 12],
};

/// Called before anything is changed, for `--test` too.
extern "C" fn tsm_pre(_plugin: *mut c_void, transaction_set: *mut c_void) -> c_int {
    let stops = catch_unwind(AssertUnwindSafe(|| {
        // The standard library, and so this hook, is the plugin's own: nobody else's panics are silenced.
        std::panic::set_hook(Box::new(|_| {}));
        let Some(librpm) = Librpm::find() else { return false };
        // SAFETY: rpm calls this with the transaction set that it is running, which lives until it returns.
        let transaction = unsafe { Transaction::new(&librpm, transaction_set) };
        transaction.is_some_and(|transaction| guard::stops(&transaction))
    }));
    // What the plugin could not foresee must not be the one thing that stops people.
    let stops = stops.unwrap_or_else(|_| {
        let _ = catch_unwind(|| stderr::write(&wording::complaint(&Error::Panicked)));
        false
    });
    if stops { RPMRC_FAIL } else { RPMRC_OK }
}
