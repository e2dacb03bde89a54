// SPDX-License-Identifier: MIT OR Apache-2.0
//! The decision: pure, from what is lost, by whom, of which kernel, under which policy.

use crate::assess::Assessment;
use crate::losses::Loss;
use crate::policy::{Mode, Policy};
use crate::transaction::Driver;

/// What happens to the transaction. The strongest of its orphans' decisions wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Decision {
    /// It goes on, in silence.
    Allow,
    /// It goes on, and somebody is told.
    Warn,
    /// It does not happen.
    Block,
}

impl Decision {
    /// As it stands in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Decision::Allow => "allow",
            Decision::Warn => "warn",
            Decision::Block => "block",
        }
    }
}

/// Which line of the decision table decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Because {
    /// The guard is switched off.
    Off,
    /// The kernel leaves in the same transaction.
    KernelLeaves,
    /// No module could be built before either.
    NotUsableBefore,
    /// The package manager would remove the kernel's image itself before long.
    ImageAutoremovable,
    /// Everything that needed the headers leaves too.
    DemandLeaves,
    /// The package database is not healthy: this may be the cure.
    Recovery,
    /// Nobody is there to answer.
    Unattended,
    /// The transaction also installs or upgrades.
    AlsoInstalls,
    /// Not a live system.
    NotLive,
    /// The kernel is kept and its headers are needed.
    KeptAndNeeded,
    /// It is an orphan nobody counts on.
    Other,
}

/// What decides besides the loss itself. Everything here is known before [`decide`] is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Situation<'a> {
    /// Who drives.
    pub driver: &'a Driver,
    /// Whether the transaction also installs or upgrades something.
    pub also_installs: bool,
    /// Whether the running kernel is installed in this root and pid 1 lives in it.
    pub live: bool,
    /// Whether every package was fully installed before.
    pub healthy: bool,
}

/// The decision on one orphan: what its kernel is, what it loses, whether anything still needs it afterwards.
pub fn decide(
    orphan: &Assessment,
    loss: &Loss,
    still_needed: bool,
    policy: &Policy,
    situation: &Situation<'_>,
) -> (Decision, Because) {
    let mode = policy.mode_in(situation.driver.override_mode);
    if mode == Mode::Off {
        return (Decision::Allow, Because::Off);
    }
    // 1. Nothing is orphaned.
    if loss.kernel_leaves {
        return (Decision::Allow, Because::KernelLeaves);
    }
    // Where something needs headers, a compiler that is missing today is no reason to lose them as well.
    if !(orphan.state().is_usable() || still_needed && orphan.has_usable_tree()) {
        return (Decision::Allow, Because::NotUsableBefore);
    }
    // 2. Nobody will miss it.
    if orphan.standing.autoremovable && !orphan.kernel.running {
        return (Decision::Allow, Because::ImageAutoremovable);
    }
    if orphan.is_needed() && !still_needed {
        return (Decision::Allow, Because::DemandLeaves);
    }
    // 3. Never stand in the way of recovery.
    if !situation.healthy {
        return (Decision::Warn, Because::Recovery);
    }
    // 4. Never stand in the way of an upgrade, an unattended run or the making of an image.
    let strict = if mode == Mode::Strict { Decision::Block } else { Decision::Warn };
    if !situation.driver.attended {
        return (strict, Because::Unattended);
    }
    if situation.also_installs {
        return (strict, Because::AlsoInstalls);
    }
    if !situation.live {
        return (strict, Because::NotLive);
    }
    // 5. What nobody can have wanted.
    if orphan.kernel.kept.is_some() && still_needed {
        let decision = if mode == Mode::Warn { Decision::Warn } else { Decision::Block };
        return (decision, Because::KeptAndNeeded);
    }
    (strict, Because::Other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build_tree::{BuildLink, Closure, End, LinkKind, Role};
    use crate::checks::{Effect, Finding, FindingId};
    use crate::demand::{Builder, Demand};
    use crate::kernels::{KeptBecause, Kernel};
    use crate::losses::LostHop;
    use crate::package_db::{ImageStanding, Need, PackageId};
    use crate::sysroot::RootPath;
    use crate::transaction::Why;
    use proptest::prelude::*;

    /// One row of the table: everything the decision depends on.
    #[derive(Debug, Clone)]
    struct Row {
        mode: Mode,
        override_mode: Option<Mode>,
        kernel_leaves: bool,
        usable: bool,
        autoremovable: bool,
        running: bool,
        kept: bool,
        needed: bool,
        need_leaves: bool,
        healthy: bool,
        attended: bool,
        also_installs: bool,
        live: bool,
    }

    /// The case that is blocked: a kept, needed kernel, by a person, on a live and healthy system.
    const BLOCKED: Row = Row {
        mode: Mode::Guard,
        override_mode: None,
        kernel_leaves: false,
        usable: true,
        autoremovable: false,
        running: false,
        kept: true,
        needed: true,
        need_leaves: false,
        healthy: true,
        attended: true,
        also_installs: false,
        live: true,
    };

    fn run(row: &Row) -> (Decision, Because) {
        let path = RootPath::new("/x");
        let broken = Finding {
            id: FindingId::ToolMissing,
            effect: Effect::NoBuild,
            path: path.clone(),
            cause: String::new(),
            need: Need::Advice,
            fix: None,
        };
        let demand = Demand { builder: Builder::Dkms, module: "zfs".into(), version: None, anchors: Vec::new() };
        let assessment = Assessment {
            kernel: Kernel {
                release: "6.1.0".parse().unwrap(),
                dir: path.clone(),
                image: path.clone(),
                running: row.running,
                kept: row.kept.then_some(KeptBecause::Newest),
            },
            standing: ImageStanding { autoremovable: row.autoremovable, ..ImageStanding::default() },
            closure: Closure {
                link: BuildLink { path: path.clone(), kind: LinkKind::Missing },
                hops: Vec::new(),
                end: End::Complete,
                gaps: Vec::new(),
                source: None,
            },
            demand: if row.needed { vec![demand] } else { Vec::new() },
            findings: if row.usable { Vec::new() } else { vec![broken] },
        };
        let loss = Loss {
            kernel: 0,
            hops: vec![LostHop { path, role: Role::BuildTree, by: PackageId::new("h"), why: Why::Auto }],
            kernel_leaves: row.kernel_leaves,
            gone: Vec::new(),
        };
        let driver = Driver { attended: row.attended, override_mode: row.override_mode, ..Driver::default() };
        let situation =
            Situation { driver: &driver, also_installs: row.also_installs, live: row.live, healthy: row.healthy };
        let still = row.needed && !row.need_leaves;
        let policy = Policy { mode: row.mode, ..Policy::default() };
        decide(&assessment, &loss, still, &policy, &situation)
    }

    #[test]
    fn the_table() {
        use Because as B;
        use Decision::{Allow, Block, Warn};
        use Mode::{Off, Strict};
        let b = || BLOCKED.clone();
        let table: Vec<(&str, Row, Decision, Because)> = vec![
            ("kept and needed", b(), Block, B::KeptAndNeeded),
            ("off", Row { mode: Off, ..b() }, Allow, B::Off),
            ("warn mode", Row { mode: Mode::Warn, ..b() }, Warn, B::KeptAndNeeded),
            ("override", Row { override_mode: Some(Mode::Warn), ..b() }, Warn, B::KeptAndNeeded),
            ("override off", Row { override_mode: Some(Off), ..b() }, Allow, B::Off),
            ("override strict raises nothing", Row { override_mode: Some(Strict), kept: false, ..b() }, Warn, B::Other),
            (
                "override under strict",
                Row { mode: Strict, override_mode: Some(Mode::Warn), live: false, ..b() },
                Warn,
                B::NotLive,
            ),
            ("kernel leaves too", Row { kernel_leaves: true, ..b() }, Allow, B::KernelLeaves),
            ("broken before", Row { usable: false, ..b() }, Allow, B::NotUsableBefore),
            ("image autoremovable", Row { autoremovable: true, kept: false, ..b() }, Allow, B::ImageAutoremovable),
            ("autoremovable yet running", Row { autoremovable: true, running: true, ..b() }, Block, B::KeptAndNeeded),
            ("the modules leave too", Row { need_leaves: true, ..b() }, Allow, B::DemandLeaves),
            ("recovery", Row { healthy: false, ..b() }, Warn, B::Recovery),
            ("recovery under strict", Row { healthy: false, mode: Strict, ..b() }, Warn, B::Recovery),
            ("unattended", Row { attended: false, ..b() }, Warn, B::Unattended),
            ("unattended under strict", Row { attended: false, mode: Strict, ..b() }, Block, B::Unattended),
            ("also installs", Row { also_installs: true, ..b() }, Warn, B::AlsoInstalls),
            ("also installs under strict", Row { also_installs: true, mode: Strict, ..b() }, Block, B::AlsoInstalls),
            ("not live", Row { live: false, ..b() }, Warn, B::NotLive),
            ("not live under strict", Row { live: false, mode: Strict, ..b() }, Block, B::NotLive),
            ("not kept", Row { kept: false, ..b() }, Warn, B::Other),
            ("not needed", Row { needed: false, ..b() }, Warn, B::Other),
            ("not needed under strict", Row { needed: false, mode: Strict, ..b() }, Block, B::Other),
        ];
        for (name, row, decision, because) in table {
            assert_eq!(run(&row), (decision, because), "{name}");
        }
    }

    fn any_row() -> impl Strategy<Value = Row> {
        let modes = prop_oneof![Just(Mode::Off), Just(Mode::Warn), Just(Mode::Guard), Just(Mode::Strict)];
        (modes.clone(), proptest::option::of(modes), proptest::array::uniform11(any::<bool>())).prop_map(
            |(
                mode,
                override_mode,
                [
                    kernel_leaves,
                    usable,
                    autoremovable,
                    running,
                    kept,
                    needed,
                    need_leaves,
                    healthy,
                    attended,
                    also_installs,
                    live,
                ],
            )| Row {
                mode,
                override_mode,
                kernel_leaves,
                usable,
                autoremovable,
                running,
                kept,
                needed,
                need_leaves,
                healthy,
                attended,
                also_installs,
                live,
            },
        )
    }

    proptest! {
        /// Whatever else holds, these never block.
        #[test]
        fn never_in_the_way(row in any_row()) {
            let (decision, _) = run(&row);
            let never = row.kernel_leaves || !row.usable || !row.healthy || row.override_mode.is_some_and(|mode| mode <= Mode::Warn);
            prop_assert!(!(never && decision == Decision::Block), "{row:?}");
        }

        /// A stricter mode never decides more weakly.
        #[test]
        fn modes_are_ordered(row in any_row()) {
            let in_mode = |mode| run(&Row { mode, ..row.clone() }).0;
            prop_assert!(in_mode(Mode::Off) <= in_mode(Mode::Warn));
            prop_assert!(in_mode(Mode::Warn) <= in_mode(Mode::Guard));
            prop_assert!(in_mode(Mode::Guard) <= in_mode(Mode::Strict));
        }
    }
}
