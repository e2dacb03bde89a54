// SPDX-License-Identifier: MIT OR Apache-2.0
//! librpm, as far as it is needed: the running program's own, and a safe view of its transaction.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::marker::PhantomData;

use crate::error::Result;

/// What rpmteType answers. There are others, which change no file for good.
const TR_ADDED: c_int = 1;
const TR_REMOVED: c_int = 2;

/// RPMTRANS_FLAG_TEST.
const TEST: u32 = 1 << 0;
/// RPMTRANS_FLAG_JUSTDB.
const JUSTDB: u32 = 1 << 3;

/// RPMLOG_NOTICE: shown by default, with nothing put before it.
const NOTICE: c_int = 5;

/// Declares the functions once, for both ways to come by them: as fields of a table, and as what the linker is to find.
macro_rules! functions {
    ($($name:ident: fn($($argument:ty),* $(,)?) $(-> $result:ty)?;)*) => {
        /// The functions of librpm that are called. They are the same from 4.18 to 6.1.
        #[derive(Debug, Clone, Copy)]
        #[expect(non_snake_case, reason = "rpm chooses the names")]
        struct Functions {
            $($name: unsafe extern "C" fn($($argument),*) $(-> $result)?,)*
            rpmlog: unsafe extern "C" fn(c_int, *const c_char, ...),
        }

        #[cfg(feature = "linked")]
        mod linked {
            use super::{c_char, c_int, c_void};

            #[link(name = "rpm")]
            unsafe extern "C" {
                $(pub(super) fn $name($(_: $argument),*) $(-> $result)?;)*
                pub(super) fn rpmlog(code: c_int, format: *const c_char, ...);
            }
        }

        #[cfg(feature = "linked")]
        fn functions(_: &Library) -> Option<Functions> {
            Some(Functions { $($name: linked::$name,)* rpmlog: linked::rpmlog })
        }

        #[cfg(not(feature = "linked"))]
        fn functions(library: &Library) -> Option<Functions> {
            /// The name of a symbol as C has it; made here, where a NUL cannot be forgotten.
            macro_rules! symbol {
                ($symbol:ident, $kind:ty) => {{
                    let name = CStr::from_bytes_with_nul(concat!(stringify!($symbol), "\0").as_bytes()).ok()?;
                    let address = library.symbol(name)?;
                    // SAFETY: the address is that of the function which rpm's headers declare so, in every version
                    // that has one of the sonames that are looked for.
                    unsafe { std::mem::transmute::<*mut c_void, $kind>(address.as_ptr()) }
                }};
            }
            Some(Functions {
                $($name: symbol!($name, unsafe extern "C" fn($($argument),*) $(-> $result)?),)*
                rpmlog: symbol!(rpmlog, unsafe extern "C" fn(c_int, *const c_char, ...)),
            })
        }
    };
}

functions! {
    rpmtsNElements: fn(*mut c_void) -> c_int;
    rpmtsElement: fn(*mut c_void, c_int) -> *mut c_void;
    rpmtsFlags: fn(*mut c_void) -> u32;
    rpmtsRootDir: fn(*mut c_void) -> *const c_char;
    rpmteType: fn(*mut c_void) -> c_int;
    rpmteN: fn(*mut c_void) -> *const c_char;
    rpmteEVR: fn(*mut c_void) -> *const c_char;
    rpmteNEVRA: fn(*mut c_void) -> *const c_char;
    rpmteFiles: fn(*mut c_void) -> *mut c_void;
    rpmfilesFC: fn(*mut c_void) -> c_int;
    rpmfilesDI: fn(*mut c_void, c_int) -> c_int;
    rpmfilesDN: fn(*mut c_void, c_int) -> *const c_char;
    rpmfilesBN: fn(*mut c_void, c_int) -> *const c_char;
    rpmfilesFree: fn(*mut c_void) -> *mut c_void;
}

/// What keeps librpm loaded as long as its functions are used.
#[cfg(feature = "linked")]
#[derive(Debug)]
struct Library;

#[cfg(feature = "linked")]
impl Library {
    fn find() -> Option<Self> {
        Some(Self)
    }
}

/// The librpm that the running program has loaded, held as long as its functions are used. With undefined symbols instead dnf 4
/// would not start: Python loads librpm for itself alone.
#[cfg(not(feature = "linked"))]
#[derive(Debug)]
struct Library(std::ptr::NonNull<c_void>);

#[cfg(not(feature = "linked"))]
impl Library {
    fn find() -> Option<Self> {
        // 10: rpm 4.20 to 6.1. 9: rpm 4.18.
        [c"librpm.so.10", c"librpm.so.9"].into_iter().find_map(|soname| {
            // SAFETY: the name is a C string; with RTLD_NOLOAD nothing is loaded and no code runs.
            let handle = unsafe { libc::dlopen(soname.as_ptr(), libc::RTLD_NOLOAD | libc::RTLD_LAZY) };
            std::ptr::NonNull::new(handle).map(Self)
        })
    }

    fn symbol(&self, name: &CStr) -> Option<std::ptr::NonNull<c_void>> {
        // SAFETY: the handle comes from dlopen and is open; the name is a C string.
        let address = unsafe { libc::dlsym(self.0.as_ptr(), name.as_ptr()) };
        std::ptr::NonNull::new(address)
    }
}

#[cfg(not(feature = "linked"))]
impl Drop for Library {
    fn drop(&mut self) {
        // SAFETY: the handle comes from dlopen and is closed once. It only counts: the program holds its own.
        let _ = unsafe { libc::dlclose(self.0.as_ptr()) };
    }
}

/// librpm and what is called of it.
#[derive(Debug)]
pub(crate) struct Librpm {
    functions: Functions,
    _library: Library,
}

impl Librpm {
    /// The running program's librpm; `None` if it is one that this plugin does not know.
    pub(crate) fn find() -> Option<Self> {
        let library = Library::find()?;
        Some(Self { functions: functions(&library)?, _library: library })
    }

    /// Says something through rpm's log.
    pub(crate) fn log(&self, text: &CStr) {
        // SAFETY: the format takes one C string, and one is given; both live through the call.
        unsafe { (self.functions.rpmlog)(NOTICE, c"%s".as_ptr(), text.as_ptr()) };
    }
}

/// A transaction that rpm is about to run.
#[derive(Debug)]
pub(crate) struct Transaction<'r> {
    librpm: &'r Librpm,
    set: *mut c_void,
}

impl<'r> Transaction<'r> {
    /// Of a `rpmts`; `None` for NULL.
    ///
    /// # Safety
    /// `set` is NULL or a `rpmts` of this librpm, and nobody changes or frees it while this value lives.
    pub(crate) unsafe fn new(librpm: &'r Librpm, set: *mut c_void) -> Option<Self> {
        (!set.is_null()).then_some(Self { librpm, set })
    }

    /// The librpm that runs it.
    pub(crate) fn librpm(&self) -> &Librpm {
        self.librpm
    }

    /// Whether nothing will be changed.
    pub(crate) fn is_test(&self) -> bool {
        self.flags() & TEST != 0
    }

    /// Whether no file will be touched (`--justdb`).
    pub(crate) fn leaves_files_alone(&self) -> bool {
        self.flags() & JUSTDB != 0
    }

    fn flags(&self) -> u32 {
        // SAFETY: `set` is a live rpmts.
        unsafe { (self.librpm.functions.rpmtsFlags)(self.set) }
    }

    /// The root directory it works in, as rpm spells it; `/` if it spells none.
    pub(crate) fn root(&self) -> &[u8] {
        // SAFETY: `set` is a live rpmts.
        let root = unsafe { (self.librpm.functions.rpmtsRootDir)(self.set) };
        // SAFETY: rpm owns the string and keeps it as long as its rpmts, which `self` is bound to.
        match unsafe { bytes(root) } {
            b"" => b"/",
            root => root,
        }
    }

    /// Its packages, in rpm's order.
    pub(crate) fn elements(&self) -> impl Iterator<Item = Element<'_>> {
        // SAFETY: `set` is a live rpmts.
        let count = unsafe { (self.librpm.functions.rpmtsNElements)(self.set) };
        (0..count).filter_map(|index| {
            // SAFETY: `set` is a live rpmts; rpm itself answers NULL to an index that is out of bounds.
            let element = unsafe { (self.librpm.functions.rpmtsElement)(self.set, index) };
            (!element.is_null()).then_some(Element { librpm: self.librpm, element, transaction: PhantomData })
        })
    }
}

/// What a transaction does with a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It arrives.
    Added,
    /// It leaves.
    Removed,
    /// Something that changes no file for good.
    Other,
}

/// A package of a transaction.
#[derive(Debug)]
pub(crate) struct Element<'t> {
    librpm: &'t Librpm,
    /// A `rpmte`, owned by the transaction.
    element: *mut c_void,
    transaction: PhantomData<&'t Transaction<'t>>,
}

impl Element<'_> {
    /// What happens with it.
    pub(crate) fn kind(&self) -> Kind {
        // SAFETY: `element` is a rpmte of a live transaction.
        match unsafe { (self.librpm.functions.rpmteType)(self.element) } {
            TR_ADDED => Kind::Added,
            TR_REMOVED => Kind::Removed,
            _ => Kind::Other,
        }
    }

    /// Its name.
    pub(crate) fn name(&self) -> &[u8] {
        self.text(self.librpm.functions.rpmteN)
    }

    /// Its epoch, version and release.
    pub(crate) fn evr(&self) -> &[u8] {
        self.text(self.librpm.functions.rpmteEVR)
    }

    /// All of that and its architecture.
    pub(crate) fn nevra(&self) -> &[u8] {
        self.text(self.librpm.functions.rpmteNEVRA)
    }

    /// Calls with the path of each of its files.
    pub(crate) fn each_file(&self, mut file: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let Some(files) = Files::of(self) else { return Ok(()) };
        let mut path = Vec::new();
        for index in 0..files.count() {
            path.clear();
            files.path(index, &mut path);
            file(&path)?;
        }
        Ok(())
    }

    fn text(&self, of: unsafe extern "C" fn(*mut c_void) -> *const c_char) -> &[u8] {
        // SAFETY: `of` is one of rpm's functions for a rpmte, which `element` is.
        let text = unsafe { of(self.element) };
        // SAFETY: rpm keeps the string as long as the rpmte, which outlives `self`.
        unsafe { bytes(text) }
    }
}

/// The files of a package.
struct Files<'e> {
    librpm: &'e Librpm,
    /// A `rpmfiles`, of which one reference is ours.
    files: *mut c_void,
}

impl<'e> Files<'e> {
    fn of(element: &'e Element<'_>) -> Option<Self> {
        let librpm = element.librpm;
        // SAFETY: `element` is a rpmte of a live transaction.
        let files = unsafe { (librpm.functions.rpmteFiles)(element.element) };
        (!files.is_null()).then_some(Self { librpm, files })
    }

    fn count(&self) -> c_int {
        // SAFETY: `files` is a rpmfiles that we hold.
        unsafe { (self.librpm.functions.rpmfilesFC)(self.files) }
    }

    /// Appends the path of a file: its directory, which ends in a slash, and its name.
    fn path(&self, index: c_int, path: &mut Vec<u8>) {
        let functions = &self.librpm.functions;
        // SAFETY: `files` is a rpmfiles that we hold; rpm checks the index.
        let directory = unsafe { (functions.rpmfilesDI)(self.files, index) };
        // SAFETY: likewise; an index that is out of bounds gives NULL.
        let directory = unsafe { (functions.rpmfilesDN)(self.files, directory) };
        // SAFETY: likewise.
        let name = unsafe { (functions.rpmfilesBN)(self.files, index) };
        for part in [directory, name] {
            // SAFETY: the string belongs to the rpmfiles and is copied while that is held.
            path.extend_from_slice(unsafe { bytes(part) });
        }
    }
}

impl Drop for Files<'_> {
    fn drop(&mut self) {
        // SAFETY: the reference is ours, and is given back once.
        let _ = unsafe { (self.librpm.functions.rpmfilesFree)(self.files) };
    }
}

/// The bytes of a C string; none for NULL.
///
/// # Safety
/// `text` is NULL or a C string that stays as it is for `'a`.
unsafe fn bytes<'a>(text: *const c_char) -> &'a [u8] {
    if text.is_null() {
        return b"";
    }
    // SAFETY: not NULL, so a C string, as the caller promises.
    unsafe { CStr::from_ptr(text) }.to_bytes()
}
