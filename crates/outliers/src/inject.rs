//! `soak --inject`: leaks on purpose, to show and test that `soak` finds them.

use std::fs::File;
use std::mem::forget;
use std::str::FromStr;

use pyoutliers::Result;
use pyoutliers::capi;
use pyoutliers::with_python;
use refsoak::CBlock;

/// `KIND/EVERY`: leaks one KIND every EVERY calls.
#[derive(Clone)]
pub struct Injection {
    kind: Kind,
    every: u64,
}

#[derive(Clone, Copy)]
enum Kind {
    Float,
    List,
    Reference,
    Heap,
    File,
}

impl FromStr for Injection {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let usage =
            "write KIND/EVERY, such as float/1000; KIND is float, list, reference, heap or file";
        let (kind, every) = text.split_once('/').ok_or(usage)?;
        let kind = match kind {
            "float" => Kind::Float,
            "list" => Kind::List,
            "reference" => Kind::Reference,
            "heap" => Kind::Heap,
            "file" => Kind::File,
            _ => return Err(usage),
        };
        let every = every.parse().ok().filter(|&every| every > 0).ok_or(usage)?;
        Ok(Self { kind, every })
    }
}

impl Injection {
    /// Leaks if the number of the call, counted from 1, is a multiple of EVERY.
    pub fn leak(&self, call: u64) -> Result<()> {
        if !call.is_multiple_of(self.every) {
            return Ok(());
        }
        match self.kind {
            Kind::Heap => forget(CBlock::new()),
            // When no more files can be opened, enough have leaked.
            Kind::File => forget(File::open("/dev/null")),
            Kind::Float | Kind::List | Kind::Reference => with_python(|py| {
                forget(match self.kind {
                    Kind::List => capi::list_new(py, 0)?.finish()?,
                    Kind::Reference => capi::import_module(py, c"sys")?,
                    _ => capi::float_from_double(py, 1.5)?,
                });
                Ok(())
            })?,
        }
        Ok(())
    }
}
