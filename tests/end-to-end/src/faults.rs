// SPDX-License-Identifier: MIT OR Apache-2.0
//! One fault at a time in a real header tree: the verdict is held against what `make` itself says.

use test_roots::{Base, Root};

use crate::{Failure, deb, kernel};

/// A fault, and what is to be said of it.
#[derive(Debug)]
pub struct Fault {
    /// The shell command that makes it.
    pub script: String,
    /// The state that follows.
    pub state: &'static str,
    /// A finding that has to be among those named; none if empty.
    pub finding: &'static str,
    /// Whether `make` builds a module all the same. A broken tree may build what no kernel loads.
    pub builds: bool,
}

/// What was said, by both.
#[derive(Debug)]
pub struct Judged {
    /// The fault's own words.
    pub fault: String,
    /// What we say of the kernel.
    pub kernel: serde_json::Value,
    /// What make said, after its exit status.
    pub make: String,
}

impl Fault {
    /// One after which no module can be built.
    pub fn stops(script: impl Into<String>, finding: &'static str) -> Self {
        Fault { script: script.into(), state: "broken", finding, builds: false }
    }

    /// One after which modules are built, with a risk.
    pub fn risks(script: impl Into<String>, finding: &'static str) -> Self {
        Fault { script: script.into(), state: "degraded", finding, builds: true }
    }

    /// One that does no harm.
    pub fn harmless(script: impl Into<String>) -> Self {
        Fault { script: script.into(), state: "ready", finding: "", builds: true }
    }
}

/// Makes each fault in a root of its own, for the kernel `release`; what differs from what was expected comes back.
pub fn judge(base: &Base, running: &str, release: &str, faults: &[Fault]) -> Result<Vec<Judged>, Failure> {
    let mut wrong = Vec::new();
    for fault in faults {
        let root = Root::builder(base).running(running).offline().start()?;
        root.copy_in(deb()?, "/kbuild-guard.deb")?;
        root.run(&["dpkg", "--unpack", "/kbuild-guard.deb"])?.success()?;
        root.sh(&fault.script)?.success()?;
        let kernel = kernel(&root, release)?;
        let make = root.sh(&format!(
            "mkdir /tmp/m && cd /tmp/m && printf 'obj-m := m.o\\n' >Makefile && \
             printf '#include <linux/module.h>\\nMODULE_LICENSE(\"GPL\");\\n' >m.c && \
             make -C /lib/modules/{release}/build M=/tmp/m modules"
        ))?;
        let findings = kernel.get("findings").and_then(|findings| findings.as_array()).cloned().unwrap_or_default();
        let named = fault.finding.is_empty()
            || findings.iter().any(|finding| finding.get("id").is_some_and(|id| id == fault.finding));
        let state = kernel.get("state").is_some_and(|state| state == fault.state);
        if !named || !state || (make.code == 0) != fault.builds {
            let make = format!("{}: {}", make.code, make.output);
            wrong.push(Judged { fault: fault.script.clone(), kernel, make });
        }
    }
    Ok(wrong)
}
