//! Rust's allocations failed in turn, as well as Python's: in the unit tests, they count as such.
#![allow(clippy::unwrap_used)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::ffi::CStr;
use std::fmt::{self, Write};
use std::io::{self, Write as _};
use std::mem::discriminant;
use std::ptr;
use std::sync::Once;

use super::{fails, prepare_starving, starve};
use crate::capi::{compile_string, import_exec_code_module};
use crate::interpreter::loaded;
use crate::{Error, ErrorKind, Outliers, with_python};

/// The system's allocator, unless the allocation is to fail.
struct Starved;

// SAFETY: blocks are `System`'s, which keeps the contract; a null pointer says that there is none.
// `alloc_zeroed` and `realloc` are those of the trait, by way of `alloc`.
unsafe impl GlobalAlloc for Starved {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if fails() {
            return ptr::null_mut();
        }
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`; the block came from `System`.
        unsafe { System.dealloc(block, layout) };
    }
}

#[global_allocator]
static STARVED: Starved = Starved;

/// Fails each allocation of a call in turn, alone or with all that follow. The call has to say that
/// memory is out, or what it says otherwise; and an error has to be told without any memory. Only
/// where Python puts a traceback into words nothing fails: see `soak::starve`.
fn sweep<T>(name: &str, call: impl Fn() -> Result<T, Error>) {
    struct Nowhere;
    impl Write for Nowhere {
        fn write_str(&mut self, _: &str) -> fmt::Result {
            Ok(())
        }
    }
    let call = || call().map(drop);
    let usual = call();
    let (mut errors, mut others) = (0, 0);
    for following in [false, true] {
        for number in 1.. {
            let last = if following { u64::MAX } else { number };
            let (result, made) = starve(number..=last, || {
                let result = call();
                if let Err(error) = &result {
                    write!(Nowhere, "{error} {error:?}").unwrap();
                }
                result
            });
            if made < number {
                break;
            }
            match result {
                Err(error) if matches!(error.kind(), ErrorKind::OutOfMemory(_)) => errors += 1,
                result => {
                    // There may have been no memory for its name, or for an exception's message.
                    let kind = |result: &Result<(), Error>| {
                        let error = result.as_ref().err();
                        error.map(|error| discriminant(error.kind()))
                    };
                    let (found, usual) = (kind(&result), kind(&usual));
                    assert_eq!(found, usual, "{name}: {number}: {result:?}");
                    others += 1;
                }
            }
            assert_eq!(call(), usual, "{name}: after {number}");
        }
    }
    println!("{name:?}: {errors} out of memory, {others} as usual");
    println!("cases: {}", errors + others);
    assert!(errors > 0);
}

const CALLEES: &CStr = c"
none = None

def ends(data): return [0, len(data) - 1]
def raises(data): raise ValueError('a message ' * 100)
def says(data): raise MemoryError('no room')
def nothing(data): return None
def wrong(data): return [0, 'one']
def large(data): return [1 << 64]
def many(data): return [0] * (len(data) + 1)

def from_another(data): raise KeyError('another') from ValueError('one')

kept = []
def keeps(data):
    for _ in range(20):
        try: says(data)
        except MemoryError as error: kept.append(error)
    return []

class Fails:
    def __iter__(self): return self
    def __next__(self): raise OSError('in the middle')

def fails(data): return Fails()
# Nothing that computes: there, Python 3.11 itself loses floats when memory runs out.
def named(data, scale): return [scale] * len(data)
";

/// Once, before the first test.
fn prepare() {
    static PREPARED: Once = Once::new();
    PREPARED.call_once(|| {
        let made = with_python(|py| {
            let code = compile_string(py, CALLEES, c"starved.py").unwrap();
            import_exec_code_module(c"starved", &code).unwrap();
            Ok(())
        });
        made.unwrap();
        // Rust's allocations alone: an import without memory hangs in some versions of Python.
        sweep("absent.f", || Outliers::new("absent", "f"));
        sweep("source", || Outliers::from_source("f = len", "f.py", "f"));
        assert!(with_python(|py| Ok(prepare_starving(py))).unwrap());
    });
}

fn calls(names: &[&str]) {
    // With the list of the call before, and with a new one.
    for (name, most) in names.iter().flat_map(|name| [(name, 3), (name, 0)]) {
        let function = Outliers::new("starved", name).unwrap().keep_up_to(most);
        sweep(name, || function.detect(&[1.0, 2.0, 3.0]));
    }
}

#[test]
fn each_of_rusts_allocations_may_fail_too() {
    prepare();
    for name in ["ends", "none", "absent", "a\0b"] {
        sweep(name, || Outliers::new("starved", name));
    }
    calls(&["ends", "raises", "from_another", "says"]);
    calls(&["nothing", "wrong", "large", "many", "fails"]);
    sweep("gen_testdata", crate::gen_testdata);
    let found = || Outliers::new("starved", "named");
    for name in ["scale", "a\0b"] {
        sweep(name, || found()?.with(name, "text"));
    }
    for (name, value) in [("scale", 2.5), ("none", 2.5)] {
        let function = found().unwrap().with(name, value).unwrap();
        sweep("named", || function.transform(&[1.0, 2.0]));
    }
    for name in ["nothing", "wrong"] {
        let function = Outliers::new("starved", name).unwrap();
        sweep(name, || function.transform(&[1.0, 2.0]));
    }
}

/// Python has some spare MemoryErrors, and a last one for when those are in use.
#[test]
fn without_spare_memory_errors_too() {
    prepare();
    if !loaded().version.is_at_least(3, 12) {
        let why = "SKIPPED, without spare MemoryErrors: before 3.12 that ends Python by itself";
        println!("{why}");
        let _ = writeln!(io::stderr(), "{why}");
        return;
    }
    let keeps = Outliers::new("starved", "keeps").unwrap();
    for name in ["raises", "from_another", "says"] {
        keeps.detect(&[1.0]).unwrap();
        calls(&[name]);
    }
}
