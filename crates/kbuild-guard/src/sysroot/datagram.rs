// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sending to a socket of the root, for who has something to tell a daemon there.

use std::os::fd::AsRawFd;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use super::{RootPath, Sysroot};
use crate::error::{Error, Result};

/// A daemon that does not read for so long is not there.
const PATIENCE: Duration = Duration::from_secs(5);

impl Sysroot {
    /// Sends each of `datagrams` to the socket at `path`, in order. Nothing but a socket is written to.
    pub fn send<'d>(&self, path: &RootPath, datagrams: impl IntoIterator<Item = &'d [u8]>) -> Result<()> {
        let io = |operation| move |source| Error::Io { operation, path: path.clone(), source };
        let handle = std::fs::File::from(self.open_path(path, true)?);
        if !handle.metadata().map_err(io("look at"))?.file_type().is_socket() {
            return Err(Error::NotFound { path: path.clone() });
        }
        let socket = UnixDatagram::unbound().map_err(io("make a socket for"))?;
        socket.set_write_timeout(Some(PATIENCE)).map_err(io("make a socket for"))?;
        // By its handle: the name could lead elsewhere by now, and out of the root.
        socket.connect(format!("/proc/self/fd/{}", handle.as_raw_fd())).map_err(io("connect to"))?;
        for datagram in datagrams {
            socket.send(datagram).map_err(io("send to"))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_of_the_root_gets_what_is_sent() {
        let dir = tempfile::tempdir().unwrap();
        let root = Sysroot::open(dir.path()).unwrap();
        let path = RootPath::new("/socket");
        assert!(root.send(&path, [&b"x"[..]]).unwrap_err().is_not_found());
        std::fs::write(dir.path().join("file"), "").unwrap();
        assert!(root.send(&RootPath::new("/file"), [&b"x"[..]]).unwrap_err().is_not_found());
        let daemon = UnixDatagram::bind(dir.path().join("socket")).unwrap();
        root.send(&path, [&b"one"[..], b"two"]).unwrap();
        let mut buffer = [0; 9];
        for expected in [b"one", b"two"] {
            let length = daemon.recv(&mut buffer).unwrap();
            assert_eq!(&buffer[..length], expected);
        }
    }
}
