// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which headers every module build reads, found as the preprocessor finds them: from what kbuild forces on the compiler
//! and what every module includes, in kbuild's search order, under the tree's configuration. No compiler is run.
//!
//! A condition that hangs on the compiler itself is neither true nor false: both branches are gone through, and what is
//! met there is not certain.

mod condition;
mod declarations;
mod directives;
mod entry;
mod expand;
mod macros;
mod search;
mod tokens;
mod truth;
mod units;
mod walk;

pub use entry::{Start, forced_includes, is_tried, written_includes};
pub use walk::{Read, Stop, Unfound};

use crate::build_tree::TreeConfig;
use crate::error::Result;
use crate::sysroot::{RootPath, Status, Sysroot};

/// What a walk through the headers found.
#[derive(Debug, Clone, Default)]
pub struct Reached {
    /// Every file that was read, in order.
    pub reads: Vec<Read>,
    /// What was asked for and is not there.
    pub unfound: Vec<Unfound>,
    /// Places where a header was looked for and something stands that is no file and leads to none: the compiler goes on
    /// to the next place.
    pub passed_over: Vec<RootPath>,
    /// What stands in the headers was read too, and the compiler would stop at nothing.
    pub is_sound: bool,
    /// Every directory that was looked into, and what it was; nothing if it is not there.
    pub directories: Vec<(RootPath, Option<Status>)>,
}

/// What the simplest module says.
const MODULE: &[u8] = b"static int __init begin(void) { return 0; } static void __exit end(void) { } \
                        module_init(begin); module_exit(end); MODULE_LICENSE(\"GPL\");";

/// What modpost writes into it where it includes these headers (`add_header` of scripts/mod/modpost.c).
const WRITTEN: [(&str, &[u8]); 3] = [
    ("linux/build-salt.h", b"BUILD_SALT;"),
    ("linux/elfnote-lto.h", b"BUILD_LTO_INFO;"),
    ("linux/vermagic.h", b"MODULE_INFO(vermagic, VERMAGIC_STRING);"),
];

/// Goes through the headers; `None` for an architecture whose compiler was never tried.
pub fn reached(root: &Sysroot, start: &Start, config: &TreeConfig) -> Result<Option<Reached>> {
    let Some(predefined) = entry::predefined(&start.arch, config) else { return Ok(None) };
    let search = search::Search::new(root, entry::search_path(start));
    let mut walk = walk::Walk::new(search, &predefined);
    go(&mut walk, start)?;
    Ok(Some(walk.finish()))
}

/// Goes through the headers, reading what stands in them: what the compiler would stop at for certain, if there is
/// anything. This takes ten times as long, and is for who has a reason to ask.
pub fn stop(root: &Sysroot, start: &Start, config: &TreeConfig) -> Result<Option<Stop>> {
    let Some(predefined) = entry::predefined(&start.arch, config) else { return Ok(None) };
    let search = search::Search::new(root, entry::search_path(start));
    let mut walk = walk::Walk::listening(search, &predefined);
    go(&mut walk, start)?;
    walk.module(MODULE);
    for (header, text) in WRITTEN {
        if start.included.iter().any(|text| text.contains(header)) {
            walk.module(text);
        }
    }
    Ok(walk.stop())
}

fn go(walk: &mut walk::Walk<'_>, start: &Start) -> Result<()> {
    for path in &start.forced {
        walk.compile(&start.source.join(path))?;
    }
    for text in &start.included {
        walk.directives(text, &start.build)?;
    }
    for text in &start.compiled {
        walk.compile(text)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// A tree of these headers, and what is reached from `<linux/module.h>`.
    fn reached_in(files: &[(&str, &str)]) -> (Vec<String>, Vec<(String, bool)>) {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join("t").join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let root = Sysroot::open(dir.path()).unwrap();
        let tree = RootPath::new("/t");
        let start = Start {
            build: tree.clone(),
            source: tree,
            arch: "x86".to_owned(),
            forced: Vec::new(),
            included: vec!["#include <linux/module.h>\n".to_owned()],
            compiled: Vec::new(),
        };
        let found = reached(&root, &start, &TreeConfig::new("CONFIG_64BIT=y\n")).unwrap().unwrap();
        let name = |path: &RootPath| path.as_path().strip_prefix("/t").unwrap().to_str().unwrap().to_owned();
        let unfound =
            found.unfound.iter().map(|unfound| (String::from_utf8(unfound.name.clone()).unwrap(), unfound.is_certain));
        (found.reads.iter().map(|read| name(&read.path)).collect(), unfound.collect())
    }

    const MODULE: &str = "include/linux/module.h";

    #[test]
    fn searches_in_kbuilds_order() {
        let (reads, unfound) = reached_in(&[
            (MODULE, "#include <asm/a.h>\n#include <linux/b.h>\n#include \"c.h\"\n"),
            ("arch/x86/include/asm/a.h", "#include <uapi/asm/a.h>\n"),
            ("arch/x86/include/uapi/asm/a.h", "#include <asm/generated.h>\n"),
            ("arch/x86/include/generated/uapi/asm/generated.h", ""),
            ("include/asm/a.h", "#include <no.h>\n"),
            ("include/uapi/linux/b.h", ""),
            ("include/linux/c.h", ""),
            ("include/c.h", "#include <no.h>\n"),
        ]);
        assert!(unfound.is_empty(), "{unfound:?}");
        assert_eq!(reads.len(), 6, "{reads:?}");
    }

    #[test]
    fn what_the_compiler_brings_is_not_missed() {
        let (_, unfound) = reached_in(&[(
            MODULE,
            "#include <stdarg.h>\n#if __CHAR_BIT__ * __SIZEOF_LONG__ != 64\n#include <no.h>\n#endif\n#include <yes.h>\n",
        )]);
        assert_eq!(unfound, [("yes.h".to_owned(), true)]);
    }

    #[test]
    fn reads_again_what_no_guard_holds_back() {
        let (reads, unfound) = reached_in(&[
            (
                MODULE,
                "#define F 1\n#include <f.h>\n#undef F\n#define F 2\n#include <f.h>\n#include <g.h>\n#include <g.h>\n",
            ),
            ("include/f.h", "#if F == 1\n#include <one.h>\n#elif F == 2\n#include <two.h>\n#endif\n"),
            ("include/g.h", "#ifndef G\n#define G\n#else\n#include <three.h>\n#endif\n#include <f.h>\n"),
        ]);
        assert_eq!(reads.len(), 3);
        let names: Vec<&str> = unfound.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["one.h", "two.h", "three.h"]);
        assert!(unfound.iter().all(|(_, is_certain)| *is_certain));
    }

    #[test]
    fn what_hangs_on_the_compiler_is_not_certain_until_it_is_asked_for_without() {
        let (_, unfound) = reached_in(&[
            (
                MODULE,
                "#if __has_attribute(x)\n#include <a.h>\n#include <maybe.h>\n#else\n#include <else.h>\n#endif\n#include <a.h>\n",
            ),
            ("include/a.h", "#ifndef A\n#define A\n#include <deep.h>\n#endif\n"),
        ]);
        let expected = [("deep.h", true), ("maybe.h", false), ("else.h", false)];
        assert_eq!(unfound, expected.map(|(name, is_certain)| (name.to_owned(), is_certain)));
    }

    #[test]
    fn ends_where_headers_include_each_other() {
        let (reads, _) = reached_in(&[(MODULE, "#include <a.h>\n"), ("include/a.h", "#include <linux/module.h>\n")]);
        assert_eq!(reads.len(), 2);
    }
}
