// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files that every build reads: generated headers, kbuild's makefiles and scripts, basic headers.

use super::inspection::{Found, Inspection, fault};
use super::{Effect, FindingId};
use crate::build_tree::build_inputs::{Family, INPUTS, LINKER_SCRIPTS, Run, Side, TOP};
use crate::build_tree::parts_of_kbuild;
use crate::includes::is_tried;
use crate::package_db::Need;
use crate::quote::quoted;
use crate::sysroot::{Directory, Kind, RootPath, WalkEnd};

/// One finding a family.
pub(super) fn check(inspection: &mut Inspection<'_>) {
    let prepared = inspection.find(&inspection.build.join("include/generated/autoconf.h"));
    // Where the headers were gone through, all that is missing of them was found; where not, these few are asked for.
    let walked = inspection.arch.as_deref().is_some_and(is_tried);
    let generated = if walked { Faults::new() } else { faults(inspection, Family::Generated) };
    let some = generated_asm(inspection);
    // A tree that was never prepared lacks all of these; that is said in one finding already.
    if fault(&prepared).is_none() {
        no_machine(inspection);
        inspection.add_missing(FindingId::GeneratedMissing, Effect::NoBuild, generated);
        inspection.add_missing(FindingId::SomeHeaderMissing, Effect::Risk, some);
        linker_script(inspection);
    }
    kbuild(inspection);
    let headers = if walked { Faults::new() } else { faults(inspection, Family::Header) };
    inspection.add_missing(FindingId::HeaderMissing, Effect::NoBuild, headers);
}

fn faults(inspection: &mut Inspection<'_>, family: Family) -> Vec<(RootPath, &'static str)> {
    let mut faults = Vec::new();
    for input in INPUTS.iter().filter(|input| input.family == family) {
        if !inspection.is_read(input) {
            continue;
        }
        let Some(path) = inspection.path(input.side, input.path) else { continue };
        if let Some(what) = fault(&inspection.find(&path)) {
            faults.push((path, what));
        }
    }
    faults
}

/// A prepared tree has generated headers of one machine at least; without them not even that is known which it is for.
fn no_machine(inspection: &mut Inspection<'_>) {
    if inspection.arch.is_none() {
        let path = inspection.build.join("arch");
        let cause = format!("{} holds no generated headers of any machine", quoted(&path));
        inspection.add(FindingId::GeneratedMissing, Effect::NoBuild, path.clone(), cause, Need::Path(path));
    }
}

/// kbuild's own files: those without which a build stops, and those that it takes empty.
fn kbuild(inspection: &mut Inspection<'_>) {
    let listed = INPUTS.iter().filter(|input| input.family == Family::Kbuild);
    let mut read: Vec<(RootPath, bool, Run)> = listed
        .filter(|input| inspection.is_read(input))
        .filter_map(|input| Some((inspection.path(input.side, input.path)?, input.passes_empty, input.run)))
        .collect();
    read.extend(included_parts(inspection).into_iter().map(|path| (path, true, Run::No)));
    let (mut missing, mut empty) = (Faults::new(), Faults::new());
    for (path, passes_empty, run) in read {
        let found = inspection.find(&path);
        if run == Run::ByName && not_executable(inspection, &path, &found) {
            continue;
        }
        if let Some(what) = fault(&found) {
            let passes = match found {
                Found::Empty(_) => passes_empty,
                Found::NotAFile => run == Run::ByShell && shell_passes_directories(inspection, &path),
                _ => false,
            };
            let faults = if passes { &mut empty } else { &mut missing };
            faults.push((path, what));
        }
    }
    inspection.add_missing(FindingId::KbuildMissing, Effect::NoBuild, missing);
    inspection.add_missing(FindingId::KbuildEmpty, Effect::Risk, empty);
}

/// Says so if a file may not be executed.
pub(super) fn not_executable(inspection: &mut Inspection<'_>, path: &RootPath, found: &Found) -> bool {
    let (Found::Fine(status) | Found::Empty(status)) = found else { return false };
    if status.is_executable() {
        return false;
    }
    let cause = format!("{} has mode {:04o}", quoted(path), status.mode);
    inspection.add(FindingId::ToolNotExecutable, Effect::NoBuild, path.clone(), cause, Need::Path(path.clone()));
    true
}

/// dash reads nothing from a directory and succeeds; other shells refuse it.
fn shell_passes_directories(inspection: &Inspection<'_>, path: &RootPath) -> bool {
    let is_dash = matches!(
        inspection.root.walk(&RootPath::new("/bin/sh")).end,
        WalkEnd::Found { path, .. } if path.file_name() == "dash"
    );
    is_dash && inspection.root.status(path).is_ok_and(|status| status.kind == Kind::Directory)
}

/// The makefiles that the top Makefile includes by lists, for what is configured.
fn included_parts(inspection: &Inspection<'_>) -> Vec<RootPath> {
    let Some(top) = inspection.path(Side::Source, TOP) else { return Vec::new() };
    let text = inspection.text(&top);
    parts_of_kbuild(&text)
        .filter(|(option, _)| option.is_none_or(|option| inspection.config.is_set(option)))
        .filter_map(|(_, part)| inspection.path(Side::Source, part))
        .collect()
}

/// Upstream has the linker script in one place; Debian's makefile looks in a second one too, and its
/// packages have it there.
fn linker_script(inspection: &mut Inspection<'_>) {
    let Some(modfinal) = inspection.path(Side::Source, "scripts/Makefile.modfinal") else { return };
    let text = inspection.text(&modfinal);
    if !text.contains("module.lds") {
        return;
    }
    let [upstream, debian] = LINKER_SCRIPTS;
    let read: &[&str] = if text.contains("arch/$(SRCARCH)/module.lds") { &[debian, upstream] } else { &[upstream] };
    let places: Vec<RootPath> = read.iter().filter_map(|path| inspection.path(Side::Build, path)).collect();
    let found: Vec<_> = places.iter().map(|path| inspection.find(path)).collect();
    if found.iter().any(|found| fault(found).is_none()) {
        return;
    }
    // An empty one adds nothing to how the linker puts a module together.
    let empty = places.iter().zip(&found).find(|(_, found)| matches!(found, Found::Empty(_)));
    let (path, id, effect) = match (empty, places.first()) {
        (Some((path, _)), _) => (path.clone(), FindingId::KbuildEmpty, Effect::Risk),
        (None, Some(path)) => (path.clone(), FindingId::KbuildMissing, Effect::NoBuild),
        (None, None) => return,
    };
    let Some(what) = fault(&inspection.find(&path)) else { return };
    let cause = format!("{} {what}", quoted(&path));
    inspection.add(id, effect, path.clone(), cause, Need::Path(path));
}

type Faults = Vec<(RootPath, &'static str)>;

/// The headers that kbuild generates for an architecture, by the tree's own lists. Those that every module reaches are
/// spoken of already.
///
/// `generic-y` of arch/X/include/{asm,uapi/asm}/Kbuild are always generated; `mandatory-y` of
/// include/{asm-generic,uapi/asm-generic}/Kbuild where the architecture has no header of its own
/// (Documentation/kbuild/makefiles.rst, "Generic header files"). `generated-y` may depend on the
/// configuration, so these are not asked for.
fn generated_asm(inspection: &mut Inspection<'_>) -> Faults {
    let mut faults = Faults::new();
    for (own, generic, generated) in [
        ("arch/$ARCH/include/asm", "include/asm-generic/Kbuild", "arch/$ARCH/include/generated/asm"),
        ("arch/$ARCH/include/uapi/asm", "include/uapi/asm-generic/Kbuild", "arch/$ARCH/include/generated/uapi/asm"),
    ] {
        let paths = (
            inspection.path(Side::Source, own),
            inspection.path(Side::Source, generic),
            inspection.path(Side::Build, generated),
        );
        let (Some(own), Some(generic), Some(generated)) = paths else { continue };
        let own_list = inspection.text(&own.join("Kbuild"));
        let generic_list = inspection.text(&generic);
        let mut expected: Vec<&str> = listed(&own_list, "generic-y").collect();
        let own = Files::of(inspection, own);
        let is_missing = |name: &&str| matches!(own.find(inspection, name), Found::Absent | Found::InGap);
        expected.extend(listed(&generic_list, "mandatory-y").filter(is_missing));
        let generated = Files::of(inspection, generated);
        for name in expected {
            let path = generated.dir.join(name);
            if inspection.is_said(&path) {
                continue;
            }
            if let Some(what) = fault(&generated.find(inspection, name)) {
                faults.push((path, what));
            }
        }
    }
    faults
}

/// Files of one directory, which is entered once.
struct Files {
    dir: RootPath,
    /// Not where it could not be entered: then they are looked for one by one.
    held: Option<Directory>,
}

impl Files {
    fn of(inspection: &Inspection<'_>, dir: RootPath) -> Self {
        let held = inspection.root.enter(&dir).ok();
        Files { dir, held }
    }

    fn find(&self, inspection: &mut Inspection<'_>, name: &str) -> Found {
        inspection.find_in(self.held.as_ref(), &self.dir.join(name))
    }
}

/// The headers that a Kbuild file adds to one of its lists.
fn listed<'text>(text: &'text str, list: &str) -> impl Iterator<Item = &'text str> {
    text.lines()
        .filter_map(move |line| line.strip_prefix(list)?.trim_start().strip_prefix("+="))
        .flat_map(|names| names.split('#').next().unwrap_or_default().split_ascii_whitespace())
        .filter(|name| name.ends_with(".h") && !name.contains(['$', '/']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_kbuild_list() {
        let text = "# generic-y += no.h\ngeneric-y += a.h b.h # c.h\ngeneric-y\t+= d.h\ngeneric-$(X) += e.h\n";
        let names: Vec<&str> = listed(text, "generic-y").collect();
        assert_eq!(names, ["a.h", "b.h", "d.h"]);
    }
}
