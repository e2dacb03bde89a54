// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cargo xtask bench`: the hooks beside their peers, by hyperfine, in one run on one throw-away root.
//!
//! Prints the rows of docs/performance.md. Nothing is asserted: times are for people to read.

use std::fmt::Write as _;

use test_roots::{Base, Outcome, Root};

use crate::{Error, base, dist, tools};

/// The two peers that the others are compared with.
const SHELL: &str = "`sh -c :`";
const DKMS: &str = "dkms' postinst.d hook, nothing to build";

/// The stream of an upgrade in which nothing leaves for good or at all.
fn stream(command: &str, actions: &str) -> String {
    let mut text = String::from("VERSION 3\nAPT::Architecture=amd64\nDir=/\nDir::State::status=/var/lib/dpkg/status\n");
    // apt sends 110 to 160 lines of configuration.
    for index in 0..130 {
        let _ = writeln!(text, "Acquire::Some::Setting::Number{index}=with%20a%20value%20of%20usual%20length");
    }
    let _ = write!(text, "CommandLine::AsString={command}\n\n{actions}");
    text
}

/// Measures and prints.
pub(crate) fn run() -> Result<(), Error> {
    if !tools::is_root() {
        return Err(Error::NeedsRoot { task: "bench" });
    }
    tools::ensure(&base::TOOLS)?;
    let package = dist::build()?;
    let base = Base::debian12_kernels(&mut |step| println!("xtask: base: {step}")).map_err(Error::Roots)?;
    let measured = measure(&base, &package).map_err(Error::Roots)?;
    println!("\n{measured}");
    Ok(())
}

fn measure(base: &Base, package: &std::path::Path) -> test_roots::Result<String> {
    // apt protects the newest: the oldest is the one to lose its headers.
    let old = base.releases().first().map_or("", String::as_str);
    let new = base.releases().last().map_or("", String::as_str);
    let root = Root::builder(base).running(old).start()?;
    root.install_deb(package)?.success()?;
    root.sh("apt-get update -qq; apt-get -y -qq install hyperfine jq")?.success()?;
    let install = |name: &str| {
        format!(
            "{name} - - none < 1.0 amd64 none /var/cache/apt/archives/{name}.deb\n{name} - - none < 1.0 amd64 none **CONFIGURE**\n"
        )
    };
    let many: String = (0..1500).map(|index| install(&format!("package-number-{index}"))).collect();
    let removal = format!("linux-headers-{old} 6.1 amd64 none > - - none **REMOVE**\n");
    root.write("/s/1", stream("apt-get%20install%20x", &install("x")))?;
    root.write("/s/3000", stream("apt-get%20install%20x", &many))?;
    root.write("/s/removal", stream("apt-get%20autoremove", &removal))?;
    root.write("/s/unrelated", stream("apt-get%20remove%20make", "make 4.3 amd64 none > - - none **REMOVE**\n"))?;
    // As apt calls it: by a shell, which is what the first row measures alone.
    let hook = |stream: &str| format!("sh -c \"/usr/lib/kbuild-guard/apt-hook </s/{stream} || test $? -ne 10\"");
    let cases = [
        (SHELL, "sh -c :".to_owned()),
        ("apt hook, 1 package arrives", hook("1")),
        ("apt hook, 3,000 lines, nothing leaves", hook("3000")),
        ("apt hook, an unrelated package leaves", hook("unrelated")),
        ("apt hook, needed headers leave: blocked", hook("removal")),
        ("trigger hook, 3 kernels, nothing new", "/usr/lib/kbuild-guard/dpkg-trigger-hook".to_owned()),
        ("`kbuild-guard check`, 1 kernel", format!("kbuild-guard check {new}")),
        ("`kbuild-guard check`, 3 kernels", "kbuild-guard check".to_owned()),
        (DKMS, format!("/etc/kernel/postinst.d/dkms {new}")),
        ("`dkms status`", "dkms status".to_owned()),
        ("`dpkg -S` of one path", format!("dpkg -S /usr/src/linux-headers-{new}")),
    ];
    let mut table = String::from(
        "| case | mean | σ | against `sh -c :` | dkms' hook takes |\n| --- | ---: | ---: | ---: | ---: |\n",
    );
    let mut times: Vec<(&str, f64, f64)> = Vec::new();
    for (name, command) in &cases {
        println!("xtask: bench: {name}");
        // -N: no shell of hyperfine's own in between. -i: findings are an exit status too.
        let script = format!(
            "hyperfine -N -i --warmup 10 --min-runs 40 --export-json /tmp/bench.json '{command}' >/dev/null && jq -r '.results[0] | \"\\(.mean) \\(.stddev)\"' /tmp/bench.json"
        );
        let Outcome { output, .. } = root.sh(&script)?.success()?;
        let mut numbers = output.split_ascii_whitespace().filter_map(|number| number.parse::<f64>().ok());
        times.push((name, numbers.next().unwrap_or(f64::NAN), numbers.next().unwrap_or(f64::NAN)));
    }
    let mean = |name: &str| times.iter().find(|(other, ..)| *other == name).map_or(f64::NAN, |(_, mean, _)| *mean);
    let (shell, dkms) = (mean(SHELL), mean(DKMS));
    for (name, mean, deviation) in &times {
        let _ = writeln!(
            table,
            "| {name} | {:.2} ms | {:.2} ms | {:.1}x | {:.0}x |",
            mean * 1e3,
            deviation * 1e3,
            mean / shell,
            dkms / mean
        );
    }
    Ok(table)
}
