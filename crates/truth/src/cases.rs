// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which cases there are for a subject, and which of them a run takes.

use std::collections::HashSet;

use crate::case::{Case, Claim, Family};
use crate::choose::{choose, pairs};
use crate::layout::Layout;
use crate::learn::Learnt;
use crate::structural;

/// How much of what could be tried is tried.
#[derive(Debug, Clone, Copy)]
pub struct Extent {
    /// So many removed files, and a third as many of every other kind that is chosen from; `None`: every file that is read,
    /// removed and emptied, and some of the rest.
    pub sample: Option<usize>,
    /// What decides the choice.
    pub seed: u64,
}

impl Extent {
    fn removed(self) -> Option<usize> {
        self.sample
    }

    fn emptied(self) -> Option<usize> {
        self.sample.map(|sample| sample.div_ceil(3))
    }

    fn others(self, all: usize) -> usize {
        self.sample.map_or(all, |sample| sample.div_ceil(3))
    }
}

/// The cases of a run, no script twice.
pub(crate) fn cases(layout: &Layout, learnt: &Learnt, extent: Extent) -> Vec<Case> {
    let mut cases = structural::cases(layout, learnt);
    let of_read = |family: Family, most: Option<usize>, script: fn(&str) -> String| {
        // The seed differs by family, so that not always the same files are chosen.
        let chosen = choose(learnt.read.clone(), |path| format!("{} {path}", family.as_str()), extent.seed, most);
        let case =
            move |path: String| Case::new(family, format!("{}: {path}", family.as_str()), script(&path)).harming(&path);
        chosen.into_iter().map(case)
    };
    let others = Some(extent.others(60));
    cases.extend(of_read(Family::Absent, extent.removed(), |path| format!("rm {path}")));
    cases.extend(of_read(Family::Empty, extent.emptied(), |path| format!(": >{path}")));
    cases.extend(of_read(Family::Directory, others, |path| format!("rm {path}; mkdir {path}")));
    cases.extend(of_read(Family::Dangling, others, |path| format!("ln -sf /nowhere/at/all {path}")));
    let unread = choose(learnt.unread.clone(), |(path, _)| path.clone(), extent.seed, Some(extent.others(100)));
    cases.extend(unread.into_iter().map(|(file, package)| Case {
        claim: Claim::Names { file: file.clone(), package },
        ..Case::new(Family::Unread, format!("unread: {file}"), format!("rm '{file}'")).harming(&file)
    }));
    let mut scripts = HashSet::new();
    cases.retain(|case| scripts.insert(case.script.clone()));
    let singles: Vec<Case> = cases.iter().filter(|case| case.family != Family::Sound).cloned().collect();
    let pairs = pairs(&singles, |case| &case.name, extent.seed, extent.others(100));
    cases.extend(pairs.into_iter().map(|(one, other)| both(one, other)));
    cases
}

/// Both faults; the second may find nothing left to harm.
fn both(one: &Case, other: &Case) -> Case {
    let script = format!("( {} )\n( {} ) || true", one.script, other.script);
    Case::new(Family::Pair, format!("{} + {}", one.name, other.name), script)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learnt() -> Learnt {
        Learnt {
            read: (0..100).map(|number| format!("/b/include/f{number}.h")).collect(),
            executable: vec!["/b/scripts/basic/fixdep".into()],
            elf: vec!["/b/scripts/basic/fixdep".into()],
            programs: vec!["/usr/bin/gcc-12".into(), "/usr/bin/sed".into()],
            unread: (0..100).map(|number| (format!("/b/u{number}.h"), "p".to_owned())).collect(),
        }
    }

    fn some(extent: Extent) -> Vec<Case> {
        let layout = Layout {
            link: "/lib/modules/R/build".into(),
            build: "/b".into(),
            source: "/s".into(),
            kbuild: "/k".into(),
            others: vec![("6.1".into(), "/o".into())],
        };
        cases(&layout, &learnt(), extent)
    }

    #[test]
    fn all_is_every_read_file_removed_and_emptied() {
        let cases = some(Extent { sample: None, seed: 1 });
        let count = |family| cases.iter().filter(|case| case.family == family).count();
        assert_eq!((count(Family::Absent), count(Family::Empty)), (100, 100));
        assert_eq!((count(Family::Directory), count(Family::Unread), count(Family::Pair)), (60, 100, 100));
        assert!(cases.iter().any(|case| case.name == "/usr/bin/gcc-12 gone"));
        assert!(!cases.iter().any(|case| case.name == "/usr/bin/sed gone"));
    }

    #[test]
    fn a_sample_is_within_its_bounds_and_keeps_the_structure() {
        let (all, cases) = (some(Extent { sample: None, seed: 1 }), some(Extent { sample: Some(9), seed: 1 }));
        let count = |cases: &[Case], family| cases.iter().filter(|case| case.family == family).count();
        assert_eq!((count(&cases, Family::Absent), count(&cases, Family::Pair)), (9, 3));
        for family in [Family::Link, Family::Trees, Family::Identity, Family::HostTools, Family::System, Family::Spare]
        {
            assert_eq!(count(&cases, family), count(&all, family));
        }
    }

    #[test]
    fn names_and_scripts_come_once() {
        let cases = some(Extent { sample: None, seed: 1 });
        let names: HashSet<&String> = cases.iter().map(|case| &case.name).collect();
        let scripts: HashSet<&String> = cases.iter().map(|case| &case.script).collect();
        assert_eq!((names.len(), scripts.len()), (cases.len(), cases.len()));
    }
}
