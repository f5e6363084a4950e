//! Finding a function: the one place where modules are imported and names are looked up.

use std::ffi::{CStr, CString};
use std::sync::OnceLock;

use super::{import_error, module as compiled_in};
use crate::capi::{self, Held, Owned, Python};
use crate::error::{ErrorKind, Exception, OutOfMemory, Result, text};

/// Imports a module, or the file of one if the name ends in `.py`, or makes it of `source`; looks up a
/// callable in it, by a name that may be dotted. Returns both.
pub(crate) fn find<'p>(
    py: Python<'p>,
    module: &str,
    source: Option<&str>,
    function: &str,
) -> Result<(Owned<'p>, Owned<'p>)> {
    let (module_name, function_name) = (c_name(module)?, c_name(function)?);
    let imported = if source.is_some() || module.ends_with(".py") {
        load(py, module, source)
    } else {
        capi::import_module(py, &module_name) // new
    };
    let imported = imported.map_err(|exception| import_error(py, module, exception))?;
    let found =
        look_up(&imported, &function_name).map_err(|error| match text!("{module}:{function}") {
            Ok(name) => error.in_function(&name),
            Err(OutOfMemory) => error,
        })?;
    Ok((imported, found))
}

/// Makes a module of a file, or of source under that name, unless that was done.
fn load<'p>(py: Python<'p>, path: &str, source: Option<&str>) -> Result<Owned<'p>, Exception> {
    let load = loader(py)?.as_borrowed(py);
    let path = capi::unicode_from_str(py, path)?; // new
    let source = source.map(|source| capi::unicode_from_str(py, source)); // new
    let source = source.transpose()?;
    match &source {
        None => capi::object_call_function_obj_args(&load, [&path]), // new
        Some(source) => capi::object_call_function_obj_args(&load, [&path, source]), // new
    }
}

/// The function `load` of `file.py`, which is made a module once.
fn loader(py: Python<'_>) -> Result<&'static Held, Exception> {
    static LOAD: OnceLock<Held> = OnceLock::new();
    if let Some(load) = LOAD.get() {
        return Ok(load);
    }
    let source = include_str!("file.py");
    let loader = compiled_in(py, c"_outliers_file", c"<outliers>/file.py", source)?; // new
    let load = capi::object_get_attr_string(&loader, c"load")?.into(); // new
    Ok(LOAD.get_or_init(|| load))
}

/// `module.name`, or `module.name.name` and so on.
fn look_up<'p>(module: &Owned<'p>, name: &CStr) -> Result<Owned<'p>> {
    let mut found = module.clone();
    for part in name.to_bytes().split(|&byte| byte == b'.') {
        let part = c_name(str::from_utf8(part).unwrap_or_default())?;
        found = capi::object_get_attr_string(&found, &part).map_err(ErrorKind::Lookup)?; // new
    }
    if capi::callable_check(&found) {
        return Ok(found);
    }
    let got = capi::object_type_name(&found)?;
    Err(ErrorKind::NotCallable { got }.into())
}

/// A name as C takes it.
pub(crate) fn c_name(name: &str) -> Result<CString> {
    // With room for the NUL, so that no more is asked for.
    let mut bytes = Vec::new();
    bytes
        .try_reserve_exact(name.len() + 1)
        .map_err(|_| OutOfMemory)?;
    bytes.extend_from_slice(name.as_bytes());
    CString::new(bytes).or_else(|error| {
        Err(ErrorKind::Name {
            name: text!("{name}")?,
            position: error.nul_position(),
        }
        .into())
    })
}
