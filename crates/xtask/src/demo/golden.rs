// SPDX-License-Identifier: MIT OR Apache-2.0
//! The demo where no system can be made: the command on a layout that lies in the repository.

use std::process::Command;

use crate::{Error, tools};

/// Shows the command's answers about the golden layout of Debian 12.
pub(super) fn show(why: &str) -> Result<(), Error> {
    println!("\n{why}");
    println!(
        "\nSo this is not the real thing: no apt runs below. It is the command, on the files of a Debian 12 system"
    );
    println!("that lie in tests/layouts/debian12. As root, with a network, this demo shows real transactions.");
    let root = tools::workspace()?.join("tests/layouts/debian12/root");
    tools::run(Command::new(tools::cargo()).args(["build", "--quiet", "--package=kbuild-guard-cli"]))?;
    let program = tools::target_dir()?.join("debug/kbuild-guard");
    for words in [
        &["status"][..],
        &["what-if", "--as-live", "remove", "linux-headers-6.1.0-56-cloud-amd64"],
        &["explain", "6.1.0-56-cloud-amd64"],
    ] {
        println!("\n$ kbuild-guard --root tests/layouts/debian12/root {}", words.join(" "));
        // Findings are an exit status too.
        let _ = Command::new(&program).arg("--root").arg(&root).args(words).status();
    }
    Ok(())
}
