// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where the trees of a subject are, asked of a sound root itself and not of our program.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::subject::Stage;

/// Where what is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Layout {
    /// The build link.
    pub(crate) link: String,
    /// The tree it leads to.
    pub(crate) build: String,
    /// The tree whose Makefile that one's includes; the same where it includes none.
    pub(crate) source: String,
    /// The tree that holds `scripts`.
    pub(crate) kbuild: String,
    /// Where other kernels' build links lead, each with its release.
    pub(crate) others: Vec<(String, String)>,
}

const PROBE: &str = r#"link=$(readlink -f "/lib/modules/$R")/build
build=$(readlink -f "$link")
source=$(sed -n 's,^include \(/.*\)/Makefile$,\1,p' "$build/Makefile" | head -n 1)
[ -n "$source" ] || source=$build
scripts=$(readlink -f "$build/scripts")
# With O= the scripts are the source tree's, and the directory of that name holds the programs.
printf 'link %s\nbuild %s\nsource %s\nkbuild %s\n' "$link" "$build" "$(readlink -f "$source")" "${scripts%/scripts}"
for other in /lib/modules/*; do
    tree=$(readlink -f "$other/build") || continue
    [ "${other##*/}" = "$R" ] || [ ! -f "$tree/Makefile" ] || printf 'other %s %s\n' "${other##*/}" "$tree"
done"#;

impl Layout {
    /// Looks into a sound root.
    pub(crate) fn of(stage: &Stage) -> Result<Self> {
        let root = stage.root()?;
        let said = root.command(&["sh", "-eu", "-c", PROBE]).env("R", &stage.release).run()?.success()?;
        let layout = Self::parse(&said.output);
        let whole =
            [&layout.link, &layout.build, &layout.source, &layout.kbuild].iter().all(|path| path.starts_with('/'));
        if whole {
            Ok(layout)
        } else {
            Err(Error::Layout { subject: stage.subject.name, detail: format!("no trees: {}", said.output) })
        }
    }

    fn parse(text: &str) -> Self {
        let mut layout = Self::default();
        for (word, value) in text.lines().filter_map(|line| line.split_once(' ')) {
            match word {
                "link" => value.clone_into(&mut layout.link),
                "build" => value.clone_into(&mut layout.build),
                "source" => value.clone_into(&mut layout.source),
                "kbuild" => value.clone_into(&mut layout.kbuild),
                "other" => layout.others.extend(value.split_once(' ').map(|(a, b)| (a.to_owned(), b.to_owned()))),
                _ => {}
            }
        }
        layout
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_probe_is_read() {
        let layout = Layout::parse("link /l/build\nbuild /b\nsource /s\nkbuild /k\nother 6.1 /o\nother\n");
        assert_eq!(layout.link, "/l/build");
        assert_eq!(layout.others, [("6.1".to_owned(), "/o".to_owned())]);
    }
}
