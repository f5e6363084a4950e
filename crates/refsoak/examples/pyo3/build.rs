//! Records the directory of the libpython that PyO3 links. Otherwise, the loader might not find it.

fn main() {
    pyo3_build_config::add_libpython_rpath_link_args();
}
