//! Finds a function: the only place that imports modules and looks up names.

use std::ffi::{CStr, CString};
use std::path::{self, Path, PathBuf};
use std::sync::OnceLock;

use super::choice::Rule;
use super::loaded::version;
use super::prelude::module as compiled_in;
use super::started_choice;
use crate::capi::{self, Exception, Held, Owned, Python};
use crate::error::{Error, ErrorKind, Result};

/// Imports a module and looks up a callable in it, by a name that may be dotted.
///
/// A module whose name ends in `.py` is loaded from that file. If there is a `source`, the module is made from it.
pub(crate) fn find<'p>(
    py: Python<'p>,
    module: &str,
    source: Option<&str>,
    function: &str,
) -> Result<Owned<'p>> {
    let (module_name, function_name) = (c_name(module)?, c_name(function)?);
    let imported = if source.is_some() || module.ends_with(".py") {
        load(py, module, source)
    } else {
        capi::import_module(py, &module_name) // new
    };
    let imported = imported.map_err(|exception| import_error(py, module, exception))?;
    look_up(&imported, &function_name)
        .map_err(|error| error.in_function(&format!("{module}:{function}")))
}

/// Makes a module of a file, or of source under that name, unless it exists.
fn load<'p>(py: Python<'p>, path: &str, source: Option<&str>) -> Result<Owned<'p>, Exception> {
    let load = loader(py)?.as_borrowed(py);
    let path = capi::unicode_from_str(py, path)?; // new
    let source = source.map(|source| capi::unicode_from_str(py, source)); // new
    match &source.transpose()? {
        None => capi::object_call_function_obj_args(&load, [&path]), // new
        Some(source) => capi::object_call_function_obj_args(&load, [&path, source]), // new
    }
}

/// The function `load` of `file.py`. Makes a module of that file once.
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
    CString::new(name).map_err(|error| {
        let position = error.nul_position();
        let name = name.to_owned();
        ErrorKind::Name { name, position }.into()
    })
}

/// The error of an import, with advice.
fn import_error(py: Python<'_>, name: &str, exception: Exception) -> Error {
    if exception.is_out_of_memory() {
        return Error::from(exception).in_function(name);
    }
    ErrorKind::Import {
        module: name.to_owned(),
        advice: advice(py, name, &exception),
        exception,
    }
    .into()
}

/// Says in which Python the module was searched for, and what to do.
fn advice(py: Python<'_>, module: &str, exception: &Exception) -> String {
    let Some(choice) = started_choice() else {
        return "other code in this process had started Python".to_owned();
    };
    let library = version(capi::loaded_version());
    let message = exception.message();
    let named = message.strip_prefix("No module named '");
    let unknown = named.and_then(|name| name.strip_suffix('\''));
    // The module itself, or a package that it is in.
    let rest = unknown.and_then(|name| module.strip_prefix(name));
    let is_asked_for = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    let other = match choice.rule {
        Rule::Host => "",
        _ => "; or choose a Python that has it: OUTLIERS_PYTHON=/path/to/python",
    };
    if unknown == Some("numpy") {
        let remedy = install_numpy(py).unwrap_or_default();
        format!("the Python is {choice}; install it: {remedy}{other}")
    } else if is_asked_for && Path::new(&format!("{module}.py")).is_file() {
        format!("the Python is {choice}; to load it from its file, write {module}.py")
    } else if is_asked_for {
        format!(
            "the Python is {choice}; name its directory in PYTHONPATH, as the current one is not \
             searched"
        )
    } else if let Some(directory) = unknown.and_then(|name| directory_with(module, name)) {
        format!(
            "the Python is {choice}; the directory of a file is not searched: name {} in PYTHONPATH",
            directory.display()
        )
    } else if choice.version != library {
        format!(
            "the Python is {choice}; that is Python {} with the library of {library}: choose a \
             Python {library}",
            choice.version
        )
    } else if message.contains("numpy C-extensions failed") {
        format!(
            "the Python is {choice}; this NumPy was made for a Python other than {library}: take it \
             off PYTHONPATH, or install one for this Python"
        )
    } else if unknown.is_some() {
        format!("the Python is {choice}; install what is missing there{other}")
    } else {
        format!("the Python is {choice}")
    }
}

/// The directory of a module's file, if it also has a module or package of that name.
fn directory_with(module: &str, name: &str) -> Option<PathBuf> {
    let directory = path::absolute(module).ok()?.parent()?.to_owned();
    let found = Path::new(module).is_file()
        && (directory.join(format!("{name}.py")).is_file() || directory.join(name).is_dir());
    found.then_some(directory)
}

/// The command that installs NumPy for the running Python.
fn install_numpy(py: Python<'_>) -> Option<String> {
    let source = include_str!("remedy.py");
    let remedy = compiled_in(py, c"_outliers_remedy", c"<outliers>/remedy.py", source).ok()?; // new
    let find = capi::object_get_attr_string(&remedy, c"install_numpy").ok()?; // new
    let command = capi::object_call_function_obj_args(&find, []).ok()?; // new
    capi::unicode_to_string(&command)
}
