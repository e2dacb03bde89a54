#![allow(clippy::all, missing_docs)]
use test_roots::{Base, Root};
#[test]
fn scratch() {
    let base = match std::env::var("KBG_BASE").unwrap().as_str() {
        "self12" => Base::debian12_self_built(&mut |_| {}),
        "un13" => Base::debian13_unowned(&mut |_| {}),
        "un12" => Base::debian12_unowned(&mut |_| {}),
        "13" => Base::debian13(&mut |_| {}),
        _ => Base::debian12(&mut |_| {}),
    }
    .unwrap();
    println!("{:?}", base.releases());
    let root = Root::builder(&base).running("6.1.0-0-host").start().unwrap();
    if let Ok(deb) = std::env::var("KBUILD_GUARD_DEB") {
        root.copy_in(deb, "/kbuild-guard.deb").unwrap();
    }
    let script = std::fs::read(std::env::var("KBG_SCRIPT").unwrap()).unwrap();
    root.write("/script.sh", script).unwrap();
    let out = root.sh("sh /script.sh").unwrap();
    println!("{}\n== {}", out.output, out.code);
}
