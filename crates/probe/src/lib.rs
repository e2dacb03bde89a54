// SPDX-License-Identifier: MIT OR Apache-2.0
//! A probe: a trivial module is really built against a kernel's tree, outside of it, as an ordinary user,
//! without a network, within limits; then it is compared with the modules that came with the kernel.
//!
//! It runs what stands in a tree, so it is a crate of its own that no hook is linked with. docs/probe.md
//! tells what confines it. Three processes, each this program again with a hidden first word, since
//! without `unsafe` nothing can be done between fork and exec:
//!
//! | stage | what it is | what it does |
//! | --- | --- | --- |
//! | `enter` | still as the caller | makes the namespaces, waits |
//! | `init` | process 1 of the new ones; with it all others end | makes everything read-only, lays out the module, reads what was built |
//! | `build` | gives up root | sets limits, becomes make |

mod builder;
mod error;
mod listener;
mod order;
mod run;
mod stages;

use std::time::Duration;

use kbuild_guard::assess::Assessment;
use kbuild_guard::build_tree::{End, TreeConfig};
use kbuild_guard::kernels::{Stamp, sample};
use kbuild_guard::machine::Users;
use kbuild_guard::probe::{Fit, Outcome, Probe, SAMPLE};
use kbuild_guard::quote::{quoted, quoted_bytes};
use kbuild_guard::sysroot::{RootPath, Sysroot};

use builder::{Builder, choose};
use order::Order;
use run::Ended;
pub use stages::stage;

/// The largest auto.conf that is read; they have 250 kB.
const LARGEST_CONFIG: usize = 4 << 20;

/// Builds a module for the kernel of `assessment`, whose root must be the caller's own.
pub fn probe(root: &Sysroot, assessment: &Assessment, timeout: Duration) -> Probe {
    let closure = &assessment.closure;
    let Some(tree) = closure.build_tree().filter(|_| closure.end == End::Complete) else {
        return Probe::without_user(Outcome::NoTree);
    };
    let users = Users::read(root);
    let caller = nix::unistd::geteuid().as_raw();
    let builder = match choose(root, &users, closure, caller) {
        Ok(builder) => builder,
        Err(why) => return Probe::without_user(Outcome::Refused(why)),
    };
    let order = Order {
        tree: tree.as_path().to_owned(),
        hops: closure.hops.iter().map(|hop| hop.path.as_path().to_owned()).collect(),
        uid: builder.uid,
        gid: builder.gid,
        by_root: caller == 0,
        variables: variables(root, tree),
        seconds: u32::try_from(timeout.as_secs()).unwrap_or(u32::MAX),
        processes: order::processes_of(builder.uid).saturating_add(order::PROCESSES),
    };
    log::info!("kernel {}: probing {} as {}", assessment.kernel.release, quoted(tree), builder.name);
    let outcome = match run::run(&order, timeout) {
        Ok(ended) => outcome(root, assessment, &builder, ended, timeout),
        Err(error) => Outcome::NotRun(quoted_bytes(error.to_string().as_bytes())),
    };
    let was_run = !matches!(outcome, Outcome::NotRun(_));
    Probe { user: was_run.then_some(builder.name), outcome }
}

fn outcome(root: &Sysroot, assessment: &Assessment, builder: &Builder, ended: Ended, timeout: Duration) -> Outcome {
    match ended {
        Ended::Late => Outcome::TimedOut(format!("the build did not end within {} seconds", timeout.as_secs())),
        Ended::Flooded => Outcome::Failed(format!("more than {} MiB of output", listener::MOST >> 20)),
        Ended::NotConfined(why) => Outcome::NotRun(why),
        Ended::Unreadable => {
            Outcome::NotRun(format!("{} may not read the tree, and nothing is built as root", builder.name))
        }
        Ended::Failed { says: Some(says) } => Outcome::Failed(says),
        Ended::Failed { says: None } => Outcome::Failed("nothing, and fails".to_owned()),
        Ended::Built(built) => {
            let built = Stamp { module: None, vermagic: built.vermagic, versions: built.versions };
            Outcome::Built(Fit::of(&built, &sample(root, &assessment.kernel, SAMPLE)))
        }
    }
}

/// A kernel that clang built wants its modules built by it; kbuild has to be told, as dkms does.
fn variables(root: &Sysroot, tree: &RootPath) -> Vec<String> {
    let bytes = root.read(&tree.join("include/config/auto.conf"), LARGEST_CONFIG).unwrap_or_default();
    let config = TreeConfig::new(String::from_utf8_lossy(&bytes).into_owned());
    [("CONFIG_CC_IS_CLANG", "CC=clang"), ("CONFIG_LD_IS_LLD", "LD=ld.lld")]
        .into_iter()
        .filter(|(option, _)| config.is_set(option))
        .map(|(_, variable)| variable.to_owned())
        .collect()
}
