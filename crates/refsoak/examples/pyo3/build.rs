//! Records where the libpython is that PyO3 links: the loader might not find it otherwise.

fn main() {
    pyo3_build_config::add_libpython_rpath_link_args();
}
