// SPDX-License-Identifier: MIT OR Apache-2.0
//! A process, started by posix_spawn: it copes with threads, and the child begins with no signal blocked or ignored and no
//! file of the program around us. (The standard library leaves signals blocked; rpm blocks them all during a
//! transaction, and then not even an alarm would end the child.)

use std::ffi::{CStr, c_int};
use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::ptr;

/// A child whose end nobody has waited for yet.
#[derive(Debug)]
pub(crate) struct Process {
    number: libc::pid_t,
}

impl Process {
    /// Starts a program in `/`, with this as its input and both of its outputs, the environment of this process, and a process
    /// group of its own: Ctrl-C is for the program around us, and what the child starts ends with it.
    pub(crate) fn start(program: &CStr, argument: &CStr, input: &File, output: &File) -> io::Result<Self> {
        // Copies have numbers from 3 on: no number that is to be replaced by another.
        let (input, output) = (OwnedFd::from(input.try_clone()?), OwnedFd::from(output.try_clone()?));
        let mut files = Files::new()?;
        files.put(&input, libc::STDIN_FILENO)?;
        files.put(&output, libc::STDOUT_FILENO)?;
        files.put(&output, libc::STDERR_FILENO)?;
        files.close_others()?;
        files.go_to(c"/")?;
        let attributes = Attributes::new()?;

        let arguments = [program.as_ptr().cast_mut(), argument.as_ptr().cast_mut(), ptr::null_mut()];
        // SAFETY: a pointer is copied, as every C function does that passes the environment on.
        let environment = unsafe { libc::environ };
        let mut number: libc::pid_t = 0;
        // SAFETY: both lists end with NULL, what they and the others point to lives through the call, and none is changed.
        answer(unsafe {
            libc::posix_spawn(
                &raw mut number,
                program.as_ptr(),
                files.0.as_ptr(),
                attributes.0.as_ptr(),
                arguments.as_ptr(),
                environment.cast_const(),
            )
        })?;
        Ok(Self { number })
    }

    /// How it ended, if it has. To be asked no more then.
    pub(crate) fn ended(&self) -> io::Result<Option<ExitStatus>> {
        let mut status: c_int = 0;
        // SAFETY: the system writes an int where one is.
        match unsafe { libc::waitpid(self.number, &raw mut status, libc::WNOHANG) } {
            0 => Ok(None),
            -1 => Err(io::Error::last_os_error()),
            _ => Ok(Some(ExitStatus::from_raw(status))),
        }
    }

    /// Ends it and its process group. Only for one that was just seen alive: the number may be another's later.
    pub(crate) fn end(&self) {
        for number in [-self.number, self.number] {
            // SAFETY: two numbers.
            let _ = unsafe { libc::kill(number, libc::SIGKILL) };
        }
    }
}

/// What happens with files in the child.
struct Files(MaybeUninit<libc::posix_spawn_file_actions_t>);

impl Files {
    fn new() -> io::Result<Self> {
        let mut files = MaybeUninit::uninit();
        // SAFETY: the function makes one where there is room for one.
        answer(unsafe { libc::posix_spawn_file_actions_init(files.as_mut_ptr()) })?;
        Ok(Self(files))
    }

    fn put(&mut self, file: &OwnedFd, number: c_int) -> io::Result<()> {
        // SAFETY: `self` was made by the init function, and two numbers are noted in it.
        answer(unsafe { libc::posix_spawn_file_actions_adddup2(self.0.as_mut_ptr(), file.as_raw_fd(), number) })
    }

    /// Where the C library cannot, what is not marked to be closed stays open in the child, for seconds.
    #[cfg(target_env = "gnu")]
    fn close_others(&mut self) -> io::Result<()> {
        // SAFETY: `self` was made by the init function, and a number is noted in it.
        answer(unsafe { libc::posix_spawn_file_actions_addclosefrom_np(self.0.as_mut_ptr(), libc::STDERR_FILENO + 1) })
    }

    #[cfg(not(target_env = "gnu"))]
    #[expect(clippy::unnecessary_wraps, clippy::unused_self, reason = "as the other one")]
    fn close_others(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn go_to(&mut self, directory: &CStr) -> io::Result<()> {
        // SAFETY: `self` was made by the init function, and the path is copied into it.
        answer(unsafe { libc::posix_spawn_file_actions_addchdir_np(self.0.as_mut_ptr(), directory.as_ptr()) })
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        // SAFETY: made by the init function, and undone once.
        let _ = unsafe { libc::posix_spawn_file_actions_destroy(self.0.as_mut_ptr()) };
    }
}

/// What else the child begins with.
struct Attributes(MaybeUninit<libc::posix_spawnattr_t>);

impl Attributes {
    fn new() -> io::Result<Self> {
        let mut attributes = MaybeUninit::uninit();
        // SAFETY: the function makes one where there is room for one.
        answer(unsafe { libc::posix_spawnattr_init(attributes.as_mut_ptr()) })?;
        let mut made = Self(attributes);
        let to = made.0.as_mut_ptr();
        let (none, all) = signals();
        let flags = libc::POSIX_SPAWN_SETSIGMASK | libc::POSIX_SPAWN_SETSIGDEF | libc::POSIX_SPAWN_SETPGROUP;
        // SAFETY: `to` was made by the init function; a set of signals is copied into it.
        answer(unsafe { libc::posix_spawnattr_setsigmask(to, none.as_ptr()) })?;
        // SAFETY: likewise.
        answer(unsafe { libc::posix_spawnattr_setsigdefault(to, all.as_ptr()) })?;
        // SAFETY: likewise; 0 is a group of the child's own.
        answer(unsafe { libc::posix_spawnattr_setpgroup(to, 0) })?;
        // SAFETY: likewise; the flags are small numbers, for which C has a short.
        answer(unsafe { libc::posix_spawnattr_setflags(to, flags as libc::c_short) })?;
        Ok(made)
    }
}

impl Drop for Attributes {
    fn drop(&mut self) {
        // SAFETY: made by the init function, and undone once.
        let _ = unsafe { libc::posix_spawnattr_destroy(self.0.as_mut_ptr()) };
    }
}

/// No signal, and every one.
fn signals() -> (MaybeUninit<libc::sigset_t>, MaybeUninit<libc::sigset_t>) {
    let (mut none, mut all) = (MaybeUninit::uninit(), MaybeUninit::uninit());
    // SAFETY: the function makes a set where there is room for one.
    let _ = unsafe { libc::sigemptyset(none.as_mut_ptr()) };
    // SAFETY: likewise.
    let _ = unsafe { libc::sigfillset(all.as_mut_ptr()) };
    (none, all)
}

/// What these functions answer: 0 or the number of an error.
fn answer(number: c_int) -> io::Result<()> {
    if number == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(number)) }
}
