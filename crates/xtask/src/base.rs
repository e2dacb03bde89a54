// SPDX-License-Identifier: MIT OR Apache-2.0
//! The bases of the throw-away roots: made once, kept in the cache, shown being made.

use test_roots::Base;

use crate::Error;
use crate::tools::Tool;

/// What making and entering a root needs on this machine.
pub(crate) const TOOLS: [Tool; 3] =
    [Tool::program("mmdebstrap", "mmdebstrap"), Tool::program("unshare", "util-linux"), Tool::program("tar", "tar")];

/// What booting one needs.
pub(crate) const BOOT_TOOLS: [Tool; 3] = [
    Tool::program("qemu-system-x86_64", "qemu-system-x86"),
    Tool::program("mkfs.ext4", "e2fsprogs"),
    Tool::program("setpriv", "util-linux"),
];

/// Makes every base that the end-to-end tests stand on.
pub(crate) fn make_all() -> Result<(), Error> {
    let mut say = |step: &str| println!("xtask: base: {step}");
    Base::debian12(&mut say).map_err(Error::Roots)?;
    Base::debian12_kernels(&mut say).map_err(Error::Roots)?;
    Base::debian12_boot(&mut say).map_err(Error::Roots)?;
    Base::debian12_self_built(&mut say).map_err(Error::Roots)?;
    Base::debian12_built_apart(&mut say).map_err(Error::Roots)?;
    Base::debian12_monitoring(&mut say).map_err(Error::Roots)?;
    Base::debian12_packaging(&mut say).map_err(Error::Roots)?;
    Base::debian12_to_13(&mut say).map_err(Error::Roots)?;
    Base::debian13_kernels(&mut say).map_err(Error::Roots)?;
    Base::debian12_front_ends(&mut say).map_err(Error::Roots)?;
    Base::debian12_rpm(&mut say).map_err(Error::Roots)?;
    Base::debian13_rpm(&mut say).map_err(Error::Roots)?;
    Base::sid_rpm(&mut say).map_err(Error::Roots)?;
    Base::debian12_old_kernel(&mut say).map_err(Error::Roots)?;
    Base::debian14(&mut say).map_err(Error::Roots)?;
    Base::debian14_rust(&mut say).map_err(Error::Roots)?;
    Base::debian12_rpm_kernels(&mut say).map_err(Error::Roots)?;
    Base::debian13_rpm_kernels(&mut say).map_err(Error::Roots)?;
    Base::sid_rpm_kernels(&mut say).map_err(Error::Roots)?;
    Base::header_packages(&mut say).map_err(Error::Roots)?;
    Ok(())
}
